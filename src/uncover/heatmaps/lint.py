"""What is wrong with the maps of a heatmap set: a row per class, one for the joint maps, and one for all classes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.heatmaps.heatmaps import MAP, NO_EVIDENCE, NOT_FINITE
from uncover.heatmaps.manifest import Manifest

FILE = "lint.csv"
JOINT, ALL = "joint", "all classes"
COLUMNS = (
    "class",
    "images",
    "maps",
    "detected",
    "blank",
    "blank_though_detected",
    "no_positive_evidence",
    "not_finite",
    "saturated",
    "inverted",
    "trained_on",
)


def lint(manifest: Manifest, trained_on: Collection[str] | None = None) -> pd.DataFrame:
    """Summarise a heatmap set.

    Args:
        manifest: Of it.
        trained_on: sha256 of the images that the network was trained on, if they are known.

    Returns:
        A row per class, one for the joint map (detected: any class), one for the maps of all classes together. Columns:
        class; images (of the set); maps (that the row is about); detected, no_positive_evidence, not_finite (numbers of
        maps); blank (share of the maps), blank_though_detected (share of the detected), saturated (share of those not
        blank), inverted (share of those neither blank nor without a detection); trained_on (number of images).
        Whatever cannot be said is NaN.
    """
    table = manifest.table
    names = manifest.settings["class_names"]
    channels = len(names) + 1
    status = _stack(table["status"], str, channels)
    saturated, inverted = (_stack(table[column], float, channels) for column in ("saturated", "inverted"))
    detected = _stack(table["detections"], int, len(names)) > 0
    detected = np.column_stack([detected, detected.any(1)])
    known = pd.NA if trained_on is None else int(table["sha256"].isin(list(trained_on)).sum())
    rows = []
    for name, own in [*((name, [place]) for place, name in enumerate([*names, JOINT])), (ALL, [*range(len(names))])]:
        numbers = _summarise(status[:, own], detected[:, own], saturated[:, own], inverted[:, own])
        rows.append((name, len(table), *numbers, known))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"trained_on": "Int64"})


def _summarise(
    status: NDArray[np.str_],
    detected: NDArray[np.bool_],
    saturated: NDArray[np.float64],
    inverted: NDArray[np.float64],
) -> tuple[int, int, float, float, int, int, float, float]:
    blank = status != MAP
    return (
        status.size,
        int(detected.sum()),
        _share(blank),
        _share(blank[detected]),
        int((status == NO_EVIDENCE).sum()),
        int((status == NOT_FINITE).sum()),
        _share(saturated),
        _share(inverted),
    )


def _share(which: NDArray[np.bool_] | NDArray[np.float64]) -> float:
    """The share of those that are true, of those of which it is known."""
    known = which[~np.isnan(which)]
    return float(known.mean()) if known.size else np.nan


def _stack(lists: pd.Series, kind: type, width: int) -> NDArray[Any]:
    """Lists of a column as one array (N, width); None becomes NaN."""
    return np.array([list(each) for each in lists], kind).reshape(-1, width)
