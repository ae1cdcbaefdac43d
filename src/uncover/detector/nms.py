"""Non-maximum suppression by YOLOv5's rule, without its limit of time: a busy machine loses no boxes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

MOST_CANDIDATES = 30_000
CLASS_STEP = 7680.0
"""Pixels by which boxes of different classes are moved apart, so that they never suppress each other."""
AT_FIRST = 8
"""Times the boxes asked for that are looked at first; most often they are enough."""


def non_max_suppression(
    decoded: Tensor,
    confidence: float,
    iou: float,
    max_detections: int = 300,
    multi_label: bool = True,
    agnostic: bool = False,
) -> list[Tensor]:
    """Keep the boxes that no better box of the same class covers.

    Args:
        decoded: float (B, N, 5 + classes): xc yc w h in pixels, objectness, classes.
        confidence: Objectness, and objectness times class, must be above it.
        iou: A box whose IoU with a better one is above it is dropped.
        max_detections: Boxes per image at most.
        multi_label: A candidate gives a box for every class above `confidence`, not for its best class alone.
        agnostic: Boxes of different classes suppress each other too.

    Returns:
        For each image (n, 6): x1 y1 x2 y2 in pixels, confidence, class; best first.
    """
    kept = []
    for candidates in decoded:
        boxes = _boxes(candidates[candidates[:, 4] > confidence], confidence, multi_label)
        kept.append(_suppress(boxes, iou, max_detections, agnostic))
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
    order = score.argsort(descending=True, stable=True)[:MOST_CANDIDATES]
    row = row[order]
    half = candidates[row, 2:4] / 2
    centre = candidates[row, :2]
    return torch.cat((centre - half, centre + half, score[order, None], number[order, None].to(score.dtype)), 1)


def _suppress(boxes: Tensor, iou: float, most: int, agnostic: bool) -> Tensor:
    nms = _torchvision_nms()
    apart = boxes[:, :4] + boxes[:, 5:6] * (0.0 if agnostic else CLASS_STEP)
    # What happens to a box depends on better boxes alone, so the best few may do for all that is asked for.
    first = most * AT_FIRST
    kept = nms(apart[:first], boxes[:first, 4], iou)
    if len(kept) < most and len(boxes) > first:
        kept = nms(apart, boxes[:, 4], iou)
    return boxes[kept[:most]]


@functools.cache
def _torchvision_nms() -> Callable[[Tensor, Tensor, float], Tensor]:
    """torchvision's own, from its library of operators: its Python package takes two more seconds to import."""
    package = find_spec("torchvision")
    folders = package.submodule_search_locations if package is not None else None
    for library in sorted(path for folder in folders or () for path in Path(folder).glob("_C*.so")):
        torch.ops.load_library(str(library))
        if hasattr(torch.ops.torchvision, "nms"):
            return torch.ops.torchvision.nms
    from torchvision.ops import nms

    return nms
