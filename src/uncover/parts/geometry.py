"""Boxes as arrays: their forms, and what can be wrong with one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SMALLEST_SIDE = 1.0
"""In pixels; a smaller box is no target for a detector."""

KEPT, TOO_FEW_POINTS, OUTSIDE, UNDER_ONE_PIXEL = range(4)
STATUS_NAMES = ("kept", "too_few_points", "outside_image", "under_one_pixel")


@dataclass(frozen=True)
class PartBoxes:
    """The boxes of F faces; axis 1 follows `uncover.parts.classes.PARTS`.

    Attributes:
        xyxy: float64 (F, 11, 4), pixels of the upright image; NaN where the part has too few points.
        status: uint8 (F, 11), index into `STATUS_NAMES`.
    """

    xyxy: NDArray[np.float64]
    status: NDArray[np.uint8]


def to_xyxy(xywh: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre and size (..., 4) to corners (..., 4), in the same unit."""
    centre, half = xywh[..., :2], xywh[..., 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def to_xywh(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners (..., 4) to centre and size (..., 4), in the same unit."""
    lower, upper = xyxy[..., :2], xyxy[..., 2:]
    return np.concatenate([(lower + upper) / 2, upper - lower], axis=-1)
