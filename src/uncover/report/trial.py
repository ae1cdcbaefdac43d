"""Rows of the rescue trial as the report asks for them: who finds how many of the missed faces."""

from __future__ import annotations

import pandas as pd

from uncover.config.evaluation import middle_rate

THRESHOLD = "set"
"""The confidences there: those at which a method has this rate on the very set, so that all have the same."""

HEATMAPS = "heatmaps"
"""Group of the thesis's four heatmap detectors."""


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
