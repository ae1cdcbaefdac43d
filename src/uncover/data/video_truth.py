"""Boxes of video frames: ground truth beside a video, or boxes found by `uncover detect`."""

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
"""Events in a video: none, quick movement, a hand over the face, a nurse at work, dimmed light, an empty bed."""

CORNERS = ("x1", "y1", "x2", "y2")
"""Box of the whole face, covered or not, in pixels of the upright frame; empty without a face."""

TRUTH_COLUMNS = ("frame", "second", *CORNERS, "grade", "event")
"""Frame number from 0, time since the first frame, box, grade of occlusion, and event."""


COLUMNS = {
    "frame": Column("whole", low=0),
    "second": Column("number", low=0),
    **dict.fromkeys(CORNERS, Column("number", low=0, empty=True)),
    "grade": Column(words=GRADES),
    "event": Column(words=EVENTS),
}

FOUND_COLUMNS = ("source", "frame", *CORNERS)


def read_video_truth(path: Path) -> pd.DataFrame:
    """Load the ground truth of the frames of one video.

    Args:
        path: CSV file with the header `TRUTH_COLUMNS`.

    Returns:
        One row for each frame, in order: `frame` int64, `second` float64, `x1 y1 x2 y2` float64 (pixels of the upright
        frame; NaN without a face), `grade` and `event`.

    Raises:
        InputError: The file does not exist, or a row is invalid; the error names the file and the row, where the
            header is row 1.
    """
    table = read_rows(path, COLUMNS, "the true boxes of the video of that name")
    if table.empty:
        raise InputError(f"{path}: contains no frame; expected a row for each frame of the video")
    known = table[list(CORNERS)].notna()
    corners = ", ".join(CORNERS)
    half = f"incomplete box; expected all of {corners}, or none if there is no face"
    check_rows(path, table, known.all(axis=1) | ~known.any(axis=1), half)
    check_rows(
        path,
        table,
        ~known["x1"] | ((table["x1"] < table["x2"]) & (table["y1"] < table["y2"])),
        "box {x1:g} {y1:g} {x2:g} {y2:g}; expected x1 below x2 and y1 below y2",
    )
    away = f"box although the infant is away; expected {corners} to be empty"
    check_rows(path, table, ~(known["x1"] & (table["event"] == "away")), away)
    later = ~((table["frame"].diff() <= 0) | (table["second"].diff() <= 0))
    check_rows(path, table, later, "not after the row before; expected increasing frames and seconds")
    return table[list(TRUTH_COLUMNS)].reset_index(drop=True)


@dataclass(frozen=True)
class FrameBoxes:
    """Annotation of one frame.

    Attributes:
        boxes: float64 (M, 4), xyxy in pixels of the frame; None if unknown.
        grade: How hard the face is to detect; `ungraded` if unknown.
        truth: Name of the ground-truth file; empty if the boxes are proposals of a detector.
    """

    boxes: NDArray[np.float64] | None
    grade: str = UNGRADED
    truth: str = ""


UNKNOWN = FrameBoxes(None)


def read_frame_boxes(tables: Sequence[Path], videos: Mapping[str, Path]) -> dict[str, dict[int, FrameBoxes]]:
    """Read boxes by video and frame.

    Args:
        tables: Ground truth of a video, a CSV of the same name; or a `boxes.parquet` of `uncover detect` for any number
            of videos. Detections are not ground truth: a frame without a box there counts as not annotated.
        videos: By file name without suffix.

    Raises:
        InputError: A table is invalid, belongs to no video, or covers a video that another table covers.
    """
    found: dict[str, dict[int, FrameBoxes]] = {}
    for table in tables:
        if table.suffix.lower() == ".csv":
            if stem_of(table) not in videos:
                raise InputError(f"{table}: no video has this name; expected one of {_listed(videos)}")
            new = {stem_of(table): _read_true(table)}
        elif table.suffix.lower() == ".parquet":
            new = _read_found(table, videos)
        else:
            raise InputError(
                f"{table}: expected the ground truth of a video (.csv) or the boxes of 'uncover detect' (.parquet)"
            )
        twice = sorted(found.keys() & new.keys())
        if twice:
            raise InputError(f"{table}: {videos[twice[0]]} already has boxes from another table; give one of the two")
        found |= new
    return found


def _listed(videos: Mapping[str, Path]) -> str:
    names = sorted(videos)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _read_true(path: Path) -> dict[int, FrameBoxes]:
    """Ground truth of the frames of one video, as `read_video_truth` returns it."""
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
        raise InputError(f"{path}: contains no box of these videos ({_listed(videos)}); give the boxes found in them")
    found: dict[str, dict[int, FrameBoxes]] = {}
    for source, of_video in table.groupby("source", sort=True):
        numbers, boxes = of_video["frame"].to_numpy(), of_video[list(CORNERS)].to_numpy(np.float64)
        bad = ~np.isfinite(boxes).all(axis=1) | (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)
        if bad.any():
            raise InputError(f"{path}: frame {numbers[bad][0]} of {source} has an invalid box; detect again")
        found[names[str(source)]] = {int(number): FrameBoxes(boxes[numbers == number]) for number in np.unique(numbers)}
    return found
