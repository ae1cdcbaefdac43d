"""A job does not outlive the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from uncover.process import is_alive, number_of, this_process

WORK = """
import signal, sys, time
from pathlib import Path
from uncover.workflow.parent import end_with_parent
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
end_with_parent()
try:
    print("at work", flush=True)
    time.sleep(60)
finally:
    Path(sys.argv[1]).write_text("tidied up")
"""
START = """
import os, subprocess, sys, time
from uncover.process import this_process
environment = os.environ | {"UNCOVER_PARENT": this_process()}
job = subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]], env=environment, stdout=subprocess.PIPE)
job.stdout.readline()
print(job.pid, flush=True)
time.sleep(60)
"""


def wait_for(condition: object, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_job_ends_in_good_order_when_its_snakemake_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", START, WORK, str(tmp_path / "end")], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    job = int(parent.stdout.readline())
    assert is_alive(job)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_for(lambda: not is_alive(job))
    assert (tmp_path / "end").read_text() == "tidied up"


def test_a_parent_that_is_gone_already_ends_the_job_too(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    name = this_process().replace(str(os.getpid()), str(gone.pid), 1)
    job = subprocess.Popen(
        [sys.executable, "-c", WORK, str(tmp_path / "end")], env=os.environ | {"UNCOVER_PARENT": name}
    )
    assert job.wait(timeout=30) == 143


@pytest.mark.parametrize("name", ["", "nobody", "1@another machine's numbers"])
def test_a_number_that_means_nothing_here_ends_nothing(name: str) -> None:
    assert number_of(name) is None


def test_this_process_has_a_name_that_is_understood() -> None:
    assert number_of(this_process()) == os.getpid()
