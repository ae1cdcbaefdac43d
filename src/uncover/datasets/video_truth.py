"""The truth about a video: a CSV file beside it, with a row for each frame."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pandas as pd

from uncover.config.catalogue import GRADES
from uncover.errors import InputError
from uncover.footage.truth import CORNERS, EVENTS, TRUTH_COLUMNS

_HEADER = ",".join(TRUTH_COLUMNS)


def read_video_truth(path: Path) -> pd.DataFrame:
    """Load the truth about the frames of one video.

    Args:
        path: CSV file whose first row names `TRUTH_COLUMNS`.

    Returns:
        One row for each frame, in order: `frame` int64, `second` float64, `x1 y1 x2 y2` float64 (pixels of the upright
        frame; NaN where there is no face), `grade` and `event`.

    Raises:
        InputError: There is no such file, or a row is wrong; the message names the file and the row, of which the
            first is that of the names.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError:
        raise InputError(
            f"{path}: does not exist; expected the true boxes of the video of that name, as {_HEADER}"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: is no CSV file ({error}); expected columns {_HEADER}") from None
    if not rows or tuple(rows[0]) != TRUTH_COLUMNS:
        found = ",".join(rows[0]) if rows else "nothing"
        raise InputError(f"{path}, row 1: {found}; expected {_HEADER}")
    frames = [_frame(f"{path}, row {number}", row) for number, row in enumerate(rows[1:], start=2) if row]
    if not frames:
        raise InputError(f"{path}: no frame in it; expected a row for each frame of the video")
    table = pd.DataFrame(frames, columns=list(TRUTH_COLUMNS))
    later = (table["frame"].diff().dropna() > 0) & (table["second"].diff().dropna() > 0)
    if not later.all():
        number = [place for place, row in enumerate(rows[1:], start=2) if row][int(later.argmin()) + 1]
        raise InputError(f"{path}, row {number}: not after the row before; expected frames and seconds that grow")
    return table


def _frame(where: str, row: list[str]) -> tuple[object, ...]:
    """Values of one row, checked."""
    if len(row) != len(TRUTH_COLUMNS):
        raise InputError(f"{where}: {len(row)} values; expected {len(TRUTH_COLUMNS)}: {_HEADER}")
    frame, second, *corners, grade, event = row
    if not (frame.isascii() and frame.isdigit()):
        raise InputError(f"{where}: frame {frame!r}; expected a whole number from 0 on")
    if grade not in GRADES:
        raise InputError(f"{where}: grade {grade!r}; expected one of {', '.join(GRADES)}")
    if event not in EVENTS:
        raise InputError(f"{where}: event {event!r}; expected one of {', '.join(EVENTS)}")
    box = _box(where, corners)
    if event == "away" and any(corners):
        raise InputError(f"{where}: a box while the infant is away; expected {', '.join(CORNERS)} to be empty")
    return int(frame), _number(where, "second", second), *box, grade, event


def _box(where: str, corners: list[str]) -> list[float]:
    if not any(corners):
        return [math.nan] * len(CORNERS)
    if not all(corners):
        raise InputError(f"{where}: half a box; expected all of {', '.join(CORNERS)}, or none where there is no face")
    x1, y1, x2, y2 = (_number(where, name, text) for name, text in zip(CORNERS, corners, strict=True))
    if not (x1 < x2 and y1 < y2):
        raise InputError(f"{where}: box {x1:g} {y1:g} {x2:g} {y2:g}; expected x1 below x2 and y1 below y2")
    return [x1, y1, x2, y2]


def _number(where: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"{where}: {name} {text!r}; expected a number of 0 or more")
    return value
