"""GPUs of this machine: which there are, how each job gets its own, and how much of their memory it took.

The driver says which there are: that takes no torch and no seconds. Snakemake counts GPUs, but does not hand out their
numbers: a job takes one by locking a file (flock), so it is free again as soon as its holder is gone, however it ended.
All runs of all users of a machine share the locks.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from uncover.errors import InputError
from uncover.paths import job_name

logger = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"
QUERY = ("index", "uuid", "name", "memory.total", "driver_version")


class NoAnswer(Exception):
    """The driver's program is there, but does not answer."""


@dataclass(frozen=True)
class Gpu:
    """One GPU.

    Attributes:
        index: Its number, in the order of the PCI bus.
        uuid: What tells it from all others.
        name: Model.
        memory: As the driver writes it, such as "81559 MiB".
        driver: Version.
    """

    index: str
    uuid: str
    name: str
    memory: str
    driver: str

    def __str__(self) -> str:
        return f"{self.name}, {self.memory}, driver {self.driver}"


def list_gpus() -> list[Gpu]:
    """All GPUs of this machine; none where there is no driver.

    Raises:
        NoAnswer: The driver does not answer.
    """
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAnswer(f"nvidia-smi does not answer ({error})") from None
    if answer.returncode:
        return []
    lines = [[word.strip() for word in line.split(",")] for line in answer.stdout.splitlines()]
    return [Gpu(*words) for words in lines if len(words) == len(QUERY)]


WANTED = "UNCOVER_GPU_SLOTS"
"""Variable that asks for slots: jobs that run beside the Snakemake that started them have it, also within an allocation
of salloc or the like. One that was sent to a cluster has its GPUs to itself, and a command given by hand takes the GPU
that it is told."""

LOCKS = Path("/tmp/uncover-gpus")
"""A place that all users of a machine share."""

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_BETWEEN_LINES = 60.0

_held: list[int] = []
"""Open files whose locks this process holds until it ends."""


def take_gpus(count: int, folder: Path = LOCKS) -> list[str]:
    """Wait for free GPUs and take them until this process ends: CUDA sees no others.

    Does nothing where no slots are wanted (`WANTED`), and where there are no GPUs.

    Args:
        count: GPUs.
        folder: Of the locks, the same for all who share the machine.

    Returns:
        What CUDA_VISIBLE_DEVICES was set to; empty where nothing was taken.

    Raises:
        InputError: The machine has fewer.
    """
    if os.environ.get(WANTED) != "1":
        return []
    names = usable_gpus()
    if not names:
        return []
    if count > len(names):
        raise InputError(f"{count} processes ask for a GPU each, and {len(names)} are here: lower `processes`")
    taken = _wait_for(count, names, folder)
    os.environ[VISIBLE] = ",".join(taken)
    return taken


def usable_gpus() -> list[str]:
    """Names of the GPUs that jobs share out: all of the machine, or those that CUDA_VISIBLE_DEVICES names.

    What it names becomes the GPU's UUID, so that all runs lock the same. Parts of GPUs (MIG) keep their names, and so
    do all names of which the driver lists none: in a container, it may count GPUs otherwise than who named them.
    """
    named = _named_gpus()
    if named == []:
        return []
    try:
        gpus = list_gpus()
    except NoAnswer as error:
        if named is None:
            logger.warning(f"{error}; computing without a GPU of its own")
            return []
        logger.warning(f"{error}; taking GPUs by their names in {VISIBLE}")
        return named
    if named is None:
        return [gpu.uuid for gpu in gpus]
    uuids = {name: uuid for name in named if (uuid := _uuid_of(name, gpus)) is not None}
    unknown = [name for name in named if name not in uuids]
    if unknown and gpus:
        outcome = "left out" if uuids else "taken by these names"
        logger.warning(f"{VISIBLE} names {', '.join(unknown)}, which nvidia-smi does not list: {outcome}")
    if uuids or gpus:
        return list(dict.fromkeys(uuids.values())) or unknown
    # Without a driver, a number stands for nothing; an identifier does, where only its program is missing.
    return [name for name in unknown if name.startswith("GPU-")]


def _named_gpus() -> list[str] | None:
    """Words of CUDA_VISIBLE_DEVICES, which end where CUDA stops reading; None where it is not set."""
    visible = os.environ.get(VISIBLE)
    if visible is None:
        return None
    words = (word.strip() for word in visible.split(","))
    return list(dict.fromkeys(itertools.takewhile(re.compile(r"\d|GPU-|MIG-").match, words)))


def _uuid_of(name: str, gpus: Sequence[Gpu]) -> str | None:
    """What locks a GPU, by a name that CUDA understands: a number, or an identifier that may be cut short."""
    if name.startswith("MIG-"):
        return name
    found = [gpu.uuid for gpu in gpus if gpu.index == name or (name.startswith("GPU-") and gpu.uuid.startswith(name))]
    return found[0] if len(found) == 1 else None


def _wait_for(count: int, names: Sequence[str], folder: Path) -> list[str]:
    turn = _open(folder / "turn.lock")
    told = time.monotonic() - SECONDS_BETWEEN_LINES + 1
    # Whoever collects several GPUs does so alone: two that hold one each would wait for each other for ever.
    while not _lock(turn):
        time.sleep(SECONDS_BETWEEN_LOOKS)
        told = _tell(told, count)
    taken: dict[str, int] = {}
    while len(taken) < count:
        for name in names:
            if name not in taken and len(taken) < count:
                # Older names of parts of GPUs have slashes.
                file = _open(folder / f"{name.replace('/', '_')}.lock")
                if _lock(file):
                    taken[name] = file
                else:
                    os.close(file)
        if len(taken) < count:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            told = _tell(told, count)
    os.close(turn)
    _held.extend(taken.values())
    return list(taken)


def _tell(told: float, count: int) -> float:
    now = time.monotonic()
    if now - told < SECONDS_BETWEEN_LINES:
        return told
    logger.info(f"waiting for {'a free GPU' if count == 1 else f'{count} free GPUs'}")
    return now


def _open(path: Path) -> int:
    """Open a file of locks; it may be somebody else's, whom everybody may lock but nobody needs to write to."""
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            path.parent.chmod(0o1777)
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


GIGABYTE = 10**9
LINE = re.compile(r"^GPU: (?P<name>.+), at most (?P<peak>[\d.]+) GB of its memory$", re.MULTILINE)


def gpu_use() -> str | None:
    """A line about the GPU that this process has computed on; None where it has used none."""
    # Whoever has not imported torch has used none, and shall not wait for the import.
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return None
    peak = torch.cuda.max_memory_reserved() / GIGABYTE
    return f"GPU: {torch.cuda.get_device_name()}, at most {peak:.2f} GB of its memory"


def read_gpu_use(logs: Path, since: float = 0.0) -> dict[str, dict[str, object]]:
    """GPU and peak of memory, by job.

    Args:
        logs: Folder of logs, `<rule>.log` and `<rule>/<wildcards>.log`.
        since: Seconds since 1970; older logs are of earlier runs.

    Returns:
        By job, such as "train/rgb10": `gpu`, its model, and `gigabytes`.
    """
    found: dict[str, dict[str, object]] = {}
    for path in sorted(logs.rglob("*.log")):
        if path.stat().st_mtime < since:
            continue
        match = LINE.search(path.read_text(encoding="utf-8", errors="replace"))
        if match:
            found[job_name(path, logs)] = {"gpu": match["name"], "gigabytes": float(match["peak"])}
    return found
