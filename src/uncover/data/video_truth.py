"""Boxes of the frames of videos: the truth beside a video, with what happens, and what `uncover detect` found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.config.catalogue import GRADES
from uncover.data.picked import UNGRADED, stem_of
from uncover.errors import InputError
from uncover.tables import Column, check_rows, read_rows, read_table
from uncover.text_files import printable

Event = Literal["still", "movement", "hand", "nurse", "dim", "away"]
EVENTS: tuple[Event, ...] = get_args(Event)
"""What goes on: nothing, quick movement, a hand over the face, a nurse at work, dimmed light, nobody in the picture."""

CORNERS = ("x1", "y1", "x2", "y2")
"""Box of the whole face, covered or not, in pixels of the upright frame; empty where there is no face."""

TRUTH_COLUMNS = ("frame", "second", *CORNERS, "grade", "event")
"""Number of the frame from 0, its time from the first frame on, its box, how much is hidden, and what goes on."""


COLUMNS = {
    "frame": Column("whole", low=0),
    "second": Column("number", low=0),
    **dict.fromkeys(CORNERS, Column("number", low=0, empty=True)),
    "grade": Column(words=GRADES),
    "event": Column(words=EVENTS),
}

FOUND_COLUMNS = ("source", "frame", *CORNERS)


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
    table = read_rows(path, COLUMNS, "the true boxes of the video of that name")
    if table.empty:
        raise InputError(f"{path}: no frame in it; expected a row for each frame of the video")
    known = table[list(CORNERS)].notna()
    corners = ", ".join(CORNERS)
    half = f"half a box; expected all of {corners}, or none where there is no face"
    check_rows(path, table, known.all(axis=1) | ~known.any(axis=1), half)
    check_rows(
        path,
        table,
        ~known["x1"] | ((table["x1"] < table["x2"]) & (table["y1"] < table["y2"])),
        "box {x1:g} {y1:g} {x2:g} {y2:g}; expected x1 below x2 and y1 below y2",
    )
    away = f"a box while the infant is away; expected {corners} to be empty"
    check_rows(path, table, ~(known["x1"] & (table["event"] == "away")), away)
    later = ~((table["frame"].diff() <= 0) | (table["second"].diff() <= 0))
    check_rows(path, table, later, "not after the row before; expected frames and seconds that grow")
    return table[list(TRUTH_COLUMNS)].reset_index(drop=True)


@dataclass(frozen=True)
class FrameBoxes:
    """What is known of one frame.

    Attributes:
        boxes: float64 (M, 4), xyxy in pixels of the frame; None where nobody says.
        grade: How hard its face is to see; `ungraded` where nobody says.
        truth: Name of the file whose truth the boxes are; empty where a detector proposes them.
    """

    boxes: NDArray[np.float64] | None
    grade: str = UNGRADED
    truth: str = ""


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
            if stem_of(table) not in videos:
                raise InputError(f"{table}: there is no video of this name; expected one of {_listed(videos)}")
            new = {stem_of(table): _read_true(table)}
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


def _read_true(path: Path) -> dict[int, FrameBoxes]:
    """Of the frames of one video, as `read_video_truth` has them."""
    truth = read_video_truth(path)
    corners = truth[list(CORNERS)].to_numpy(np.float64)
    boxes = [box[None] if np.isfinite(box).all() else np.zeros((0, 4)) for box in corners]
    rows = zip(truth["frame"].tolist(), boxes, truth["grade"], strict=True)
    return {frame: FrameBoxes(own, grade, path.name) for frame, own, grade in rows}


def _read_found(path: Path, videos: Mapping[str, Path]) -> dict[str, dict[int, FrameBoxes]]:
    table = read_table(path, FOUND_COLUMNS, "detect")
    names = {printable(video.name): stem for stem, video in videos.items()}
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
