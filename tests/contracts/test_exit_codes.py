"""Exit codes that users and Snakemake rely on: 0, 2 (nothing done), 3 (partly done), 130 (interrupted)."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import run_as
from uncover.cli import main
from uncover.errors import InputError, OutOfMemory


def partly() -> OutOfMemory:
    error = OutOfMemory("a batch: does not fit")
    error.partly = True
    return error


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (None, 0),
        (0, 0),
        (2, 2),
        (3, 3),
        (InputError("a.txt: is empty"), 2),
        (OutOfMemory("a batch: does not fit"), 2),
        (MemoryError(), 2),
        (partly(), 3),
        (OSError(28, "No space left on device", "out"), 2),
        (ModuleNotFoundError("No module named 'facexlib'", name="facexlib"), 2),
        (KeyboardInterrupt(), 130),
    ],
    ids=str,
)
def test_how_a_verb_ends_is_its_exit_code(
    outcome: int | BaseException | None,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(_: object) -> int | None:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    run_as(run, monkeypatch)
    assert main(["doctor"]) == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == isinstance(outcome, BaseException) and all(
        line.startswith("uncover doctor: ") for line in lines
    )


@pytest.mark.parametrize(("words", "code"), [(["--version"], 0), (["doctor", "--help"], 0), (["nonsense"], 2), ([], 2)])
def test_the_process_leaves_with_it(words: list[str], code: int) -> None:
    done = subprocess.run([sys.executable, "-m", "uncover", *words], capture_output=True)
    assert done.returncode == code
