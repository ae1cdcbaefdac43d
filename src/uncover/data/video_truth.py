"""The truth beside a video: which box the face has in each frame, and what happens."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from uncover.config.catalogue import GRADES
from uncover.errors import InputError
from uncover.tables import Column, check_rows, read_rows

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
