"""Part boxes from landmarks: the tight rectangle of a part's usable points (thesis section 4.1, corrected)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from uncover.parts.classes import PARTS
from uncover.parts.schemes import part_indices

FEWEST_POINTS = 2
SMALLEST_SIDE = 1.0
"""In pixels; a smaller box is no target for a detector."""

KEPT, TOO_FEW_POINTS, OUTSIDE, UNDER_ONE_PIXEL = range(4)
STATUS_NAMES = ("kept", "too_few_points", "outside_image", "under_one_pixel")

Outside = Literal["clip", "drop", "drop_as_yolov5"]
"""What becomes of boxes that leave the image.

`clip` cuts them at its border; `drop` rejects a photo with such a box; `drop_as_yolov5` rejects a photo only if a
box's centre or size leaves [0, 1], as YOLOv5's loader does (the thesis lost 21 of 14 601 photos that way).
"""


@dataclass(frozen=True)
class PartBoxes:
    """The boxes of F faces; axis 1 follows `uncover.parts.classes.PARTS`.

    Attributes:
        xyxy: float64 (F, 11, 4), pixels of the upright image; NaN where the part has too few points.
        status: uint8 (F, 11), index into `STATUS_NAMES`.
    """

    xyxy: NDArray[np.float64]
    status: NDArray[np.uint8]


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
        usable = np.isfinite(part).all(axis=2)
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


def to_xywh(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners (..., 4) to centre and size (..., 4), in the same unit."""
    lower, upper = xyxy[..., :2], xyxy[..., 2:]
    return np.concatenate([(lower + upper) / 2, upper - lower], axis=-1)
