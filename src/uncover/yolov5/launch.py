"""Run one training in several processes of this machine: each gets a rank and, if there are GPUs, one of them.

Like torchrun for a single machine, with the same environment variables; `distributed`, which imports torch, joins the
processes. torchrun itself is not used: it takes seconds to import, wraps each error in a long report, exits with code 1
instead of 2 for bad input, and keeps running if its Snakemake is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import IO

from uncover.process import this_process

SECONDS_BETWEEN_POLLS = 0.2
SECONDS_TO_SPEAK = 5.0
SECONDS_TO_END = 10.0
SILENT = (0, -signal.SIGTERM, 128 + signal.SIGTERM)
"""Exit codes of a process without an error: done, or terminated before or after it started to handle signals."""
WORLD_SIZE = "WORLD_SIZE"
"""Environment variable of every process of a group, whatever started it."""


def in_process_group() -> bool:
    """Whether this process is already one of a group."""
    return WORLD_SIZE in os.environ


def launch_processes(processes: int, words: Sequence[str], parent: str) -> int:
    """Run a command of uncover in several processes and wait for all of them.

    Args:
        processes: Number of processes.
        words: Command line, without `uncover`.
        parent: Environment variable with the id of the process; each child ends with it.

    Returns:
        0, or the exit code of the first process that failed, which ends the others too.
    """
    command = [sys.executable, "-m", "uncover", *words]
    shared = {
        **os.environ,
        WORLD_SIZE: str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "OMP_NUM_THREADS": str(max(1, int(os.environ.get("OMP_NUM_THREADS", "0") or 0) // processes)),
        parent: this_process(),
    }
    with contextlib.ExitStack() as stack:
        started: list[subprocess.Popen[bytes]] = []
        stack.callback(_end, started)
        # All processes report the same bad input, so of the others only different lines are printed.
        others = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(processes - 1)]
        for rank, errors in enumerate([None, *others]):
            environment = shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            started.append(subprocess.Popen(command, env=environment, stderr=errors))
        code = _wait(started)
        _end(started)
        if code and started[0].returncode in SILENT:
            _show(others)
        return code


def _wait(processes: Sequence[subprocess.Popen[bytes]]) -> int:
    while True:
        codes = [process.poll() for process in processes]
        failed = [code for code in codes if code]
        if failed:
            # A failed process ends the others; they get some time to print their own errors and to exit.
            until = time.monotonic() + SECONDS_TO_SPEAK
            while time.monotonic() < until and any(process.poll() is None for process in processes):
                time.sleep(SECONDS_BETWEEN_POLLS)
            return failed[0] if failed[0] > 0 else 128 - failed[0]
        if all(code == 0 for code in codes):
            return 0
        time.sleep(SECONDS_BETWEEN_POLLS)


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _show(files: Sequence[IO[bytes]]) -> None:
    for file in files:
        file.seek(0)
        text = file.read().decode(errors="replace")
        if text:
            print(text, end="", file=sys.stderr, flush=True)
            return


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
