"""What every benchmark records beside its numbers."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path


def describe_machine(*packages: str) -> dict[str, object]:
    """Processor, system, Python, and versions of the packages that matter."""
    cpu = next((line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")), "unknown")
    return {
        "processor": cpu,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in packages},
    }


def median_seconds(*contenders: Callable[[], object], rounds: int) -> list[float]:
    """Median wall-clock seconds of each contender, run in turn so that a drift of the machine hits all alike."""
    seconds: list[list[float]] = [[] for _ in contenders]
    for _ in range(rounds):
        for contender, mine in zip(contenders, seconds, strict=True):
            start = time.perf_counter()
            contender()
            mine.append(time.perf_counter() - start)
    return [statistics.median(mine) for mine in seconds]


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
