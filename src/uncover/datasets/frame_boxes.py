"""Boxes that frames of a video come with: the truth of stand-in videos, or what `uncover detect` found in them."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uncover.datasets.picked import UNGRADED, is_grade
from uncover.datasets.records import read_table
from uncover.errors import InputError

CORNERS = ("x1", "y1", "x2", "y2")
TRUTH_COLUMNS = ("frame", *CORNERS, "grade")
FOUND_COLUMNS = ("source", "frame", *CORNERS)
EXPECTED_TRUTH = "expected frame, second, x1, y1, x2, y2, grade, one row per frame and face"


@dataclass(frozen=True)
class FrameBoxes:
    """What is known of one frame.

    Attributes:
        boxes: float64 (M, 4), xyxy in pixels of the frame; None where nobody says.
        grade: How hard its face is to see; `ungraded` where nobody says.
    """

    boxes: NDArray[np.float64] | None
    grade: str = UNGRADED


UNKNOWN = FrameBoxes(None)


def read_frame_boxes(tables: Sequence[Path], videos: Mapping[str, Path]) -> dict[str, dict[int, FrameBoxes]]:
    """Boxes by video and frame.

    Args:
        tables: The truth of a video, a CSV of the same name; or a `boxes.parquet` of `uncover detect`, of any number of
            videos. What was found there is no truth: a frame without a box stays one that nobody annotated.
        videos: By file name without suffix.

    Raises:
        InputError: A table is none of these, belongs to no video, or speaks of one that another table spoke of.
    """
    found: dict[str, dict[int, FrameBoxes]] = {}
    for table in tables:
        if table.suffix.lower() == ".csv":
            if table.stem not in videos:
                raise InputError(f"{table}: there is no video of this name; expected one of {_listed(videos)}")
            new = {table.stem: read_truth_table(table)}
        elif table.suffix.lower() == ".parquet":
            new = _read_found(table, videos)
        else:
            raise InputError(
                f"{table}: expected the truth of a video (.csv) or the boxes of 'uncover detect' (.parquet)"
            )
        twice = sorted(found.keys() & new.keys())
        if twice:
            raise InputError(f"{table}: another table has boxes of {videos[twice[0]]} already; give one of the two")
        found |= new
    return found


def _listed(videos: Mapping[str, Path]) -> str:
    names = sorted(videos)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def read_truth_table(path: Path) -> dict[int, FrameBoxes]:
    """Read the truth of one video: a row per frame and face, the corners empty where no face is in the picture.

    Raises:
        InputError: It does not exist, or a row is none of these.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader]
            header = reader.fieldnames or []
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; {EXPECTED_TRUTH}") from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{path}: is no CSV; {EXPECTED_TRUTH}") from None
    missing = [column for column in TRUTH_COLUMNS if column not in header]
    if missing:
        raise InputError(f"{path}: no column {missing[0]}; {EXPECTED_TRUTH}")
    boxes: dict[int, list[list[float]]] = {}
    grades: dict[int, str] = {}
    for number, row in rows:
        where = f"{path}, row {number}"
        frame, box, grade = _truth_row(row, where)
        if grades.setdefault(frame, grade) != grade:
            raise InputError(f"{where}: frame {frame} is {grade} here and {grades[frame]} before; expected one grade")
        boxes.setdefault(frame, []).extend([box] if box else [])
    return {frame: FrameBoxes(np.array(boxes[frame]).reshape(-1, 4), grade) for frame, grade in grades.items()}


def _truth_row(row: dict[str, str], where: str) -> tuple[int, list[float] | None, str]:
    if any(row[column] is None for column in TRUTH_COLUMNS):
        raise InputError(f"{where}: too few values; {EXPECTED_TRUTH}")
    grade = row["grade"].strip() or UNGRADED
    if not is_grade(grade):
        raise InputError(f"{where}: grade {grade[:40]!r} cannot be the name of a folder; expected one such as easy")
    corners = [row[column].strip() for column in CORNERS]
    try:
        frame = int(row["frame"])
        box = [float(corner) for corner in corners] if any(corners) else None
    except ValueError:
        raise InputError(f"{where}: frame and corners are no numbers; {EXPECTED_TRUTH}") from None
    if frame < 0:
        raise InputError(f"{where}: frame {frame}; expected a number from 0 on")
    if box and not (all(map(math.isfinite, box)) and box[0] < box[2] and box[1] < box[3]):
        raise InputError(f"{where}: {', '.join(corners)} is no box; expected x1 < x2 and y1 < y2, in pixels")
    return frame, box, grade


def _read_found(path: Path, videos: Mapping[str, Path]) -> dict[str, dict[int, FrameBoxes]]:
    table = read_table(path, FOUND_COLUMNS, "detect")
    names = {video.name: stem for stem, video in videos.items()}
    table = table[table["source"].isin(list(names))]
    if table.empty:
        raise InputError(f"{path}: no box of these videos ({_listed(videos)}); give the boxes found in them")
    found: dict[str, dict[int, FrameBoxes]] = {}
    for source, of_video in table.groupby("source", sort=True):
        numbers, boxes = of_video["frame"].to_numpy(), of_video[list(CORNERS)].to_numpy(np.float64)
        bad = ~np.isfinite(boxes).all(axis=1) | (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)
        if bad.any():
            raise InputError(f"{path}: frame {numbers[bad][0]} of {source} has a box that is none; find them again")
        found[names[str(source)]] = {int(number): FrameBoxes(boxes[numbers == number]) for number in np.unique(numbers)}
    return found
