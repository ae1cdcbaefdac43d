"""What a SLURM cluster says of itself and of its queue, and what our jobs ask it for."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from uncover.config.cluster import Cluster, JobResources

SECONDS_TO_END = 120.0
"""How long cancelled jobs may take; SLURM kills them after its KillWait, of 30 seconds by default."""

UNLIMITED = 10**9


class NoAnswer(Exception):
    """A program of SLURM is missing, or does not answer."""


@dataclass(frozen=True)
class Node:
    """The most that a job gets on one node.

    Attributes:
        partition: Name.
        default: Whether jobs that name no partition go there.
        cpus: Processors.
        mem_mb: Memory, in MB.
        minutes: Time limit of the partition.
        gpus: GPUs by model; of no model under "".
    """

    partition: str
    default: bool
    cpus: int
    mem_mb: int
    minutes: int
    gpus: dict[str, int]

    def __str__(self) -> str:
        limit = "no time limit" if self.minutes == UNLIMITED else f"{self.minutes} minutes"
        gpus = "".join(f", {count} GPUs {model}".rstrip() for model, count in self.gpus.items())
        return f"{self.cpus} processors, {self.mem_mb} MB, {limit}{gpus}"


@dataclass(frozen=True)
class Asked:
    """What jobs of a rule ask for; see `demands.demand`."""

    rule: str
    cpus: int
    mem_mb: int
    minutes: int
    gpus: int
    gpu_model: str | None
    partition: str | None


def nodes() -> list[Node]:
    """All nodes of all partitions.

    Raises:
        NoAnswer: SLURM does not answer.
    """
    found = []
    for line in _ask("sinfo", "--noheader", "--Node", "--format=%P|%c|%m|%l|%G").splitlines():
        partition, cpus, memory, limit, gres = (word.strip() for word in line.split("|"))
        default = partition.endswith("*")
        found.append(
            Node(partition.rstrip("*"), default, _number(cpus), _number(memory), minutes_of(limit), gpus_of(gres))
        )
    return found


def gpus_of(gres: str) -> dict[str, int]:
    """GPUs by model in a node's generic resources, such as "gpu:a100:4(S:0-1),lustre:1"."""
    gpus: dict[str, int] = {}
    for model, count in re.findall(r"(?:^|,)gpu:(?:([^:,(]+):)?(\d+)", gres):
        gpus[model] = gpus.get(model, 0) + int(count)
    return gpus


def minutes_of(limit: str) -> int:
    """Minutes of a time as SLURM writes it, such as "2-00:00:00", "30:00" or "infinite"."""
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", limit)
    if match is None:
        return UNLIMITED
    days, hours, minutes = (int(word or 0) for word in match.groups()[:3])
    return (days * 24 + hours) * 60 + minutes


def misfits(asked: Iterable[Asked], there: Collection[Node]) -> list[str]:
    """What can never run: SLURM would keep such jobs waiting for ever.

    Args:
        asked: By jobs.
        there: What nodes have.

    Returns:
        A line for each that no node fulfils: what is asked, and the most there is.
    """
    lines = []
    for each in sorted(set(asked), key=lambda each: each.rule):
        own = [node for node in there if (node.partition == each.partition if each.partition else node.default)]
        where = f"partition {each.partition}" if each.partition else "the default partition"
        if not own:
            known = ", ".join(sorted({node.partition for node in there}))
            lines.append(f"{each.rule}: there is no {where}; partitions: {known}")
        elif not any(_fits(each, node) for node in own):
            lines.append(f"{each.rule}: asks for {_words(each)}, and no node of {where} has it ({_most(own)})")
    return lines


def _fits(asked: Asked, node: Node) -> bool:
    gpus = node.gpus.get(asked.gpu_model, 0) if asked.gpu_model else sum(node.gpus.values())
    return (
        asked.cpus <= node.cpus and asked.mem_mb <= node.mem_mb and asked.minutes <= node.minutes and asked.gpus <= gpus
    )


def _words(asked: Asked) -> str:
    gpus = f", {asked.gpus} GPUs {asked.gpu_model or ''}".rstrip() if asked.gpus else ""
    return f"{asked.cpus} processors, {asked.mem_mb} MB, {asked.minutes} minutes{gpus}"


def _most(there: Collection[Node]) -> str:
    kinds = sorted(set(map(str, there)))
    return "; ".join(kinds[:3]) + ("; ..." if len(kinds) > 3 else "")


def configuration() -> dict[str, str]:
    """The controller's settings by name.

    Raises:
        NoAnswer: SLURM does not answer.
    """
    pairs = (line.split("=", 1) for line in _ask("scontrol", "show", "config").splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def has_accounting(settings: dict[str, str]) -> bool:
    """Whether `sacct` can answer; where it cannot, the program is installed all the same."""
    return settings.get("AccountingStorageType", "accounting_storage/none") != "accounting_storage/none"


def seconds_remembered(settings: dict[str, str]) -> int:
    """How long the queue knows of a job that has ended (MinJobAge)."""
    return _number(settings.get("MinJobAge", "300"))


def in_queue(ids: Collection[str] = (), names: Collection[str] = ()) -> list[str]:
    """Numbers of this user's jobs in the queue, waiting or running, that have one of these numbers or names.

    Raises:
        NoAnswer: SLURM does not answer.
    """
    if not ids and not names:
        return []
    lines = [line.split("|", 1) for line in _ask("squeue", "--me", "--noheader", "--format=%A|%j").splitlines()]
    return sorted({number for number, name in lines if number in ids or name in names}, key=int)


def cancel(ids: Collection[str]) -> list[str]:
    """Cancel jobs and wait until they are gone.

    Returns:
        Those that are still there after `SECONDS_TO_END`.

    Raises:
        NoAnswer: SLURM does not answer.
    """
    if not ids:
        return []
    _ask("scancel", *ids)
    until = time.monotonic() + SECONDS_TO_END
    while (left := in_queue(ids)) and time.monotonic() < until:
        time.sleep(1)
    return left


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except FileNotFoundError:
        raise NoAnswer(f"{command[0]}: is not installed here; run this where jobs are submitted") from None
    except subprocess.CalledProcessError as error:
        raise NoAnswer(f"{' '.join(command)}: {error.stderr.strip() or error}") from None
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"{' '.join(command)}: no answer within a minute") from None


def _number(text: str) -> int:
    """The number that a text begins with, such as "300 sec" or "128+"; a text without one stands for no limit."""
    match = re.match(r"\d+", text.strip())
    return int(match.group()) if match else UNLIMITED


Resource = int | str | None


def demand(cluster: Cluster, rule: str, attempt: int, mem_mb: int, runtime: int, gpu: int = 0) -> dict[str, Resource]:
    """Resources of a job, by the names that Snakemake and its SLURM executor give them.

    Args:
        cluster: Settings of the config.
        rule: Name of the rule.
        attempt: 1 for the first try.
        mem_mb: Memory that the rule thinks right, in MB.
        runtime: Time that it thinks right, in minutes.
        gpu: GPUs that it can use.

    Returns:
        Resources; None for those that the job does not ask for.
    """
    own = cluster.rules.get(rule, JobResources())
    factor = cluster.retry_factor ** (attempt - 1)
    gpus = own.gpu if own.gpu is not None else (gpu if cluster.gpu else 0)
    partition = own.partition or (cluster.gpu_partition if gpus else None) or cluster.partition
    return {
        "mem_mb": _more(own.mem_mb or mem_mb, factor, cluster.most_mem_mb),
        "runtime": _more(own.runtime or runtime, factor, cluster.longest),
        "gpu": gpus or None,
        "gpu_model": cluster.gpu_model if gpus else None,
        "cpus_per_gpu": cluster.cpus_per_gpu if gpus else None,
        # All GPUs of a training are those of one node.
        "nodes": 1 if gpus > 1 else None,
        "slurm_partition": partition,
        "slurm_account": cluster.account,
    }


def _more(amount: int, factor: float, most: int | None) -> int:
    return min(round(amount * factor), most or round(amount * factor))
