"""Part boxes as made by the thesis's released scripts, errors included, and their distance from the corrected boxes.

They differ from the text of the thesis in three ways: index ranges are half-open, so each part loses its last points;
self-occluded points are dropped before indexing, which shifts all later indices; and coordinates are truncated to
integers, boxes are OpenCV's `boundingRect` (one pixel wider and taller) and centres use floor division.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from uncover.data.parts import CLASS_NAMES, CLASS_OF_PART, KEPT, PARTS, PartBoxes

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

ELSEWHERE = 0.5
"""A box whose IoU with the corrected one is below this counts as misplaced."""


def released_boxes(landmarks: NDArray[np.float64], externally_occluded: NDArray[np.bool_]) -> PartBoxes:
    """Boxes as the released scripts make them.

    The scripts write centre and size; the corners returned here are such that `to_xywh` gives exactly those.

    Args:
        landmarks: float64 (F, N, 2) in pixels, N = 68 or 98, NaN where self-occluded.
        externally_occluded: bool (F, N), points that something covers.

    Returns:
        Boxes of all eleven parts; a part without points is the rectangle (0, 0, 0, 0), as in OpenCV.
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
    # The scripts truncate to integers before they compare with -1, so that a mark such as (-1.5, -300) is lost too.
    keep &= ~(externally_occluded & (cut == 1).any(axis=1))
    return cut[keep]


def _corners(points: NDArray[np.int64]) -> NDArray[np.float64]:
    lowest = points.min(axis=0)
    size = points.max(axis=0) - lowest + 1
    centre = lowest + size // 2
    return np.concatenate([centre - size / 2, centre + size / 2])


def compare_boxes(
    corrected: PartBoxes, released: PartBoxes, shifted: NDArray[np.bool_], name: str
) -> list[dict[str, str | int | float | None]]:
    """Count, per class, the boxes that the released scripts misplace or add.

    Args:
        corrected: Boxes of F faces.
        released: Boxes of the same faces.
        shifted: bool (F,), faces with self-occluded points, whose indices the scripts shift.
        name: Name of these faces in the table.

    Returns:
        One row per class: boxes that the corrected rule keeps, their mean IoU with the scripts' boxes, how many of
        those are misplaced (IoU < 0.5), the same among the shifted faces only, and boxes that only the scripts make.
    """
    iou = _iou(corrected.xyxy, released.xyxy)
    kept = corrected.status == KEPT
    rows: list[dict[str, str | int | float | None]] = []
    for class_id, class_name in enumerate(CLASS_NAMES):
        columns = [column for column, owner in enumerate(CLASS_OF_PART) if owner == class_id]
        here, overlap = kept[:, columns], iou[:, columns]
        elsewhere = here & (overlap < ELSEWHERE)
        rows.append(
            {
                "Faces": name,
                "Class": class_name,
                "Boxes": int(here.sum()),
                "Mean IoU": float(overlap[here].mean()) if here.any() else None,
                "Elsewhere": int(elsewhere.sum()),
                "Share": _share(elsewhere, here),
                "Boxes of shifted faces": int(here[shifted].sum()),
                "Share of shifted faces": _share(elsewhere[shifted], here[shifted]),
                "Added": int((~here).sum()),
            }
        )
    return rows


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float | None:
    return float(part.sum() / whole.sum()) if whole.any() else None


def _iou(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU of paired boxes (..., 4); 0 if a box has no area. `metrics.iou` is in a layer above this module."""
    size = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    intersection = np.clip(size, 0, None).prod(axis=-1)
    union = sum(np.clip(box[..., 2:] - box[..., :2], 0, None).prod(axis=-1) for box in (first, second)) - intersection
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
