"""Each job gets GPUs of its own: Snakemake counts GPUs, but does not hand out their numbers.

A GPU is taken by locking a file (flock), so it is free again as soon as its holder is gone, however it ended. All runs
of all users of a machine share the locks.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Sequence
from pathlib import Path

from uncover.console import say
from uncover.errors import InputError
from uncover.workflow.gpus import VISIBLE, NoAnswer, visible_gpus

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
        say(f"warning: {error}; computing without a GPU of its own")
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
    say(f"waiting for {'a free GPU' if count == 1 else f'{count} free GPUs'}")
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
