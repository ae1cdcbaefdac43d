"""Frames of patients: what of them may be shown (`report.privacy` of the config)."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from uncover.config.evaluation import Privacy
from uncover.errors import InputError

PATIENT_SETS = ("slapi_", "preterm_web")
"""What names of sets with frames of patients begin with. What stands in SLAPI's place obeys the same rule."""

CELLS = 6
"""Cells across the longer side of a face, at most: no feature of a face is left."""

MARGIN = 0.25
"""Of a box's sides, pixelated around it: boxes end at the brow and at the chin, or miss a little."""


def has_patients(set_name: str) -> bool:
    """Whether the frames of a set show patients."""
    return set_name.startswith(PATIENT_SETS)


def shown(image: NDArray[np.uint8], boxes: NDArray[np.float64], privacy: str) -> NDArray[np.uint8]:
    """What of a patient's frame may be shown.

    Args:
        image: uint8 (H, W, 3).
        boxes: float64 (N, 4), x1 y1 x2 y2 in pixels: every box that may hold a face, true and predicted. Without any,
            nobody knows where the face is, so the whole frame is pixelated.
        privacy: "pixelate", "blur", or "publish" for the frame as it is.

    Returns:
        A copy, uint8 (H, W, 3).

    Raises:
        InputError: `privacy` is none of these.
    """
    if privacy not in get_args(Privacy):
        raise InputError(f"privacy is '{privacy}'; expected one of {', '.join(get_args(Privacy))}")
    image = image.copy()
    if privacy == "publish":
        return image
    height, width = image.shape[:2]
    if not len(boxes):
        boxes = np.array([[0.0, 0.0, width, height]])
    sides = boxes[:, 2:] - boxes[:, :2]
    # One size of cell for all: a small wrong box on a large face must not bring out its features.
    cell = max(1, math.ceil(sides.max() / CELLS))
    grown = np.concatenate([boxes[:, :2] - MARGIN * sides, boxes[:, 2:] + MARGIN * sides], axis=1)
    for x1, y1, x2, y2 in grown:
        left, right = (int(np.clip(value, 0, width)) for value in (math.floor(x1), math.ceil(x2)))
        top, bottom = (int(np.clip(value, 0, height)) for value in (math.floor(y1), math.ceil(y2)))
        if left < right and top < bottom:
            cells = _pixelated(image[top:bottom, left:right], cell)
            image[top:bottom, left:right] = _smoothed(cells, cell) if privacy == "blur" else cells
    return image


def _smoothed(cells: NDArray[np.uint8], cell: int) -> NDArray[np.uint8]:
    """Cells without their edges. A blur alone can be undone in part; what the cells have lost is lost."""
    import cv2

    return np.asarray(cv2.GaussianBlur(cells, (0, 0), cell / 2, borderType=cv2.BORDER_REPLICATE), np.uint8)


def _pixelated(image: NDArray[np.uint8], cell: int) -> NDArray[np.uint8]:
    """The means of cells of at least `cell` pixels a side, or of the whole side where it is shorter."""
    means = image.astype(np.float64)
    for axis in (0, 1):
        length = image.shape[axis]
        edges = np.linspace(0, length, max(1, length // cell) + 1).round().astype(int)
        sides = np.diff(edges)
        sums = np.add.reduceat(means, edges[:-1], axis=axis)
        means = (sums / np.expand_dims(sides, (1 - axis, 2))).repeat(sides, axis=axis)
    return means.round().astype(np.uint8)
