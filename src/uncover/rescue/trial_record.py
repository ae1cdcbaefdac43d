"""Read the record of the rescue trial: all its rows, and the ranking of its methods."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from uncover.config.evaluation import middle_rate
from uncover.rescue.methods import OF_SET, OF_VAL
from uncover.rescue.trial import COLUMNS
from uncover.tables import TEXT, Column, check_rows, read_rows

NEEDED = {
    **dict.fromkeys(("set", "method", "group", "threshold"), TEXT),
    "fp_per_photo": Column("number", low=0),
    "confidence": Column("number", empty=True),
    **dict.fromkeys(("faces", "found"), Column("whole", low=0, empty=True)),
}
OTHERS = {
    **dict.fromkeys(COLUMNS, Column("number", empty=True, optional=True)),
    **dict.fromkeys(("photos", "detected"), Column("whole", low=0, optional=True)),
    "false_boxes": Column("whole", low=0, empty=True, optional=True),
    "attained": Column("bool", optional=True),
    "block_kind": Column(empty=True, optional=True),
}
TYPES = OTHERS | NEEDED
"""Type of each column of the record."""


def read_trial(path: Path) -> pd.DataFrame:
    """Load `rescue_trial.csv`.

    Returns:
        Its rows with all columns; optional columns may be empty; faces and found are Int64, NA if the set has no
        labels.

    Raises:
        InputError: The file does not exist, or is not such a record.
    """
    rows = read_rows(path, TYPES, "a record of 'uncover rescue_trial'")
    counted = rows[["faces", "found"]].notna().all(axis=1) | (rows["threshold"] != OF_SET)
    check_rows(path, rows, counted, "no counts of faces; expected them at a threshold of the set itself")
    return rows.reindex(columns=[*rows.columns, *(name for name in COLUMNS if name not in rows)])


@dataclass(frozen=True)
class MethodScore:
    """A method in the trial, over all labelled sets.

    Attributes:
        name: Name of the method.
        confidence: Its threshold from val, for the trial's middle rate of false positives.
        found: Missed faces that it found at equal false positives of all methods.
        faces: Missed faces.
        false_boxes: Its false positives.
        ahead: Whether on at least one set it found more than a lower threshold of the detector, with an interval above
            0; None if the record has no intervals.
    """

    name: str
    confidence: float
    found: int
    faces: int
    false_boxes: int = 0
    ahead: bool | None = None

    @property
    def gains(self) -> bool:
        """Whether the trial shows a gain: most of its boxes are correct, and it is ahead."""
        return self.found > self.false_boxes and self.ahead is not False

    def told(self) -> str:
        """Result in one sentence."""
        return (
            f"found {self.found} of {self.faces} missed faces in the run's trial"
            f" ({self.found} of {self.found + self.false_boxes} added boxes correct)"
        )


def read_method_scores(path: Path) -> dict[str, MethodScore]:
    """All methods with a threshold, best first: most faces, then fewest false positives, then the order of the record.

    Args:
        path: `rescue_trial.csv`.

    Raises:
        InputError: The file does not exist, or is not such a record.
    """
    rows = read_trial(path)
    if not len(rows):
        return {}
    rows = rows[rows["fp_per_photo"] == middle_rate(rows["fp_per_photo"].unique().tolist())]
    confidence = rows[rows["threshold"] == OF_VAL].dropna(subset="confidence").groupby("method")["confidence"].last()
    counts = rows[rows["threshold"] == OF_SET].groupby("method")[["found", "faces", "false_boxes"]].sum()
    # In the order in which they first have a threshold.
    names = [name for name in rows.loc[rows["threshold"] == OF_VAL, "method"].unique() if name in confidence]
    found, faces, false = counts.reindex(names, fill_value=0).to_numpy(np.int64).T
    order = np.lexsort((false, -found))
    ahead = [_is_ahead(rows[(rows["method"] == name) & (rows["threshold"] == OF_SET)]) for name in names]
    rows_of = zip(names, confidence[names].tolist(), found.tolist(), faces.tolist(), false.tolist(), ahead, strict=True)
    scores = [MethodScore(*row) for row in rows_of]
    return {scores[row].name: scores[row] for row in order}


def _is_ahead(rows: pd.DataFrame) -> bool | None:
    low = rows["difference_low"].dropna()
    return bool((low > 0).any()) if len(low) else None
