"""Read the outputs of the rescue: counts of heatmap detectors, and rows of the trial."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from uncover.config.evaluation import middle_rate
from uncover.data.blocks import BlockCount
from uncover.errors import InputError
from uncover.metrics.intervals import Rate, wilson
from uncover.report.records import block_count
from uncover.rescue.methods import FIXED, OF_SET, OF_VAL
from uncover.rescue.second_step import COLUMNS, RATES, WHOLE_NUMBERS
from uncover.tables import read_table

MADE_BY = "evaluate second"
NUMBERS = ("confidence", "f1")
ALWAYS = ("missed", "heatmaps")
"""Counts that are always known."""

THRESHOLD = "set"
"""Rows of the trial used in the report: thresholds that give all methods the same rate on the evaluated set."""

HEATMAPS = "heatmaps"
"""Group of the thesis's four heatmap detectors."""


@dataclass(frozen=True)
class RescueCount:
    """Boxes of a heatmap detector in the missed photos of a set, at a confidence threshold.

    Attributes:
        confidence: Threshold; NaN if none could be chosen.
        f1: Best F1 on these photos; NaN without labels or photos.
        missed: Photos in which the first detector found no whole face.
        heatmaps: Missed photos whose heatmap is not blank; only their boxes count.
        faces: True faces in these photos; None without labels.
        predictions: Boxes; None without a threshold.
        correct: Correct boxes; None without labels or a threshold.
        images_with_boxes: Photos with at least one box; None without a threshold.
        images_correct: Photos whose most confident box is correct; None without labels or a threshold.
        precision: `correct` / `predictions`.
        image_precision: `images_correct` / `images_with_boxes`.
        coverage: `images_with_boxes` / `heatmaps`.
        blocks: Blocks of photos that the intervals count as one; None if photos are treated as independent.
    """

    confidence: float
    f1: float
    missed: int
    heatmaps: int
    faces: int | None
    predictions: int | None
    correct: int | None
    images_with_boxes: int | None
    images_correct: int | None
    precision: Rate
    image_precision: Rate
    coverage: Rate
    blocks: BlockCount | None = None


Counts = dict[tuple[str, str], RescueCount]
"""Counts of one detector, by set and by origin of the threshold."""


def read_rescue(path: Path) -> Counts:
    """Load `rescue.csv`.

    Raises:
        InputError: The file is not such a table; the message names the row.
    """
    table = read_table(path, COLUMNS, MADE_BY)
    counts: Counts = {}
    for number, row in enumerate(table.to_dict("records"), start=2):
        where = f"{path}: row {number}"
        if row["threshold"] not in (OF_SET, OF_VAL, FIXED):
            raise InputError(f"{where}: threshold {row['threshold']!r}; expected {OF_SET}, {OF_VAL} or {FIXED}")
        key = str(row["set"]), str(row["threshold"])
        if key in counts:
            raise InputError(f"{where}: set {key[0]} with threshold '{key[1]}' is given twice; expected it once")
        counts[key] = _count(where, {str(name): value for name, value in row.items()})
    return counts


def read_rescues(paths: Sequence[Path]) -> dict[str, Counts]:
    """Load the tables of several detectors.

    Args:
        paths: Files in folders named after their detector.

    Returns:
        Counts by detector.

    Raises:
        InputError: A file is not such a table, or a detector is given twice.
    """
    found: dict[str, Counts] = {}
    for path in paths:
        model = path.absolute().parent.name
        if model in found:
            raise InputError(f"{path}: detector {model} is given twice; pass one table per detector")
        found[model] = read_rescue(path)
    return found


def _count(where: str, row: Mapping[str, object]) -> RescueCount:
    names = (*NUMBERS, *WHOLE_NUMBERS, *RATES)
    numbers = {name: _number(f"{where}, {name}", row[name]) for name in names}
    for name in ALWAYS:
        if math.isnan(numbers[name]):
            raise InputError(f"{where}, {name}: empty; expected a count")
    rates = {
        name: Rate(*(numbers[f"{name}{end}"] for end in ("", "_low", "_high")))
        for name in ("precision", "image_precision", "coverage")
    }
    return RescueCount(
        confidence=numbers["confidence"],
        f1=numbers["f1"],
        missed=int(numbers["missed"]),
        heatmaps=int(numbers["heatmaps"]),
        faces=_whole(numbers["faces"]),
        predictions=_whole(numbers["predictions"]),
        correct=_whole(numbers["correct"]),
        images_with_boxes=_whole(numbers["images_with_boxes"]),
        images_correct=_whole(numbers["images_correct"]),
        blocks=block_count(pd.Series(row)),
        **rates,
    )


def _whole(number: float) -> int | None:
    return None if math.isnan(number) else int(number)


def _number(where: str, value: object) -> float:
    """A cell as a number; NaN if it is empty."""
    try:
        number = float(str(value))
    except ValueError:
        number = math.inf
    if math.isinf(number) or number < 0:
        raise InputError(f"{where}: {str(value)!r}; expected a number >= 0")
    return number


def rate_of(trial: pd.DataFrame) -> float | None:
    """The rate of false positives by which methods are ranked; None for an empty record."""
    rates = trial["fp_per_photo"].dropna().unique()
    return middle_rate(rates) if len(rates) else None


def at_rate(trial: pd.DataFrame) -> pd.DataFrame:
    """Rows at `rate_of` and `THRESHOLD`: one per labelled set and method."""
    rows = trial[(trial["fp_per_photo"] == rate_of(trial)) & (trial["threshold"] == THRESHOLD)]
    return rows.assign(**{name: rows[name].fillna(0).astype(int) for name in ("photos", "faces", "found")})


def unlabelled(trial: pd.DataFrame) -> dict[str, int]:
    """Missed photos by set, for sets without labels."""
    photos = trial.loc[trial["faces"].isna()].groupby("set", sort=False)["photos"].max()
    return {str(name): int(count) for name, count in photos.items()}


def interval_of(row: Mapping[Any, Any] | pd.Series) -> tuple[float, float]:
    """Interval of the share that a method finds of a set; NaN if there is none.

    If a method found no face, or all, every bootstrap draw is equal and the interval has no width; Wilson's interval is
    used instead.
    """
    low, high = float(row["share_low"]), float(row["share_high"])
    if low != high:
        return low, high
    rate = wilson(int(row["found"]), int(row["faces"]))
    return rate.low, rate.high


def ranked(rows: pd.DataFrame) -> pd.DataFrame:
    """Methods of one set, sorted by faces found; ties keep the order of the record."""
    return rows.sort_values("found", ascending=False, kind="stable")


def first_of(rows: pd.DataFrame) -> tuple[pd.Series | None, pd.Series | None]:
    """The method that found most faces of a set, and the thesis's heatmap detector that found most.

    Both are the same if a heatmap detector comes first.
    """
    order = ranked(rows)
    heatmaps = order[order["group"] == HEATMAPS]
    return (order.iloc[0] if len(order) else None), (heatmaps.iloc[0] if len(heatmaps) else None)
