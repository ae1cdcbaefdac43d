"""Nodes, settings and queue of a SLURM cluster, and the resources that jobs request."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import re
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from uncover.config.cluster import Cluster, JobResources

SECONDS_TO_END = 120.0
"""Time that cancelled jobs may take to end; SLURM kills them after its KillWait, by default 30 seconds."""

UNLIMITED = 10**9

OF_A_NODE = ("partition", "processors", "memory", "time limit", "generic resources")
"""Columns of the output of `sinfo`."""

ANYWHERE = "*"
"""Stands for any partition: the executor picks one for each job (--slurm-partition-config)."""


class NoAnswer(Exception):
    """A SLURM program is missing or does not respond."""


@dataclass(frozen=True)
class Node:
    """The most that a job can get on one node.

    Attributes:
        partition: Name of the partition.
        default: Whether it is the default partition.
        cpus: Processors.
        mem_mb: Memory, in MB.
        minutes: Time limit of the partition.
        gpus: Number of GPUs by model; "" is an unnamed model.
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
    """Resources that jobs of a rule request; see `asked_of`."""

    rule: str
    cpus: int
    mem_mb: int
    minutes: int
    gpus: int
    gpu_model: str | None
    partition: str | None


def nodes() -> list[Node]:
    """All nodes of all partitions, within the limits of their partition.

    Raises:
        NoAnswer: SLURM does not respond.
    """
    found = []
    most = _most_per_node()
    for line in _ask("sinfo", "--noheader", "--Node", "--format=%P|%c|%m|%l|%G").splitlines():
        words = [word.strip() for word in line.split("|")]
        if len(words) != len(OF_A_NODE):
            raise NoAnswer(f"sinfo: printed {line!r}; expected {', '.join(OF_A_NODE)}")
        partition, cpus, memory, limit, gres = words
        default, partition = partition.endswith("*"), partition.rstrip("*")
        most_cpus, most_mb = most.get(partition, (UNLIMITED, UNLIMITED))
        least = min(_number(cpus), most_cpus), min(_number(memory), most_mb)
        found.append(Node(partition, default, *least, minutes_of(limit), gpus_of(gres)))
    return found


def _most_per_node() -> dict[str, tuple[int, int]]:
    """Limits of processors and MB per node, by partition, as far as SLURM reports them."""
    found = {}
    with contextlib.suppress(NoAnswer):
        for line in _ask("scontrol", "show", "partition", "--oneliner").splitlines():
            told = dict(re.findall(r"(\w+)=(\S*)", line))
            if "PartitionName" in told:
                limits = (told.get(name, "") for name in ("MaxCPUsPerNode", "MaxMemPerNode"))
                cpus, memory = map(_number, limits)
                found[told["PartitionName"]] = cpus, memory
    return found


def gpus_of(gres: str) -> dict[str, int]:
    """GPUs by model in a node's generic resources, such as "gpu:a100:4(S:0-1),lustre:1"."""
    gpus: dict[str, int] = {}
    for model, count in re.findall(r"(?:^|,)gpu:(?:([^:,(]+):)?(\d+)", gres):
        gpus[model] = gpus.get(model, 0) + int(count)
    return gpus


def minutes_of(limit: str) -> int:
    """Minutes of a time in SLURM's format, such as "2-00:00:00", "30:00" or "infinite"."""
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", limit)
    if match is None:
        return UNLIMITED
    days, hours, minutes = (int(word or 0) for word in match.groups()[:3])
    return (days * 24 + hours) * 60 + minutes


def misfits(asked: Iterable[Asked], there: Collection[Node]) -> list[str]:
    """Find requests that can never run: SLURM would keep such jobs pending for ever.

    Args:
        asked: Requests of jobs.
        there: Nodes of the cluster.

    Returns:
        A line for each request that no node satisfies: the request, and the most that nodes offer.
    """
    lines = []
    for each in sorted(set(asked), key=lambda each: each.rule):
        own = _nodes_of(each.partition, there)
        where = {None: "the default partition", ANYWHERE: "any partition"}.get(
            each.partition, f"partition {each.partition}"
        )
        if not own:
            known = ", ".join(sorted({node.partition for node in there}))
            lines.append(f"{each.rule}: there is no {where.removeprefix('the ')}; existing partitions: {known}")
        elif not any(_fits(each, node) for node in own):
            lines.append(f"{each.rule}: requests {_words(each)}; no node of {where} offers that (at most {_most(own)})")
    return lines


def _nodes_of(partition: str | None, there: Iterable[Node]) -> list[Node]:
    """Nodes that a job may run on; `partition` as in sbatch, with commas between several."""
    if partition is None:
        return [node for node in there if node.default]
    names = [name.strip() for name in str(partition).split(",")]
    return [node for node in there if partition == ANYWHERE or node.partition in names]


def _fits(asked: Asked, node: Node) -> bool:
    return (
        asked.mem_mb <= node.mem_mb
        and asked.minutes <= node.minutes
        and _has(node, asked.cpus, asked.gpus, asked.gpu_model)
    )


def _has(node: Node, cpus: int, gpus: int, gpu_model: str | None) -> bool:
    there = node.gpus.get(gpu_model, 0) if gpu_model else sum(node.gpus.values())
    return cpus <= node.cpus and gpus <= there


def _words(asked: Asked) -> str:
    gpus = f", {asked.gpus} GPUs {asked.gpu_model or ''}".rstrip() if asked.gpus else ""
    return f"{asked.cpus} processors, {asked.mem_mb} MB, {asked.minutes} minutes{gpus}"


def _most(there: Collection[Node]) -> str:
    kinds = sorted(set(map(str, there)))
    return "; ".join(kinds[:3]) + ("; ..." if len(kinds) > 3 else "")


def configuration() -> dict[str, str]:
    """Settings of the SLURM controller, by name.

    Raises:
        NoAnswer: SLURM does not respond.
    """
    pairs = (line.split("=", 1) for line in _ask("scontrol", "show", "config").splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def has_accounting(settings: dict[str, str]) -> bool:
    """Whether accounting is on; `sacct` is installed even if it is off."""
    return settings.get("AccountingStorageType", "accounting_storage/none") != "accounting_storage/none"


def seconds_remembered(settings: dict[str, str]) -> int:
    """Seconds for which the queue lists a job after its end (MinJobAge)."""
    return _number(settings.get("MinJobAge", "300"))


def in_queue(ids: Collection[str] = (), names: Collection[str] = ()) -> list[str]:
    """Numbers of this user's jobs in the queue, pending or running, with one of these numbers or names.

    Raises:
        NoAnswer: SLURM does not respond.
    """
    if not ids and not names:
        return []
    lines = [line.split("|", 1) for line in _ask("squeue", "--me", "--noheader", "--format=%A|%j").splitlines()]
    return sorted({number for number, name in lines if number in ids or name in names}, key=int)


def cancel(ids: Collection[str]) -> list[str]:
    """Cancel jobs and wait until they have left the queue.

    Returns:
        Jobs that are still in the queue after `SECONDS_TO_END`.

    Raises:
        NoAnswer: SLURM does not respond.
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
        raise NoAnswer(f"{command[0]}: not installed on this host; run this on a host that can submit jobs") from None
    except subprocess.CalledProcessError as error:
        raise NoAnswer(f"{' '.join(command)}: {error.stderr.strip() or error}") from None
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"{' '.join(command)}: no response within 60 s") from None


def _number(text: str) -> int:
    """The number at the start of a text, such as "300 sec" or "128+"; without one, there is no limit."""
    match = re.match(r"\d+", text.strip())
    return int(match.group()) if match else UNLIMITED


@dataclass(frozen=True)
class Limits:
    """The most that a job may request."""

    mem_mb: int = UNLIMITED
    minutes: int = UNLIMITED


@dataclass(frozen=True)
class Site:
    """Limits of a cluster. The Snakemake that submits jobs reads them once and passes them to its jobs.

    Attributes:
        nodes: Nodes of all partitions; empty if SLURM did not respond.
        groups: Number of jobs that share one SLURM job, by the name of their group.
        at_once: Number of jobs of a group that run in parallel.
        picks: Whether the executor picks a partition for jobs that name none.
        strict: Whether a job that names several partitions must fit into each of them.
    """

    nodes: tuple[Node, ...]
    groups: dict[str, int]
    at_once: int
    picks: bool = False
    strict: bool = False

    @staticmethod
    def ask(groups: Mapping[str, int], at_once: int, picks: bool = False) -> Site:
        """Read the limits from SLURM, and add how jobs are grouped and submitted."""
        kinds: dict[str, Node] = {}
        strict = False
        with contextlib.suppress(NoAnswer):
            kinds = {repr(node): node for node in nodes()}
            strict = configuration().get("EnforcePartLimits") == "ALL"
        return Site(tuple(kinds.values()), dict(groups), at_once, picks, strict)

    def told(self) -> str:
        """The limits as one line, to pass to jobs."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"))

    @staticmethod
    @functools.cache
    def heard(line: str) -> Site:
        """Parse a line written by `told`."""
        values = json.loads(line)
        return Site(tuple(Node(**each) for each in values.pop("nodes")), **values)

    def limits(
        self, partition: str | None, cpus: int, gpus: int = 0, gpu_model: str | None = None, group: str = ""
    ) -> Limits:
        """The most that a job may request.

        Args:
            partition: Partition, as in sbatch; None if the job names none.
            cpus: Processors that the job requests.
            gpus: GPUs that the job requests.
            gpu_model: Model of the GPUs; None for any.
            group: Group of the job: the limits apply to all jobs of the group together.
        """
        own = _nodes_of(ANYWHERE if partition is None and self.picks else partition, self.nodes)
        fitting = [node for node in own if _has(node, cpus, gpus, gpu_model)] or own
        if not fitting:
            return Limits()
        mem_mb, minutes = dict[str, int](), dict[str, int]()
        for node in fitting:
            mem_mb[node.partition] = max(node.mem_mb, mem_mb.get(node.partition, 0))
            minutes[node.partition] = max(node.minutes, minutes.get(node.partition, 0))
        chosen = min if self.strict and partition is not None else max
        size = self.groups.get(group, 1)
        at_once = min(size, self.at_once)
        in_a_row = -(-size // at_once)
        return Limits(chosen(mem_mb.values()) // at_once, max(1, chosen(minutes.values()) // in_a_row))


Form = Literal["gpus", "gres", "gpus-per-task"]
Resource = int | str

WAYS: dict[Form, tuple[str, ...]] = {
    "gpus": ("gpu", "gpu_model"),
    "gres": ("gres",),
    "gpus-per-task": ("slurm_extra",),
}
"""Resources from which the executor builds the sbatch option that requests GPUs."""


def demand(
    cluster: Cluster,
    rule: str,
    attempt: int,
    mem_mb: int,
    runtime: int,
    gpu: int = 0,
    *,
    resumes: bool = False,
    limits: Limits = Limits(),
    form: Form = "gpus",
) -> dict[str, Resource]:
    """Resources of a job, by their names in Snakemake and its SLURM executor.

    Args:
        cluster: Section `cluster` of the config.
        rule: Name of the rule.
        attempt: Number of the try, 1 for the first.
        mem_mb: Default memory of the rule, in MB.
        runtime: Default time of the rule, in minutes.
        gpu: GPUs that the job can use.
        resumes: Whether a retry resumes, and therefore requests the same time again.
        limits: Memory that retries do not exceed, and time that no try exceeds. A first try that needs more memory
            than nodes have cannot run.
        form: How to request GPUs. Snakemake itself counts them with "gpus".

    Returns:
        The requested resources; for all others, the defaults of the site apply.
    """
    own = cluster.rules.get(rule, JobResources())
    factor = cluster.retry_factor ** (attempt - 1)
    memory, minutes = own.mem_mb or mem_mb, (own.runtime or runtime) * (1 if resumes else factor)
    asked: dict[str, Resource | None] = {
        "mem_mb": min(max(memory, min(round(memory * factor), limits.mem_mb)), cluster.most_mem_mb or UNLIMITED),
        "runtime": min(round(minutes), limits.minutes, cluster.longest or UNLIMITED),
        "slurm_partition": partition_of(cluster, rule, gpu),
        "slurm_account": cluster.account,
    }
    gpus = gpus_for(cluster, rule, gpu)
    if gpus:
        # All GPUs of a training must be on one node.
        asked |= _ways_to_ask(cluster, gpus, form) | {"nodes": 1 if gpus > 1 else None}
    return {name: value for name, value in asked.items() if value is not None}


def gpus_for(cluster: Cluster, rule: str, gpu: int) -> int:
    """GPUs of a job that can use `gpu` of them."""
    own = cluster.rules.get(rule, JobResources()).gpu
    return own if own is not None else (gpu if cluster.gpu else 0)


def partition_of(cluster: Cluster, rule: str, gpu: int) -> str | None:
    """The partition that the config names for a job that can use `gpu` GPUs."""
    own = cluster.rules.get(rule, JobResources()).partition
    return own or (cluster.gpu_partition if gpus_for(cluster, rule, gpu) else None) or cluster.partition


def _ways_to_ask(cluster: Cluster, gpus: int, form: Form) -> dict[str, Resource | None]:
    if form == "gpus":
        return {"gpu": gpus, "gpu_model": cluster.gpu_model, "cpus_per_gpu": cluster.cpus_per_gpu}
    typed = ":".join(filter(None, (cluster.gpu_model, str(gpus))))
    option: dict[str, Resource | None]
    option = {"gres": f"gpu:{typed}"} if form == "gres" else {"slurm_extra": f"--gpus-per-task={typed}"}
    return option | {"cpus_per_task": cluster.cpus_per_gpu and cluster.cpus_per_gpu * gpus}


def asks_elsewhere(form: Form, value_of: Callable[[str], object], default: object = None) -> bool:
    """Whether --set-resources or a site default requests GPUs in another form than ours: both would be submitted.

    Args:
        form: Form of our request.
        value_of: Returns the value of a resource of a job, by its name.
        default: The site default of the resource with which we request GPUs.
    """
    others = [{name: value_of(name)} for ways in WAYS.values() for name in ways if name not in WAYS[form]]
    return any(_count_gpus(each)[0] for each in (*others, {"slurm_extra": default}))


def asked_of(rule: str, threads: int, resources: Mapping[str, Any], picked: bool = False) -> Asked:
    """The request of a job, from its rule, --set-resources and site defaults.

    Args:
        rule: Name for messages.
        threads: Threads of the job.
        resources: Resources as Snakemake passes them to the executor.
        picked: Whether the executor picks a partition for jobs that name none.
    """
    gpus, model = _count_gpus(resources)
    beside_gpus = int(resources.get("cpus_per_gpu") or 0) * gpus
    cpus = int(resources.get("cpus_per_task") or 0) or beside_gpus or threads
    memory = int(resources.get("mem_mb_per_cpu") or 0) * cpus or int(resources.get("mem_mb") or 0)
    partition = resources.get("slurm_partition") or (ANYWHERE if picked else None)
    minutes = int(resources.get("runtime") or 0)
    return Asked(rule, cpus, memory, minutes, gpus, model, None if partition is None else str(partition))


def _count_gpus(resources: Mapping[str, Any]) -> tuple[int, str | None]:
    """GPUs and their model, in whichever form they are requested."""
    model = resources.get("gpu_model")
    if resources.get("gpu") or model:
        return int(resources.get("gpu") or 1), model
    gres = re.search(r"(?:^|,)gpu(?::([^,]+))?", str(resources.get("gres") or ""))
    extra = re.search(r"--gpus(?:-per-\w+)?[= ](\S+)", str(resources.get("slurm_extra") or ""))
    found = gres or extra
    if found is None:
        return 0, None
    words = (found.group(1) or "1").split(":")
    count = int(words.pop()) if words[-1].isdecimal() else 1
    return count, words[0] if words else None
