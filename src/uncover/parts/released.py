"""The part boxes of the thesis's released scripts, errors included, so that what they cost can be measured.

They differ from the text in three ways that touch a box: ranges are half-open, so that each part loses its last
points; self-occluded points are dropped before indexing, so that every later index shifts; and coordinates are cut to
integers, boxes are OpenCV's `boundingRect` (a pixel wider and taller) and centres use floor division.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from uncover.parts.classes import PARTS
from uncover.parts.geometry import KEPT, PartBoxes

Slices = tuple[tuple[int, int], ...]

SLICES: Mapping[int, Mapping[str, Slices]] = {
    68: {
        "left eye": ((42, 47),),
        "right eye": ((36, 41),),
        "nose": ((27, 35),),
        "whole face": ((0, 26),),
        "right face": ((0, 7),),
        "left face": ((9, 16),),
        "brows": ((17, 26),),
        "left eye face": ((42, 47), (9, 16)),
        "right eye face": ((0, 7), (36, 41)),
        "eyes nose": ((42, 47), (36, 41), (27, 35)),
        "mouth": ((48, 67),),
    },
    98: {
        "left eye": ((68, 75),),
        "right eye": ((60, 67),),
        "nose": ((51, 59),),
        "whole face": ((0, 46),),
        "right face": ((0, 14),),
        "left face": ((18, 32),),
        "brows": ((33, 46),),
        "left eye face": ((68, 75), (18, 32)),
        "right eye face": ((60, 67), (0, 14)),
        "eyes nose": ((68, 75), (60, 67), (51, 59)),
        "mouth": ((76, 92),),
    },
}
"""Half-open ranges, by number of points and part."""


def released_boxes(landmarks: NDArray[np.float64], externally_occluded: NDArray[np.bool_]) -> PartBoxes:
    """Boxes as the released scripts make them.

    The scripts write centre and size; corners are given here such that `to_xywh` returns exactly those.

    Args:
        landmarks: float64 (F, N, 2) in pixels, N = 68 or 98, NaN where self-occluded.
        externally_occluded: bool (F, N), points that something hides.

    Returns:
        Boxes of all eleven parts; a part whose slice is empty is the rectangle (0, 0, 0, 0), as in OpenCV.
    """
    faces = len(landmarks)
    slices = SLICES[landmarks.shape[1]]
    xyxy = np.zeros((faces, len(PARTS), 4))
    for face in range(faces):
        points = _surviving_points(landmarks[face], externally_occluded[face])
        for column, part in enumerate(PARTS):
            chosen = np.concatenate([points[first:last] for first, last in slices[part]])
            if len(chosen):
                xyxy[face, column] = _corners(chosen)
    return PartBoxes(xyxy, np.full((faces, len(PARTS)), KEPT, np.uint8))


def _surviving_points(landmarks: NDArray[np.float64], externally_occluded: NDArray[np.bool_]) -> NDArray[np.int64]:
    keep = ~np.isnan(landmarks[:, 0])
    cut = np.trunc(np.where(keep[:, None], landmarks, 0)).astype(np.int64)
    # The scripts cut to integers before they look for -1, so that a mark such as (-1.5, -300) is lost too.
    keep &= ~(externally_occluded & (cut == 1).any(axis=1))
    return cut[keep]


def _corners(points: NDArray[np.int64]) -> NDArray[np.float64]:
    lowest = points.min(axis=0)
    size = points.max(axis=0) - lowest + 1
    centre = lowest + size // 2
    return np.concatenate([centre - size / 2, centre + size / 2])
