"""Non-maximum suppression of a network's raw outputs by YOLOv5's rule.

Unlike upstream it has no time limit, so no boxes are lost on a busy machine.
"""

from __future__ import annotations

import torch
from torch import Tensor

from uncover.metrics.detections import suppress
from uncover.metrics.predictions import MOST_BOXES

MOST_CANDIDATES = 30_000
"""Maximum number of boxes that suppression starts with."""

CLASS_STEP = 7680.0
"""Offset in pixels between boxes of different classes, so that they never suppress each other."""
AT_FIRST = 8
"""Suppression first uses this many times the number of boxes asked for, which is mostly enough."""


def non_max_suppression(
    decoded: Tensor, confidence: float, iou: float, max_detections: int = MOST_BOXES
) -> list[Tensor]:
    """Keep boxes that do not overlap with a better box of the same class.

    Classes are independent: the boxes kept of one class do not depend on the others, so that detectors of ten classes
    and of one class keep equal boxes.

    Args:
        decoded: float (B, N, 5 + classes): xc yc w h in pixels, objectness, classes.
        confidence: Lower bound (exclusive) of objectness, and of objectness times class probability. A candidate gives
            a box for every class above it.
        iou: A box whose IoU with a better one is above this is dropped.
        max_detections: Maximum number of boxes of one class in one image.

    Returns:
        For each image (n, 6): x1 y1 x2 y2 in pixels, confidence, class; sorted by falling confidence.
    """
    kept = []
    for candidates in decoded:
        boxes = _boxes(candidates[candidates[:, 4] > confidence], confidence, multi_label=True)
        rows = [torch.zeros(0, dtype=torch.int64, device=boxes.device)]
        for number in boxes[:, 5].unique():
            own = (boxes[:, 5] == number).nonzero()[:MOST_CANDIDATES, 0]
            rows.append(own[_survivors(boxes[own, :4], boxes[own, 4], iou, max_detections)])
        kept.append(boxes[torch.cat(rows).sort().values])
    return kept


def suppress_as_upstream(
    decoded: Tensor,
    confidence: float,
    iou: float,
    max_detections: int = MOST_BOXES,
    multi_label: bool = True,
    agnostic: bool = False,
) -> list[Tensor]:
    """Suppression with upstream's limits, which span all classes; only for results that must equal upstream's.

    Args:
        decoded: As for `non_max_suppression`.
        confidence: As for `non_max_suppression`.
        iou: As for `non_max_suppression`.
        max_detections: Maximum number of boxes of all classes in one image.
        multi_label: A candidate gives a box for every class above `confidence`, not only for its best class.
        agnostic: Boxes of different classes suppress each other, too.

    Returns:
        As for `non_max_suppression`.
    """
    kept = []
    for candidates in decoded:
        boxes = _boxes(candidates[candidates[:, 4] > confidence], confidence, multi_label)[:MOST_CANDIDATES]
        apart = boxes[:, :4] + boxes[:, 5:6] * (0.0 if agnostic else CLASS_STEP)
        kept.append(boxes[_survivors(apart, boxes[:, 4], iou, max_detections)])
    return kept


def _boxes(candidates: Tensor, confidence: float, multi_label: bool) -> Tensor:
    """All boxes above a confidence, sorted by falling confidence, (n, 6)."""
    scores = candidates[:, 5:] * candidates[:, 4:5]
    if multi_label:
        row, number = (scores > confidence).nonzero(as_tuple=True)
        score = scores[row, number]
    else:
        best, classes = scores.max(1)
        row = (best > confidence).nonzero(as_tuple=True)[0]
        score, number = best[row], classes[row]
    order = score.argsort(descending=True, stable=True)
    row = row[order]
    half = candidates[row, 2:4] / 2
    centre = candidates[row, :2]
    return torch.cat((centre - half, centre + half, score[order, None], number[order, None].to(score.dtype)), 1)


def _survivors(corners: Tensor, scores: Tensor, iou: float, most: int) -> Tensor:
    """Indices of boxes (n, 4) that no better box covers, best first; scores are in falling order."""
    # A box can only be dropped by better boxes, so the best few may be enough.
    first = most * AT_FIRST
    kept = suppress(corners[:first], scores[:first], iou, most)
    if len(kept) < most and len(corners) > first:
        kept = suppress(corners, scores, iou, most)
    return kept
