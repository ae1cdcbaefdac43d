"""GPUs of this machine: the list of them, one GPU per job, and the peak memory of each job.

GPUs are listed by the driver (nvidia-smi), which needs no import of torch. Snakemake counts GPUs but does not assign
them: a job reserves one by locking a file (flock), and the lock ends with the process, also after a crash. All runs of
all users of a machine share the locks.
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
    """nvidia-smi is installed, but does not respond."""


@dataclass(frozen=True)
class Gpu:
    """One GPU.

    Attributes:
        index: Number, in PCI bus order.
        uuid: Unique identifier.
        name: Model.
        memory: Memory as printed by the driver, such as "81559 MiB".
        driver: Version of the driver.
    """

    index: str
    uuid: str
    name: str
    memory: str
    driver: str

    def __str__(self) -> str:
        return f"{self.name}, {self.memory}, driver {self.driver}"


def list_gpus() -> list[Gpu]:
    """All GPUs of this machine; none without a driver.

    Raises:
        NoAnswer: The driver does not respond.
    """
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAnswer(f"nvidia-smi does not respond ({error})") from None
    if answer.returncode:
        return []
    lines = [[word.strip() for word in line.split(",")] for line in answer.stdout.splitlines()]
    return [Gpu(*words) for words in lines if len(words) == len(QUERY)]


WANTED = "UNCOVER_GPU_SLOTS"
"""Variable that turns on GPU locks. It is set for jobs on the machine of their Snakemake, also within an allocation
(salloc or similar). Jobs submitted to a cluster use all GPUs assigned to them, and commands run by hand use the GPU
that the user names."""

LOCKS = Path("/tmp/uncover-gpus")
"""Folder of the locks, shared by all users of a machine."""

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_BETWEEN_LINES = 60.0

_held: list[int] = []
"""Open lock files that this process holds until it ends."""


def take_gpus(count: int, folder: Path = LOCKS) -> list[str]:
    """Wait for free GPUs, lock them until this process ends, and set CUDA_VISIBLE_DEVICES to them.

    Does nothing if locks are turned off (`WANTED`) or there are no GPUs.

    Args:
        count: Number of GPUs.
        folder: Folder of the locks, the same for all users of the machine.

    Returns:
        Names of the GPUs, as in CUDA_VISIBLE_DEVICES; empty if none was locked.

    Raises:
        InputError: The machine has fewer GPUs.
    """
    if os.environ.get(WANTED) != "1":
        return []
    names = usable_gpus()
    if not names:
        return []
    if count > len(names):
        raise InputError(
            f"{count} processes need one GPU each, but only {len(names)} GPUs are available: reduce `processes`"
        )
    taken = _wait_for(count, names, folder)
    os.environ[VISIBLE] = ",".join(taken)
    return taken


def usable_gpus() -> list[str]:
    """Names of the GPUs that jobs may use: all of the machine, or those in CUDA_VISIBLE_DEVICES.

    Names are replaced by the GPU's UUID, so that all runs use the same locks. MIG devices keep their names, and so do
    all names if the driver lists none of them: in a container, it may number GPUs differently.
    """
    named = _named_gpus()
    if named == []:
        return []
    try:
        gpus = list_gpus()
    except NoAnswer as error:
        if named is None:
            logger.warning(f"{error}; no GPU is reserved for this job")
            return []
        logger.warning(f"{error}; using the names in {VISIBLE}")
        return named
    if named is None:
        return [gpu.uuid for gpu in gpus]
    uuids = {name: uuid for name in named if (uuid := _uuid_of(name, gpus)) is not None}
    unknown = [name for name in named if name not in uuids]
    if unknown and gpus:
        outcome = "ignored" if uuids else "used as named"
        logger.warning(f"{VISIBLE} names {', '.join(unknown)}, which nvidia-smi does not list: {outcome}")
    if uuids or gpus:
        return list(dict.fromkeys(uuids.values())) or unknown
    # Without nvidia-smi, a number cannot be resolved, but a UUID is valid.
    return [name for name in unknown if name.startswith("GPU-")]


def _named_gpus() -> list[str] | None:
    """Names in CUDA_VISIBLE_DEVICES, up to the first invalid one as CUDA reads it; None if it is not set."""
    visible = os.environ.get(VISIBLE)
    if visible is None:
        return None
    words = (word.strip() for word in visible.split(","))
    return list(dict.fromkeys(itertools.takewhile(re.compile(r"\d|GPU-|MIG-").match, words)))


def _uuid_of(name: str, gpus: Sequence[Gpu]) -> str | None:
    """The name of a GPU's lock, for a name that CUDA accepts: a number, or a UUID that may be shortened."""
    if name.startswith("MIG-"):
        return name
    found = [gpu.uuid for gpu in gpus if gpu.index == name or (name.startswith("GPU-") and gpu.uuid.startswith(name))]
    return found[0] if len(found) == 1 else None


def _wait_for(count: int, names: Sequence[str], folder: Path) -> list[str]:
    turn = _open(folder / "turn.lock")
    told = time.monotonic() - SECONDS_BETWEEN_LINES + 1
    # Only one process at a time collects several GPUs: two that hold one each would deadlock.
    while not _lock(turn):
        time.sleep(SECONDS_BETWEEN_LOOKS)
        told = _tell(told, count)
    taken: dict[str, int] = {}
    while len(taken) < count:
        for name in names:
            if name not in taken and len(taken) < count:
                # Older names of MIG devices contain slashes.
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
    """Open a lock file, read-only: it may belong to another user."""
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
    """A log line about the GPU that this process has used; None if it has used none."""
    # A process that has not imported torch has used no GPU, and need not wait for the import.
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return None
    peak = torch.cuda.max_memory_reserved() / GIGABYTE
    return f"GPU: {torch.cuda.get_device_name()}, at most {peak:.2f} GB of its memory"


def read_gpu_use(logs: Path, since: float = 0.0) -> dict[str, dict[str, object]]:
    """Read GPU and peak memory of each job from its log.

    Args:
        logs: Folder of logs, `<rule>.log` and `<rule>/<wildcards>.log`.
        since: Seconds since 1970; older logs are ignored.

    Returns:
        By job, such as "train/rgb10": `gpu` (its model) and `gigabytes`.
    """
    found: dict[str, dict[str, object]] = {}
    for path in sorted(logs.rglob("*.log")):
        if path.stat().st_mtime < since:
            continue
        match = LINE.search(path.read_text(encoding="utf-8", errors="replace"))
        if match:
            found[job_name(path, logs)] = {"gpu": match["name"], "gigabytes": float(match["peak"])}
    return found
