"""Read the record of the rescue trial: who finds how many of the missed faces."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from uncover.config.evaluation import middle_rate
from uncover.report.records import read_csv_record

THRESHOLD = "set"
"""The confidences there: those at which a method has this rate on the very set, so that all have the same."""

HEATMAPS = "heatmaps"
"""Group of the thesis's four heatmap detectors."""

COLUMNS = (
    *("set", "method", "group", "fp_per_photo", "threshold", "confidence", "photos", "faces", "found"),
    *("share", "share_low", "share_high", "difference_low"),
)


def read_trial(path: Path) -> pd.DataFrame:
    """Load `rescue_trial.csv`.

    Raises:
        InputError: It is no such record.
    """
    return read_csv_record(path, COLUMNS, "rescue_trial")


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
