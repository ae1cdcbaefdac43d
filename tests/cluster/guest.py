"""A checkout whose jobs go to the cluster of one node."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.quick_python import server, write_client

# The profile as it is, but for how soon and how often it looks, as jobs here take seconds; and jobs of two processors
# would wait here until nothing else runs.
ON_CLUSTER = (
    *("--workflow-profile", "workflow/profiles/slurm"),
    *("--slurm-init-seconds-before-status-checks", "5", "--seconds-between-status-checks", "2"),
    *("--resources", "small=1"),
)


@dataclass(frozen=True)
class Guest:
    """Runs Snakemake in a checkout, on the cluster or on this machine."""

    root: Path
    python: Path = Path(sys.executable)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def run_folder(self) -> Path:
        return self.root / "results" / "tiny"

    def command(self, *words: str, where: Sequence[str] = ON_CLUSTER) -> list[str]:
        return [str(self.python), "-m", "snakemake", *words, *where, "--configfile", "config/guest.yaml"]

    def start(self, *words: str, log: str = "snakemake.log") -> subprocess.Popen[bytes]:
        """Start Snakemake on the cluster; what it says goes to a log in the checkout."""
        with (self.root / log).open("ab") as file:
            process = subprocess.Popen(
                self.command(*words), cwd=self.root, env=environment(), stdout=file, stderr=subprocess.STDOUT
            )
        self.started.append(process)
        return process

    def end(self) -> None:
        """Kill what a test that failed has left behind."""
        for process in self.started:
            kill(process)

    def run(self, *words: str, where: Sequence[str] = ON_CLUSTER) -> tuple[int, str]:
        """Exit code of Snakemake, and all that it says."""
        command = self.command(*words, where=where)
        done = subprocess.run(command, cwd=self.root, env=environment(), capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    @contextmanager
    def quick(self) -> Iterator[Guest]:
        """The same, whose Snakemakes and jobs are spared their imports, as long as this context lasts."""
        with tempfile.TemporaryDirectory() as folder:
            python = write_client(Path(folder))
            with server(python):
                yield replace(self, python=python)

    def must_run(self, *words: str) -> str:
        """What Snakemake says when all goes well."""
        code, text = self.run(*words)
        assert code == 0, text[-6000:]
        return text

    def run_here(self, *words: str) -> None:
        """Run on this machine, as quickly as it goes."""
        with self.quick() as guest:
            code, text = guest.run(*words, where=("--cores", "2"))
        assert code == 0, text[-6000:]

    def jobs(self) -> list[dict[str, str]]:
        """What SLURM knows of all jobs that this checkout has submitted, in order."""
        command = ["scontrol", "show", "job", "--oneliner"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        jobs = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in text.splitlines() if "JobId" in line]
        return sorted((each for each in jobs if each["WorkDir"] == str(self.root)), key=lambda each: int(each["JobId"]))

    def said(self, log: str = "snakemake.log") -> str:
        """What Snakemake has said so far."""
        return (self.root / log).read_text(errors="replace")


def environment() -> dict[str, str]:
    """Without what would hide the checkout's own code."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def queue(*options: str) -> list[str]:
    """Numbers of the jobs in the queue."""
    done = subprocess.run(["squeue", "--noheader", "--format=%A", *options], capture_output=True, text=True, check=True)
    return done.stdout.split()


def job(number: str) -> dict[str, str]:
    """What SLURM knows of a job, also of one that has ended."""
    text = subprocess.run(["scontrol", "show", "job", number], capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r"(\S+?)=(\S*)", text))


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.2)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill at once."""
    process.send_signal(signal.SIGKILL)
    process.wait()
