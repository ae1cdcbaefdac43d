"""Part boxes from landmarks: the tight rectangle of a part's usable points (thesis section 4.1, corrected).

Which landmarks make which part stands here for both annotation schemes, side by side. Indices are 0-based and
inclusive; the ranges are those of the thesis's text and of the schemes themselves: iBUG's 68 points (300-W, MERL-RAV)
and WFLW's 98, of which the pupils, 96 and 97, belong to no part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from uncover.parts.classes import PARTS
from uncover.parts.geometry import (
    KEPT,
    OUTSIDE,
    SMALLEST_SIDE,
    TOO_FEW_POINTS,
    UNDER_ONE_PIXEL,
    PartBoxes,
    to_xywh,
)

Ranges = tuple[tuple[int, int], ...]

_BASE: Mapping[str, Mapping[int, Ranges]] = {
    # part          68 points        98 points
    "whole face": {68: ((0, 26),), 98: ((0, 50),)},
    "right face": {68: ((0, 7),), 98: ((0, 14),)},
    "left face": {68: ((9, 16),), 98: ((18, 32),)},
    "brows": {68: ((17, 26),), 98: ((33, 50),)},
    "nose": {68: ((27, 35),), 98: ((51, 59),)},
    "right eye": {68: ((36, 41),), 98: ((60, 67),)},
    "left eye": {68: ((42, 47),), 98: ((68, 75),)},
    "mouth": {68: ((48, 67),), 98: ((76, 95),)},
}

_UNIONS: Mapping[str, tuple[str, ...]] = {
    "left eye face": ("left eye", "left face"),
    "right eye face": ("right eye", "right face"),
    "eyes nose": ("left eye", "right eye", "nose"),
}

SCHEMES = (68, 98)
"""Numbers of landmarks that we know the parts of."""


def part_indices(points: int) -> dict[str, tuple[int, ...]]:
    """Landmark indices of each of the eleven parts.

    Args:
        points: 68 (iBUG) or 98 (WFLW).

    Raises:
        KeyError: Another number of points.
    """
    base = {part: _expand(ranges[points]) for part, ranges in _BASE.items()}
    unions = {part: tuple(index for member in members for index in base[member]) for part, members in _UNIONS.items()}
    both = base | unions
    return {part: both[part] for part in PARTS}


def _expand(ranges: Ranges) -> tuple[int, ...]:
    return tuple(index for first, last in ranges for index in range(first, last + 1))


FEWEST_POINTS = 2

Outside = Literal["clip", "drop", "drop_as_yolov5"]
"""What becomes of boxes that leave the image.

`clip` cuts them at its border; `drop` rejects a photo with such a box; `drop_as_yolov5` rejects a photo only if a
box's centre or size leaves [0, 1], as YOLOv5's loader does (the thesis lost 21 of 14 601 photos that way).
"""


def corrected_boxes(landmarks: NDArray[np.float64]) -> PartBoxes:
    """Tight rectangles in floating point; self-occluded points are skipped without moving any index.

    Args:
        landmarks: float64 (F, N, 2) in pixels, N = 68 or 98, NaN where self-occluded.

    Returns:
        Boxes not yet compared with the image. Parts of fewer than two usable points are left out.
    """
    faces, points = landmarks.shape[:2]
    xyxy = np.full((faces, len(PARTS), 4), np.nan)
    status = np.full((faces, len(PARTS)), TOO_FEW_POINTS, np.uint8)
    for column, indices in enumerate(part_indices(points).values()):
        part = landmarks[:, list(indices)]
        usable = ~np.isnan(part[..., 0])
        enough = usable.sum(axis=1) >= FEWEST_POINTS
        lowest = np.where(usable[..., None], part, np.inf).min(axis=1)
        highest = np.where(usable[..., None], part, -np.inf).max(axis=1)
        xyxy[enough, column] = np.hstack([lowest, highest])[enough]
        status[enough, column] = KEPT
    return PartBoxes(xyxy, status)


def clip_boxes(boxes: PartBoxes, sizes: NDArray[np.float64]) -> PartBoxes:
    """Cut boxes at the border of the image.

    Args:
        boxes: Boxes of F faces.
        sizes: float64 (F, 2), width and height of each face's image in pixels.

    Returns:
        Clipped boxes; those wholly outside are left out.
    """
    limits = np.concatenate([sizes, sizes], axis=1)[:, None, :]
    status = boxes.status.copy()
    with np.errstate(invalid="ignore"):
        beyond = (boxes.xyxy[..., :2] >= limits[..., :2]).any(axis=2) | (boxes.xyxy[..., 2:] <= 0).any(axis=2)
    status[(status == KEPT) & beyond] = OUTSIDE
    return PartBoxes(np.clip(boxes.xyxy, 0, limits), status)


def leave_out_small(boxes: PartBoxes) -> PartBoxes:
    """Leave out boxes of less than one pixel in either direction."""
    with np.errstate(invalid="ignore"):
        small = (boxes.xyxy[..., 2:] - boxes.xyxy[..., :2] < SMALLEST_SIDE).any(axis=2)
    return PartBoxes(boxes.xyxy, np.where((boxes.status == KEPT) & small, np.uint8(UNDER_ONE_PIXEL), boxes.status))


def leave_image(boxes: PartBoxes, sizes: NDArray[np.float64], as_yolov5: bool) -> NDArray[np.bool_]:
    """Tell which faces have a box that leaves the image.

    Args:
        boxes: Boxes of F faces.
        sizes: float64 (F, 2), width and height of each face's image in pixels.
        as_yolov5: Look at the normalised centre and size only, as YOLOv5's label check does.

    Returns:
        bool (F,).
    """
    limits = np.concatenate([sizes, sizes], axis=1)[:, None, :]
    values = to_xywh(boxes.xyxy) if as_yolov5 else boxes.xyxy
    with np.errstate(invalid="ignore"):
        leaves = ((values < 0) | (values > limits)).any(axis=2)
    return (leaves & (boxes.status == KEPT)).any(axis=1)
