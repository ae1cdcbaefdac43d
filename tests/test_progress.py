"""Progress of a loop in a log: items done, rate, time left."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator

import pytest

from uncover import progress


def slow(items: int, seconds: float) -> Iterator[int]:
    for number in range(items):
        time.sleep(seconds)
        yield number


def test_lines_come_however_long_an_item_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress.track(slow(2, 0.3), "looking", 2, every=0.1)) == [0, 1]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "looking: 0/2 (0%), 0.0/s"
    # An item takes 0.3 s, so that is what the second one takes too.
    rates = [re.fullmatch(r"looking: 1/2 \(50%\), ([\d.]+)/s, 0\.(\d) s left", line) for line in lines]
    assert any(found and 1.5 < float(found[1]) < 3.4 and 3 <= int(found[2]) <= 6 for found in rates), lines
    time.sleep(0.25)
    assert capsys.readouterr().err == "", "it went on after the end"


def test_a_loop_that_fails_or_is_left_tells_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError

    with pytest.raises(ValueError):
        list(progress.track(failing(), "looking", every=0.05))
    left = progress.track(slow(9, 0), "looking", every=0.05)
    next(left)
    left.close()  # type: ignore[attr-defined]
    capsys.readouterr()
    time.sleep(0.15)
    assert capsys.readouterr().err == ""


def test_without_a_wish_a_line_comes_when_an_item_has_ended(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    assert list(progress.track(slow(2, 0), "looking")) == [0, 1]
    assert [line.partition(",")[0] for line in capsys.readouterr().err.splitlines()] == ["looking: 1", "looking: 2"]


def test_quiet_shows_no_progress_and_verbose_the_time_of_a_loop(capsys: pytest.CaptureFixture[str]) -> None:
    package = logging.getLogger("uncover")
    before = package.level
    try:
        package.setLevel(logging.WARNING)
        assert list(progress.track(slow(2, 0.06), "looking", 2, every=0.02)) == [0, 1]
        assert capsys.readouterr().err == ""
        package.setLevel(logging.DEBUG)
        assert list(progress.track(slow(2, 0), "looking", 2)) == [0, 1]
        assert re.search(r"\[ +\d+\.\d{3} s\] looking: 2 in 0\.0 s, ", capsys.readouterr().err)
    finally:
        package.setLevel(before)
