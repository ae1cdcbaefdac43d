"""Processes of this machine: whether a process is alive, its number, and the memory available to this process."""

from __future__ import annotations

import os
import time
from pathlib import Path

CONTROL_GROUPS = Path("/sys/fs/cgroup")


def is_alive(process: int) -> bool:
    """Whether a process with this number exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def this_process() -> str:
    """Number of this process and the namespace of process numbers, which a container may have of its own."""
    return f"{os.getpid()}@{_numbering()}"


def since_start() -> float:
    """Seconds since this process started, including the start of Python."""
    import psutil

    return time.time() - psutil.Process().create_time()


def number_of(name: str) -> int | None:
    """Process number in a result of `this_process`; None if it is from another namespace."""
    number, _, numbering = name.partition("@")
    return int(number) if number.isdecimal() and numbering == _numbering() else None


def _numbering() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def free_memory() -> int:
    """Bytes that this process may still allocate, within the limits of its container or cluster job."""
    import psutil

    free = int(psutil.virtual_memory().available)
    for folder in _control_groups():
        try:
            limit = int((folder / "memory.max").read_text())
            used = int((folder / "memory.current").read_text())
            counts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # no such control group, or no limit ("max")
            continue
        free = min(free, limit - used + int(counts.get("inactive_file", 0)))
    # Some clusters limit memory without control groups and kill processes that exceed the limit.
    granted = os.environ.get("SLURM_MEM_PER_NODE", "")
    if granted.isdecimal():
        free = min(free, int(granted) * 2**20 - psutil.Process().memory_info().rss)
    return max(free, 0)


def _control_groups() -> list[Path]:
    """Control group (version 2) of this process and its parents; each may set a limit."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    own = next((line[3:].strip("/") for line in lines if line.startswith("0::")), None)
    if own is None:
        return []
    place = CONTROL_GROUPS / own
    return [place, *(parent for parent in place.parents if parent.is_relative_to(CONTROL_GROUPS))]
