"""Processes of this machine: whether one is alive, and which one a number means."""

from __future__ import annotations

import os
import time


def is_alive(process: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def this_process() -> str:
    """Number of this process, and what numbers mean here: a container may count its own ones."""
    return f"{os.getpid()}@{_numbering()}"


def since_start() -> float:
    """Seconds since this process began: before Python itself was loaded."""
    import psutil

    return time.time() - psutil.Process().create_time()


def number_of(name: str) -> int | None:
    """The number in what `this_process` returned elsewhere; None where numbers mean other processes here."""
    number, _, numbering = name.partition("@")
    return int(number) if number.isdecimal() and numbering == _numbering() else None


def _numbering() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
