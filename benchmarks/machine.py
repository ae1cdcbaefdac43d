"""Description of machine and source for the records of benchmarks, and timing of contenders."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path


def describe_machine(*packages: str) -> dict[str, object]:
    """Processor, system, Python, and versions of the given packages."""
    cpu = next((line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")), "unknown")
    return {
        "processor": cpu,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in packages},
    }


def describe_source() -> dict[str, object]:
    """Commit, whether files differ from it, date, and command."""
    words = [["git", "rev-parse", "--short", "HEAD"], ["git", "status", "--porcelain", "--untracked-files=no"]]
    done = [
        subprocess.run(each, capture_output=True, text=True, check=False, cwd=Path(__file__).parent) for each in words
    ]
    commit, changed = (each.stdout.strip() for each in done)
    return {
        "commit": commit or None,
        "changed": bool(changed),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
    }


def median_seconds(*contenders: Callable[[], object], rounds: int) -> list[float]:
    """Median wall-clock seconds of each contender, run in turn so that drift of the machine affects all equally."""
    seconds: list[list[float]] = [[] for _ in contenders]
    for _ in range(rounds):
        for contender, mine in zip(contenders, seconds, strict=True):
            start = time.perf_counter()
            contender()
            mine.append(time.perf_counter() - start)
    return [statistics.median(mine) for mine in seconds]


def median_cpu_seconds(*contenders: Callable[[], object], rounds: int) -> list[float]:
    """Median CPU seconds of this thread for each contender, which other processes affect little."""
    seconds: list[list[float]] = [[] for _ in contenders]
    for number in range(rounds + 2):
        for contender, mine in zip(contenders, seconds, strict=True):
            start = time.thread_time()
            contender()
            if number > 1:
                mine.append(time.thread_time() - start)
    return [statistics.median(mine) for mine in seconds]


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
