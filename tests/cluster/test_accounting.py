"""Where SLURM keeps accounts, jobs are followed by `sacct`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import one_node
from tests.cluster.guest import Guest, wait_for

SYNTHETIC = "results/tiny/raw/wflw/synthetic.json"


@pytest.fixture(scope="module", autouse=True)
def accounted(cluster: None) -> Iterator[None]:
    """The cluster, started anew with a database."""
    try:
        one_node.start(with_accounting=True)
    except one_node.Unavailable as error:
        pytest.skip(f"no accounting: {error}")
    yield
    one_node.start()


def test_a_cancelled_job_and_a_finished_one_are_found_in_the_accounts(
    guest: Guest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "programs" / "squeue"
    asked.parent.mkdir()
    asked.write_text(f"#!/bin/sh\ntouch {tmp_path}/queue-was-asked\nexit 1\n")
    asked.chmod(0o755)
    monkeypatch.setenv("PATH", f"{asked.parent}{os.pathsep}{os.environ['PATH']}")
    process = guest.start(SYNTHETIC)
    wait_for(guest.jobs, 60, "the first job")
    subprocess.run(["scancel", guest.jobs()[0]["JobId"]], check=True)
    assert process.wait(180) == 0, guest.said()
    assert (guest.root / SYNTHETIC).exists()
    assert not (tmp_path / "queue-was-asked").exists()
    command = ["sacct", "--allocations", "--noheader", "--parsable2", "--format=State"]
    states = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    assert [state.split(" ")[0] for state in states if state] == ["CANCELLED", "COMPLETED"]
