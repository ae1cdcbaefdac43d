"""A small detector, and what its commands complain about."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.once import once
from uncover.cli import main

if TYPE_CHECKING:
    from detector_commands import Complaint, Good


@pytest.fixture(scope="session")
def good(one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Good:
    """Sets, weights, predictions and a record of an evolution; not to be changed."""
    from detector_commands import Good, make_good

    return Good(once(tmp_path_factory, "good", make_good))


@pytest.fixture(scope="session")
def undisturbed(good: Good, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Heatmaps of `train/`, made in one go; not to be changed."""
    from detector_commands import run
    from heatmaps_commands import words

    def make(out: Path) -> None:
        run("heatmaps", *words(good, good.data / "train", out))

    return once(tmp_path_factory, "undisturbed", make)


@pytest.fixture
def data(good: Good, tmp_path: Path) -> Path:
    """A copy of the sets that may be spoilt."""
    for name in ("train", "val"):
        shutil.copytree(good.data / name, tmp_path / "data" / name)
    return tmp_path / "data"


@pytest.fixture
def complaint(capsys: pytest.CaptureFixture[str]) -> Complaint:
    """Run a command that must fail, in this process: the one line in which it says why."""

    def run(verb: str, *words: object) -> str:
        try:
            code = main([verb, *map(str, words)])
        except SystemExit as error:
            code = int(error.code or 0)
        lines = capsys.readouterr().err.splitlines()
        (line,) = (line for line in lines if "error: " in line)
        assert code == 2 and line == lines[-1] and line.startswith(f"uncover {verb}: error: ")
        return line

    return run
