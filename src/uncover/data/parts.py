"""Boxes of ten facial parts made from landmarks (thesis section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

CLASS_NAMES = (
    "eyes",
    "nose",
    "whole face",
    "right face",
    "left face",
    "brows",
    "left eye face",
    "right eye face",
    "eyes nose",
    "mouth",
)
"""Names by class id. Both eyes are one class, so a face has eleven boxes in ten classes."""

WHOLE_FACE = CLASS_NAMES.index("whole face")

PARTS = (
    "left eye",
    "right eye",
    "nose",
    "whole face",
    "right face",
    "left face",
    "brows",
    "left eye face",
    "right eye face",
    "eyes nose",
    "mouth",
)
"""The eleven boxes of a face, in the order in which label files list them."""

CLASS_OF_PART = tuple(CLASS_NAMES.index("eyes" if part in ("left eye", "right eye") else part) for part in PARTS)
"""Class id of each of `PARTS`."""


SMALLEST_SIDE = 1.0
"""In pixels; smaller boxes are left out."""

KEPT, TOO_FEW_POINTS, OUTSIDE, UNDER_ONE_PIXEL = range(4)
STATUS_NAMES = ("kept", "too_few_points", "outside_image", "under_one_pixel")

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
"""Supported numbers of landmarks."""
FEWEST_POINTS = 2
Outside = Literal["clip", "drop", "drop_as_yolov5"]
"""How to handle boxes that extend beyond the image.

`clip` cuts them at the border; `drop` rejects a photo with such a box; `drop_as_yolov5` rejects a photo only if a
box's centre or size leaves [0, 1], as YOLOv5's loader does (the thesis lost 21 of 14 601 photos that way).
"""


@dataclass(frozen=True)
class PartBoxes:
    """The boxes of F faces; axis 1 is in the order of `uncover.data.parts.PARTS`.

    Attributes:
        xyxy: float64 (F, 11, 4), pixels of the upright image; NaN if the part has too few points.
        status: uint8 (F, 11), index into `STATUS_NAMES`.
    """

    xyxy: NDArray[np.float64]
    status: NDArray[np.uint8]


def to_xyxy(xywh: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert centre and size (..., 4) to corners (..., 4), in the same unit."""
    centre, half = xywh[..., :2], xywh[..., 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def to_xywh(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert corners (..., 4) to centre and size (..., 4), in the same unit."""
    lower, upper = xyxy[..., :2], xyxy[..., 2:]
    return np.concatenate([(lower + upper) / 2, upper - lower], axis=-1)


def part_indices(points: int) -> dict[str, tuple[int, ...]]:
    """Landmark indices of each of the eleven parts.

    Args:
        points: 68 (iBUG) or 98 (WFLW).

    Raises:
        KeyError: Unsupported number of points.
    """
    base = {part: _expand(ranges[points]) for part, ranges in _BASE.items()}
    unions = {part: tuple(index for member in members for index in base[member]) for part, members in _UNIONS.items()}
    both = base | unions
    return {part: both[part] for part in PARTS}


def _expand(ranges: Ranges) -> tuple[int, ...]:
    return tuple(index for first, last in ranges for index in range(first, last + 1))


def corrected_boxes(landmarks: NDArray[np.float64]) -> PartBoxes:
    """Bounding boxes in floating point; self-occluded points are skipped without shifting the indices.

    Args:
        landmarks: float64 (F, N, 2) in pixels, N = 68 or 98, NaN where self-occluded.

    Returns:
        Boxes before comparison with the image. Parts with fewer than two usable points are left out.
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
    """Clip boxes at the border of the image.

    Args:
        boxes: Boxes of F faces.
        sizes: float64 (F, 2), width and height of each face's image in pixels.

    Returns:
        Clipped boxes; boxes outside the image are left out.
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
    """Find faces with a box that extends beyond the image.

    Args:
        boxes: Boxes of F faces.
        sizes: float64 (F, 2), width and height of each face's image in pixels.
        as_yolov5: Check only the normalised centre and size, as YOLOv5's label check does.

    Returns:
        bool (F,).
    """
    limits = np.concatenate([sizes, sizes], axis=1)[:, None, :]
    values = to_xywh(boxes.xyxy) if as_yolov5 else boxes.xyxy
    with np.errstate(invalid="ignore"):
        leaves = ((values < 0) | (values > limits)).any(axis=2)
    return (leaves & (boxes.status == KEPT)).any(axis=1)
