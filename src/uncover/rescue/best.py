"""Who found most of the missed faces in a run's rescue trial, of those that can look at new pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from uncover.config.evaluation import middle_rate
from uncover.rescue.methods import OF_SET, OF_VAL
from uncover.tables import TEXT, Column, read_rows

NUMBER, COUNT = Column("number", empty=True), Column("whole", low=0, empty=True)
COLUMNS = {
    **dict.fromkeys(("set", "method", "group"), TEXT),
    "fp_per_photo": Column("number"),
    "threshold": Column(words=(OF_SET, OF_VAL)),
    "confidence": NUMBER,
    **dict.fromkeys(("faces", "found", "false_boxes"), COUNT),
}


@dataclass(frozen=True)
class Tried:
    """A method in the trial, over all sets with labels.

    Attributes:
        name: Of the method.
        confidence: From which its boxes count: that which keeps the trial's middle rate of false boxes on val.
        found: Missed faces that it found where all methods make as many false boxes.
        faces: Missed faces.
    """

    name: str
    confidence: float
    found: int
    faces: int


def read_tried(trial: Path) -> dict[str, Tried]:
    """All methods that have a threshold, the best first.

    Args:
        trial: `rescue_trial.csv`.

    Raises:
        InputError: It does not exist, or is no such record.
    """
    table = read_rows(trial, COLUMNS, "a record of 'uncover rescue_trial'")
    if table.empty:
        return {}
    table = table[table["fp_per_photo"] == middle_rate(table["fp_per_photo"])]
    known = table[(table["threshold"] == OF_VAL) & table["confidence"].notna()]
    counts = table[table["threshold"] == OF_SET].groupby("method")[["found", "faces", "false_boxes"]].sum()
    # The last row of a method counts, but its place is that of the first.
    confidence = dict(zip(known["method"], known["confidence"].tolist(), strict=True))
    counts = counts.reindex(list(confidence), fill_value=0)
    # Sorting is stable: those that tie stay in the order of the record.
    counts = counts.assign(missed=-counts["found"]).sort_values(["missed", "false_boxes"], kind="stable")
    return {
        str(name): Tried(str(name), confidence[str(name)], int(row["found"]), int(row["faces"]))
        for name, row in counts.iterrows()
    }
