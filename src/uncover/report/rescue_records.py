"""What the rescue of missed faces left behind, as the report reads it: counts of detectors, and rows of the trial."""

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
"""Counts that do not hang on anything that may be unknown."""

THRESHOLD = "set"
"""Rows of the trial that are asked for: at confidences of one rate on the very set, the same for all methods."""

HEATMAPS = "heatmaps"
"""Group of the thesis's four heatmap detectors."""


@dataclass(frozen=True)
class RescueCount:
    """Boxes of a detector in the missed photos of a set, from a confidence on.

    Attributes:
        confidence: NaN where none could be chosen.
        f1: Best on these photos; NaN without labels or photos.
        missed: Photos in which the first detector found no whole face.
        heatmaps: Of these, the ones whose heatmap is not blank; only their boxes count.
        faces: True ones in these; None without labels.
        predictions: Boxes; None without a confidence.
        correct: Of these; None without labels or a confidence.
        images_with_boxes: Photos with at least one box; None without a confidence.
        images_correct: Of these, those whose surest box is correct; None without labels or a confidence.
        precision: `correct` of `predictions`.
        image_precision: `images_correct` of `images_with_boxes`.
        coverage: `images_with_boxes` of `heatmaps`.
        blocks: Blocks of photos that the intervals draw as a whole; None where photos were taken as independent.
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
"""Of one detector, by set and by where the confidence comes from."""


def read_rescue(path: Path) -> Counts:
    """Load `rescue.csv`.

    Raises:
        InputError: It is no such table; the message names the row.
    """
    table = read_table(path, COLUMNS, MADE_BY)
    counts: Counts = {}
    for number, row in enumerate(table.to_dict("records"), start=2):
        where = f"{path}: row {number}"
        if row["threshold"] not in (OF_SET, OF_VAL, FIXED):
            raise InputError(f"{where}: threshold {row['threshold']!r}, expected {OF_SET}, {OF_VAL} or {FIXED}")
        key = str(row["set"]), str(row["threshold"])
        if key in counts:
            raise InputError(f"{where}: the set {key[0]} with the threshold '{key[1]}' again; expected each once")
        counts[key] = _count(where, {str(name): value for name, value in row.items()})
    return counts


def read_rescues(paths: Sequence[Path]) -> dict[str, Counts]:
    """Load the tables of several detectors.

    Args:
        paths: In folders named as their detector.

    Returns:
        By detector.

    Raises:
        InputError: One is no such table, or two are of one detector.
    """
    found: dict[str, Counts] = {}
    for path in paths:
        model = path.absolute().parent.name
        if model in found:
            raise InputError(f"{path}: the detector {model} again; expected one table a detector")
        found[model] = read_rescue(path)
    return found


def _count(where: str, row: Mapping[str, object]) -> RescueCount:
    names = (*NUMBERS, *WHOLE_NUMBERS, *RATES)
    numbers = {name: _number(f"{where}, {name}", row[name]) for name in names}
    for name in ALWAYS:
        if math.isnan(numbers[name]):
            raise InputError(f"{where}, {name}: empty, expected a count")
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
    """A cell; NaN where it is empty."""
    try:
        number = float(str(value))
    except ValueError:
        number = math.inf
    if math.isinf(number) or number < 0:
        raise InputError(f"{where}: {str(value)!r}, expected a number that is not negative")
    return number


def rate_of(trial: pd.DataFrame) -> float | None:
    """The rate by which methods are ranked; None of an empty record."""
    rates = trial["fp_per_photo"].dropna().unique()
    return middle_rate(rates) if len(rates) else None


def at_rate(trial: pd.DataFrame) -> pd.DataFrame:
    """Rows at `rate_of` and `THRESHOLD`: one per labelled set and method."""
    rows = trial[(trial["fp_per_photo"] == rate_of(trial)) & (trial["threshold"] == THRESHOLD)]
    return rows.assign(**{name: rows[name].fillna(0).astype(int) for name in ("photos", "faces", "found")})


def unlabelled(trial: pd.DataFrame) -> dict[str, int]:
    """Missed photos by set, of the sets that nobody labelled."""
    photos = trial.loc[trial["faces"].isna()].groupby("set", sort=False)["photos"].max()
    return {str(name): int(count) for name, count in photos.items()}


def interval_of(row: Mapping[Any, Any] | pd.Series) -> tuple[float, float]:
    """Interval of the share that a method finds of a set: NaN where there is none, Wilson's instead of one of no width.

    Of a method that found no face, or each, all draws of photos are alike; that does not make it certain.
    """
    low, high = float(row["share_low"]), float(row["share_high"])
    if low != high:
        return low, high
    rate = wilson(int(row["found"]), int(row["faces"]))
    return rate.low, rate.high


def ranked(rows: pd.DataFrame) -> pd.DataFrame:
    """Methods of one set, those that found most first; of equals, as the record has them."""
    return rows.sort_values("found", ascending=False, kind="stable")


def first_of(rows: pd.DataFrame) -> tuple[pd.Series | None, pd.Series | None]:
    """The method of a set that found most, and the thesis's heatmap detector that did.

    Where that detector is itself the first, or nothing was found at all, both may be the same.
    """
    order = ranked(rows)
    heatmaps = order[order["group"] == HEATMAPS]
    return (order.iloc[0] if len(order) else None), (heatmaps.iloc[0] if len(heatmaps) else None)
