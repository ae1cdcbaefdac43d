"""Which predicted boxes are correct: overlap with true boxes of the same class, as YOLOv5's validation has it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from uncover.metrics.detections import box_iou

IOUS: NDArray[np.float32] = (np.arange(50, 100, 5) / 100).astype(np.float32)
"""float32 (10,), the thresholds 0.50, 0.55 ... 0.95."""

NO_LABEL = -1


def best_labels(
    predicted: NDArray[np.floating], true: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The label of its own class that each prediction of one image overlaps most.

    Args:
        predicted: (N, 6) x1 y1 x2 y2 confidence class.
        true: (M, 5) class x1 y1 x2 y2, in the same frame.

    Returns:
        int64 (N,) row of `true`, `NO_LABEL` where there is none of the class; float32 (N,) the overlap. Of labels that
        a box overlaps alike, the last.
    """
    if not len(true):
        return np.full(len(predicted), NO_LABEL, np.int64), np.zeros(len(predicted), np.float32)
    overlaps = np.where(true[:, :1] == predicted[:, 5], box_iou(true[:, 1:], predicted[:, :4]), np.float32(-1))
    label = len(true) - 1 - overlaps[::-1].argmax(axis=0)
    overlap = np.take_along_axis(overlaps, label[None], axis=0)[0]
    return np.where(overlap < 0, NO_LABEL, label), np.maximum(overlap, 0)


def first_hits(
    label: NDArray[np.int64], overlap: NDArray[np.float32], ious: NDArray[np.float32] = IOUS
) -> NDArray[np.bool_]:
    """Which predictions count as correct, given what each overlaps most.

    yolov5 7.0.14 lets a label take the first of its predictions that overlap enough, which is the one of highest
    confidence; other releases sort once more, so that it takes the one of highest overlap.

    Args:
        label: int64 (N,), of `best_labels`, in falling order of confidence.
        overlap: float32 (N,), likewise.
        ious: (K,) thresholds; an overlap that equals one is enough.

    Returns:
        bool (N, K).
    """
    correct = np.zeros((len(label), len(ious)), np.bool_)
    for place, iou in enumerate(np.asarray(ious, np.float32)):
        near = np.flatnonzero((overlap >= iou) & (label != NO_LABEL))
        correct[near[np.unique(label[near], return_index=True)[1]], place] = True
    return correct


def match_image(
    predicted: NDArray[np.floating], true: NDArray[np.floating], ious: NDArray[np.float32] = IOUS
) -> NDArray[np.bool_]:
    """Which predictions of one image are correct; equals `process_batch` of yolov5 7.0.14.

    Args:
        predicted: (N, 6) x1 y1 x2 y2 confidence class, in falling order of confidence.
        true: (M, 5) class x1 y1 x2 y2, in the same frame.
        ious: (K,) thresholds.

    Returns:
        bool (N, K).
    """
    return first_hits(*best_labels(predicted, true), ious)
