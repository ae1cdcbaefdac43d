"""Non-maximum suppression of a network's raw outputs by YOLOv5's rule.

It has no limit of time, as upstream's has: a busy machine loses no boxes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from uncover.metrics.detections import suppress
from uncover.metrics.predictions import MOST_BOXES

MOST_CANDIDATES = 30_000
"""Boxes that suppression begins with, at most."""

CLASS_STEP = 7680.0
"""Pixels by which boxes of different classes are moved apart, so that they never suppress each other."""
AT_FIRST = 8
"""Times the boxes asked for that suppression begins with; most often they are enough."""


def non_max_suppression(
    decoded: Tensor, confidence: float, iou: float, max_detections: int = MOST_BOXES
) -> list[Tensor]:
    """Keep the boxes that no better box of the same class covers.

    Classes know nothing of each other: what is kept of one is the same whatever others there are, so that a detector of
    ten classes and one of one class find equal boxes.

    Args:
        decoded: float (B, N, 5 + classes): xc yc w h in pixels, objectness, classes.
        confidence: Objectness, and objectness times class, must be above it. A candidate gives a box for every class
            above it.
        iou: A box whose IoU with a better one is above it is dropped.
        max_detections: Boxes of one class in one image, at most.

    Returns:
        For each image (n, 6): x1 y1 x2 y2 in pixels, confidence, class; best first.
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
    """The same by upstream's rule, whose limits span all classes: for what must equal upstream, and for nothing else.

    Args:
        decoded: As for `non_max_suppression`.
        confidence: Likewise.
        iou: Likewise.
        max_detections: Boxes of all classes in one image, at most.
        multi_label: A candidate gives a box for every class above `confidence`, not for its best class alone.
        agnostic: Boxes of different classes suppress each other too.

    Returns:
        As `non_max_suppression`.
    """
    kept = []
    for candidates in decoded:
        boxes = _boxes(candidates[candidates[:, 4] > confidence], confidence, multi_label)[:MOST_CANDIDATES]
        apart = boxes[:, :4] + boxes[:, 5:6] * (0.0 if agnostic else CLASS_STEP)
        kept.append(boxes[_survivors(apart, boxes[:, 4], iou, max_detections)])
    return kept


def _boxes(candidates: Tensor, confidence: float, multi_label: bool) -> Tensor:
    """All boxes above a confidence, best first, (n, 6)."""
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
    """Rows of boxes (n, 4) that no better one covers, best first; scores fall."""
    # What happens to a box depends on better boxes alone, so the best few may do for all that is asked for.
    first = most * AT_FIRST
    kept = suppress(corners[:first], scores[:first], iou, most)
    if len(kept) < most and len(corners) > first:
        kept = suppress(corners, scores, iou, most)
    return kept
