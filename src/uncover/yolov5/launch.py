"""One training in several processes of this machine: each gets a rank and, where there are GPUs, one of them.

Like torchrun for a single machine, and with its environment variables; what joins them is `distributed`, which imports
torch. torchrun itself is not used: it takes seconds to import, wraps every error in a report of many lines, ends with
exit code 1 where ours is 2 for bad input, and outlives a Snakemake that is killed.
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
"""Exit codes of a process that told of no error: done, or ended before or after it began to handle signals."""
WORLD_SIZE = "WORLD_SIZE"
"""Variable that each process of a group has, whoever started it."""


def in_process_group() -> bool:
    """Whether this process is one of several already."""
    return WORLD_SIZE in os.environ


def launch_processes(processes: int, words: Sequence[str], parent: str) -> int:
    """Run a command of uncover in several processes and wait for all of them.

    Args:
        processes: How many.
        words: The command line, without `uncover`.
        parent: Variable that names the process with which each of them ends.

    Returns:
        0, or the exit code of the first that failed, which ends the others too.
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
        # All say the same of bad input. The first one speaks; of the others only what it does not say.
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
            # Whoever fails takes the others along, which have some time to say their own and to end by themselves.
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
