"""Run a training, and record the end of each epoch and the memory of its processes from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_BETWEEN_WEIGHINGS = 1.0
MIB = 2**20


@dataclass
class Watched:
    """Measurements of one training.

    Attributes:
        started: Start of the process, in seconds since 1970.
        seconds: Duration of the process.
        epoch_ends: Seconds from the start until the row of each epoch was written.
        peak_rss_mib: Peak sum of the resident memory of all its processes; shared memory counts several times.
        peak_pss_mib: The same, with shared memory counted once.
        peak_main_mib: Peak resident memory of the first process only.
        load: Mean number of runnable tasks of the whole machine, including the training (Linux one-minute load).
    """

    started: float
    seconds: float = 0.0
    epoch_ends: list[float] = field(default_factory=list)
    peak_rss_mib: float = 0.0
    peak_pss_mib: float = 0.0
    peak_main_mib: float = 0.0
    load: float = 0.0


def watch(
    command: Sequence[str | Path],
    log: Path,
    find_record: Callable[[], Path | None],
    tell: Callable[[int], None],
    environment: Mapping[str, str],
) -> Watched:
    """Run a command to its end.

    Args:
        command: The program and its arguments.
        log: File for its output.
        find_record: Returns the CSV file to which each epoch adds a row, once it exists.
        tell: Called with the number of finished epochs after each epoch.
        environment: Environment variables to add to those of this process.

    Raises:
        SystemExit: The command fails; the end of its log is printed.
    """
    loads: list[float] = []
    with log.open("wb") as output:
        seen = Watched(time.time())
        clock = time.perf_counter()
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        try:
            weighed = -SECONDS_BETWEEN_WEIGHINGS
            while process.poll() is None:
                time.sleep(SECONDS_BETWEEN_LOOKS)
                now = time.perf_counter() - clock
                if count_rows(find_record()) > len(seen.epoch_ends):
                    seen.epoch_ends.append(now)
                    tell(len(seen.epoch_ends))
                if now - weighed >= SECONDS_BETWEEN_WEIGHINGS:
                    weighed = now
                    loads.append(os.getloadavg()[0])
                    _weigh(process.pid, seen)
            seen.seconds = time.perf_counter() - clock
        finally:
            # Worker processes are in the same session; end all of them with the benchmark.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if process.returncode != 0:
        end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        sys.exit(f"{' '.join(map(str, command))}\nfailed with {process.returncode}; {log} ends with\n{end}")
    seen.load = sum(loads) / max(len(loads), 1)
    return seen


def count_rows(record: Path | None) -> int:
    """Number of rows of a CSV file below its header; 0 if it does not exist yet."""
    if record is None:
        return 0
    try:
        return max(0, record.read_bytes().count(b"\n") - 1)
    except FileNotFoundError:
        return 0


def _weigh(pid: int, seen: Watched) -> None:
    resident, shared_once = [], []
    try:
        main = psutil.Process(pid)
        family = [main, *main.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            resident.append(process.memory_info().rss / MIB)
            shared_once.append(_pss(process) / MIB)
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue
    if resident:
        seen.peak_main_mib = max(seen.peak_main_mib, resident[0])
        seen.peak_rss_mib = max(seen.peak_rss_mib, sum(resident))
        seen.peak_pss_mib = max(seen.peak_pss_mib, sum(shared_once))


def _pss(process: psutil.Process) -> int:
    """Resident bytes, with shared pages divided by their number of users; plain resident bytes if not available."""
    rollup = Path(f"/proc/{process.pid}/smaps_rollup")
    if not rollup.exists():
        return int(process.memory_info().rss)
    line = next(line for line in rollup.read_text().splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) * 1024
