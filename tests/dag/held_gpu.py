"""A machine whose only GPU somebody else holds: a job waits in its midst, and tests can see what happens meanwhile.

It is that of an allocation of SLURM's, whose jobs share out GPUs as those of any machine do.
"""

from __future__ import annotations

import fcntl
import os
import stat
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from uncover.workflow.gpus import LOCKS


@contextmanager
def held_gpu(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
    """Within this context the machine has one GPU, and somebody else holds it."""
    name = f"GPU-{uuid.uuid4()}"
    program = folder / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '0, {name}, A100, 40960 MiB, 550.1'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    LOCKS.mkdir(exist_ok=True)
    LOCKS.chmod(0o1777)
    lock = LOCKS / f"{name}.lock"
    try:
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield
    finally:
        lock.unlink(missing_ok=True)


class Background:
    """A call that goes on while the test does something else; its error is the test's."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(call,))
        self._thread.start()

    def _run(self, call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:
            self._error = error

    def wait_for(self, words: str, log: Path, seconds: float = 60) -> None:
        """Until a log says something."""
        until = time.monotonic() + seconds
        while not (log.exists() and words in log.read_text()):
            assert time.monotonic() < until and self._thread.is_alive(), self._error
            time.sleep(0.1)

    def join(self) -> None:
        """Until it is over."""
        self._thread.join()
        if self._error is not None:
            raise self._error
