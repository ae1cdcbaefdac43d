"""GPUs of this machine: which there are, how each job gets its own, and how much of their memory it took.

The driver says which there are: that takes no torch and no seconds. Snakemake counts GPUs, but does not hand out their
numbers: a job takes one by locking a file (flock), so it is free again as soon as its holder is gone, however it ended.
All runs of all users of a machine share the locks.
"""

from __future__ import annotations

import contextlib
import fcntl
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


def visible_gpus() -> list[Gpu]:
    """Those that this process may use, in the order that CUDA_VISIBLE_DEVICES gives where it is set.

    Raises:
        NoAnswer: The driver does not answer.
    """
    gpus = list_gpus()
    visible = os.environ.get(VISIBLE)
    if visible is None:
        return gpus
    named = {gpu.index: gpu for gpu in gpus} | {gpu.uuid: gpu for gpu in gpus}
    return [named[word] for word in (word.strip() for word in visible.split(",")) if word in named]


WANTED = "UNCOVER_GPU_SLOTS"
"""Variable that asks for slots; Snakemake's jobs have it, a command given by hand takes the GPU that it is told."""

ASSIGNED_BY = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "KUBERNETES_SERVICE_HOST")
"""Variables of schedulers that hand out GPUs themselves."""

LOCKS = Path("/tmp/uncover-gpus")
"""A place that all users of a machine share."""

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_BETWEEN_LINES = 60.0

_held: list[int] = []
"""Open files whose locks this process holds until it ends."""


def take_gpus(count: int, folder: Path = LOCKS) -> list[str]:
    """Wait for free GPUs and take them until this process ends: CUDA sees no others.

    Does nothing where no slots are wanted (`WANTED`), where a cluster has handed out GPUs, and where there are none.

    Args:
        count: GPUs.
        folder: Of the locks, the same for all who share the machine.

    Returns:
        What CUDA_VISIBLE_DEVICES was set to; empty where nothing was taken.

    Raises:
        InputError: The machine has fewer.
    """
    if os.environ.get(WANTED) != "1" or any(name in os.environ for name in ASSIGNED_BY):
        return []
    try:
        uuids = [gpu.uuid for gpu in visible_gpus()]
    except NoAnswer as error:
        logger.warning(f"{error}; computing without a GPU of its own")
        return []
    if not uuids:
        return []
    if count > len(uuids):
        raise InputError(f"{count} processes ask for a GPU each, and {len(uuids)} are here: lower `processes`")
    taken = _wait_for(count, uuids, folder)
    os.environ[VISIBLE] = ",".join(taken)
    return taken


def _wait_for(count: int, uuids: Sequence[str], folder: Path) -> list[str]:
    turn = _open(folder / "turn.lock")
    told = time.monotonic() - SECONDS_BETWEEN_LINES + 1
    # Whoever collects several GPUs does so alone: two that hold one each would wait for each other for ever.
    while not _lock(turn):
        time.sleep(SECONDS_BETWEEN_LOOKS)
        told = _tell(told, count)
    taken: dict[str, int] = {}
    while len(taken) < count:
        for uuid in uuids:
            if uuid not in taken and len(taken) < count:
                file = _open(folder / f"{uuid}.lock")
                if _lock(file):
                    taken[uuid] = file
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
