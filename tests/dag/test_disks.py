"""Disks that are full, or may not be written to: one clear line, nothing half-written, and the run can be resumed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dag.conftest import Checkout
from tests.dag.kill_runs import broken_files

pytestmark = pytest.mark.whole_run

TARGETS = ("results/tiny/tables/table_02.csv", "results/tiny/figures/figure_15.png")


class Disk:
    """A disk of its own behind `results/`."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def mount(self, kilobytes: int) -> None:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(self.place)],
            check=True,
            capture_output=True,
        )

    def change(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.place)], check=True, capture_output=True)


@pytest.fixture
def disk(plain_checkout: Checkout, tmp_path: Path) -> Iterator[tuple[Checkout, Disk]]:
    """A checkout without results, on a disk that is to be mounted behind `results/`."""
    root = tmp_path / "checkout"
    shutil.copytree(plain_checkout.root, root, symlinks=True)
    place = root / "results"
    place.mkdir()
    disk = Disk(place)
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    try:
        disk.mount(400)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nothing can be mounted here")
    yield Checkout(root, plain_checkout.python), disk
    subprocess.run(["umount", "--lazy", str(place)], check=False)


def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_room(
    disk: tuple[Checkout, Disk], finished_checkout: Checkout
) -> None:
    checkout, small = disk
    with pytest.raises(AssertionError) as stopped:
        checkout.snakemake(*TARGETS)
    text = str(stopped.value)
    assert "No space left on device" in text
    assert "Traceback" not in text
    assert list(broken_files(checkout.root / "results")) == []
    small.change("size=64m")
    checkout.snakemake("--rerun-incomplete", *TARGETS)
    for target in TARGETS:
        assert (checkout.root / target).read_bytes() == (finished_checkout.root / target).read_bytes()
    assert checkout.planned(*TARGETS) == {}


def test_a_results_folder_that_may_not_be_written_to_is_one_line(disk: tuple[Checkout, Disk]) -> None:
    checkout, small = disk
    small.change("ro,size=64m")
    with pytest.raises(AssertionError) as stopped:
        checkout.snakemake(*TARGETS)
    (line,) = (line for line in str(stopped.value).splitlines() if line.strip().startswith("error: "))
    assert "results: is not writable; give another folder or change its permissions" in line
    assert "Traceback" not in str(stopped.value)
    small.change("rw")
    checkout.snakemake(TARGETS[0])
    assert (checkout.root / TARGETS[0]).exists()
