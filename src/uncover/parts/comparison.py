"""What the released scripts' boxes change: how far they lie from the corrected ones, per class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from uncover.parts.classes import CLASS_NAMES, CLASS_OF_PART
from uncover.parts.geometry import KEPT, PartBoxes

ELSEWHERE = 0.5
"""A box whose IoU with the right one is below this lies elsewhere: no detector would be given credit for it."""


def compare_boxes(
    corrected: PartBoxes, released: PartBoxes, shifted: NDArray[np.bool_], name: str
) -> list[dict[str, str | int | float | None]]:
    """Count, per class, the boxes that the released scripts put elsewhere or add.

    Args:
        corrected: Boxes of F faces.
        released: Boxes of the same faces.
        shifted: bool (F,), faces that have self-occluded points, whose indices the scripts shift.
        name: What to call these faces in the table.

    Returns:
        One row per class: boxes that the corrected rule keeps, their mean IoU with the scripts' boxes, how many of
        those lie elsewhere (IoU < 0.5), the same among the shifted faces only, and boxes that only the scripts have.
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
    """IoU of boxes (..., 4), pair by pair; 0 where one of them has no area."""
    size = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    intersection = np.clip(size, 0, None).prod(axis=-1)
    union = sum(np.clip(box[..., 2:] - box[..., :2], 0, None).prod(axis=-1) for box in (first, second)) - intersection
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
