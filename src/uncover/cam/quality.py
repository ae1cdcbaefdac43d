"""Lint of a heatmap set: maps that are blank, saturated, or brighter outside the detections than inside."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.cam.heatmaps import MAP, NO_EVIDENCE, NOT_FINITE
from uncover.images.letterbox import Letterbox

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


BRIGHT, MOST = 0.98, 0.5
"""A map is saturated if more than the first share of its cells exceeds the second share of its maximum."""

FULL = np.iinfo(np.uint16).max


def lint(table: pd.DataFrame, class_names: Sequence[str], trained_on: Collection[str] | None = None) -> pd.DataFrame:
    """Summarise a heatmap set.

    Args:
        table: Rows of its manifest.
        class_names: Names by channel.
        trained_on: sha256 of the training images of the network, if known.

    Returns:
        A row per class, one for the joint map (detected: any class), one for the maps of all classes together. Columns:
        class; images (of the set); maps (in this row); detected, no_positive_evidence, not_finite (numbers of maps);
        blank (share of the maps), blank_though_detected (share of the detected), saturated (share of those not blank),
        inverted (share of those neither blank nor without a detection); trained_on (number of images). Unknown values
        are NaN.
    """
    names = list(class_names)
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
    """Share of true values among the known ones."""
    known = which[~np.isnan(which)]
    return float(known.mean()) if known.size else np.nan


def _stack(lists: pd.Series, kind: type, width: int) -> NDArray[Any]:
    """Lists of a column as one array (N, width); None becomes NaN."""
    return np.array([list(each) for each in lists], kind).reshape(-1, width)


def are_saturated(values: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Which maps of (C, h, w) are close to their maximum in more than half of their cells."""
    return (values >= BRIGHT * FULL).mean((1, 2)) > MOST


def are_inverted(
    values: NDArray[np.uint16], boxes: NDArray[np.float64], channels: NDArray[np.int64], frame: Letterbox
) -> NDArray[np.bool_]:
    """Which maps have lower values inside the detections than around them, within the photo; padding is ignored.

    Args:
        values: uint16 (C, h, w), over the whole frame; the last map is that of all detections.
        boxes: float64 (n, 4), detected boxes, x1 y1 x2 y2 in pixels of the frame.
        channels: int64 (n,), the map of each box.
        frame: Position of the photo in the network's input.

    Returns:
        (C,), False if nothing was detected, or if there is nothing around the detections.
    """
    photo = np.array([[frame.left, frame.top, frame.left + frame.inner_width, frame.top + frame.inner_height]])
    (everywhere,) = _shares(photo, values.shape[1:], frame)
    inside = np.zeros(values.shape)
    for channel, share in zip(channels, _shares(boxes, values.shape[1:], frame), strict=True):
        for place in (channel, -1):
            np.maximum(inside[place], share, out=inside[place])
    inside = np.minimum(inside, everywhere)
    outside = everywhere - inside
    bright_inside, bright_outside = ((values * each).sum((1, 2)) for each in (inside, outside))
    # Compare means without division, as an area may be zero.
    return bright_inside * outside.sum((1, 2)) < bright_outside * inside.sum((1, 2))


def _shares(boxes: NDArray[np.floating], cells: tuple[int, ...], frame: Letterbox) -> NDArray[np.float64]:
    """Shares (n, h, w) of cells covered by boxes (n, 4); small facial parts are smaller than a cell."""
    across = _overlap(boxes[:, 0::2], cells[1], frame.out_width)
    down = _overlap(boxes[:, 1::2], cells[0], frame.out_height)
    return down[:, :, None] * across[:, None]


def _overlap(spans: NDArray[np.floating], cells: int, pixels: int) -> NDArray[np.float64]:
    """Shares (n, cells) of cells in a row covered by spans (n, 2)."""
    edges = np.linspace(0, pixels, cells + 1)
    shared = np.minimum(spans[:, 1:], edges[1:]) - np.maximum(spans[:, :1], edges[:-1])
    return shared.clip(min=0) * (cells / pixels)
