"""Targets: the score S_c per class c that a heatmap explains, computed from a detector's candidates.

Candidates are rows xc yc w h (pixels of the frame), objectness, class probabilities, before non-maximum suppression.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from uncover.cam.passes import Pass, RowGradients

BEST = 10
"""Number of candidates per detection: those with the highest IoU."""

MOST_PAIRS = 1 << 20
"""Pairs of detection and candidate whose IoU is computed at a time, which bounds the memory."""


class Target(ABC):
    """A score per class."""

    needs_detections = True
    """Whether a class without a detection has no score, so that its map is blank."""

    @abstractmethod
    def scores(self, candidates: Tensor, detections: Tensor) -> Tensor:
        """The scores of one image, differentiable.

        Args:
            candidates: (N, 5 + C).
            detections: (n, 6): x1 y1 x2 y2 in pixels of the frame, confidence, class. All have an area.

        Returns:
            (C,)
        """

    @abstractmethod
    def gradients(self, passed: Pass, detections: Sequence[Tensor]) -> Iterator[RowGradients]:
        """Derivatives of all scores of a batch, and of their sum, with respect to the head's raw output.

        Args:
            passed: A forward pass.
            detections: For each image (n, 6), as `scores` takes them, from the same pass: boxes of another pass differ
                in their last bits, and the IoU of a box with itself has a kink at equality.
        """


class AllCandidates(Target):
    """T1: S_c sums the probability of c over all candidates; no objectness, no threshold, always some evidence."""

    needs_detections = False

    def scores(self, candidates: Tensor, detections: Tensor) -> Tensor:
        return candidates[:, 5:].sum(0)

    def gradients(self, passed: Pass, detections: Sequence[Tensor]) -> Iterator[RowGradients]:
        decoded = passed.decoded
        batch, count, width = decoded.shape
        image = torch.arange(batch, device=decoded.device).repeat_interleave(count)
        row = torch.arange(count, device=decoded.device).repeat(batch)
        probabilities = decoded[..., 5:]
        slopes = (probabilities * (1 - probabilities)).flatten(0, 1)
        for channel in range(width - 4):
            classes = slice(0, None) if channel == width - 5 else slice(channel, channel + 1)
            columns = slice(5 + classes.start, classes.stop and 5 + classes.stop)
            yield RowGradients(image, torch.full_like(image, channel), row, slopes[:, classes], columns)


class ChosenDetections(Target):
    """T2: S_c sums over the detections of c the class probabilities of their candidates, weighted by IoU.

    For each detection: of the ten candidates with the highest IoU, those whose best class is c, weighted by the softmax
    of their IoU. The IoU is differentiated, too. This is the target of the thesis's explainer.
    """

    def value(self, candidates: Tensor, classes: Tensor) -> Tensor:
        """Score of a candidate: (..., 5 + C) and the class of each (...) to (...)."""
        return candidates.gather(-1, 5 + classes[..., None])[..., 0]

    def scores(self, candidates: Tensor, detections: Tensor) -> Tensor:
        rows, kept = _best_rows(candidates.detach(), detections)
        classes = detections[kept, 5].long()
        each = self._each(candidates[rows], detections[kept, :4], classes)
        return torch.zeros_like(candidates[0, 5:]).index_add(0, classes, each)

    def gradients(self, passed: Pass, detections: Sequence[Tensor]) -> Iterator[RowGradients]:
        decoded = passed.decoded
        found = [_best_rows(candidates, boxes) for candidates, boxes in zip(decoded, detections, strict=True)]
        rows = torch.cat([rows for rows, _ in found])
        kept = torch.cat([boxes[chosen] for boxes, (_, chosen) in zip(detections, found, strict=True)])
        image = torch.cat([torch.full_like(chosen, number) for number, (_, chosen) in enumerate(found)])
        if not len(kept):
            return
        classes = kept[:, 5].long()
        with torch.enable_grad():
            candidates = decoded[image[:, None], rows].requires_grad_()
            (values,) = torch.autograd.grad(self._each(candidates, kept[:, :4], classes).sum(), candidates)
        values = values * _slopes(passed, image[:, None], rows)
        # Once for the class, once for the joint score.
        yield RowGradients(
            image.repeat_interleave(BEST).repeat(2),
            torch.cat((classes.repeat_interleave(BEST), torch.full_like(rows, decoded.shape[2] - 5).flatten())),
            rows.flatten().repeat(2),
            values.flatten(0, 1).repeat(2, 1),
            slice(None),
        )

    def _each(self, candidates: Tensor, boxes: Tensor, classes: Tensor) -> Tensor:
        """Scores of detections (n,), from their candidates (n, 10, 5 + C), boxes (n, 4) and classes (n,)."""
        of_class = candidates[..., 5:].argmax(-1) == classes[:, None]
        overlap = _iou(boxes[:, None], _corners(candidates))
        weights = overlap.masked_fill(~of_class, -torch.inf).softmax(-1)
        return (self.value(candidates, classes[:, None].expand(of_class.shape)) * weights).sum(-1)


class ConfidentDetections(ChosenDetections):
    """T2 with the ranking confidence of detections: a candidate contributes objectness times class probability."""

    def value(self, candidates: Tensor, classes: Tensor) -> Tensor:
        return candidates[..., 4] * super().value(candidates, classes)


TARGETS: dict[str, Target] = {"T1": AllCandidates(), "T2": ChosenDetections(), "confidence": ConfidentDetections()}


def _best_rows(candidates: Tensor, detections: Tensor) -> tuple[Tensor, Tensor]:
    """Best candidates (m, 10) of the detections (m,) for which at least one candidate has the same class."""
    corners = _corners(candidates[:, :4])
    at_once = max(1, MOST_PAIRS // len(candidates))
    chosen = [_iou(boxes[:, None], corners).topk(BEST).indices for boxes in detections[:, :4].split(at_once)]
    rows = torch.cat([torch.empty(0, BEST, dtype=torch.int64, device=candidates.device), *chosen])
    of_class = candidates[rows, 5:].argmax(-1) == detections[:, 5:6]
    kept = of_class.any(1).nonzero()[:, 0]
    return rows[kept], kept


def _corners(candidates: Tensor) -> Tensor:
    # Same operations as in non-maximum suppression, so equal to the last bit.
    centre, half = candidates[..., :2], candidates[..., 2:4] / 2
    return torch.cat((centre - half, centre + half), -1)


def _iou(first: Tensor, second: Tensor) -> Tensor:
    """IoU of boxes (..., 4) with broadcasting; if two sides are equal, each gets half of the gradient."""
    inner = torch.minimum(first[..., 2:], second[..., 2:]) - torch.maximum(first[..., :2], second[..., :2])
    inner = inner.clamp(min=0)
    shared = inner[..., 0] * inner[..., 1]
    areas = [(box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1]) for box in (first, second)]
    return shared / (areas[0] + areas[1] - shared)


def _slopes(passed: Pass, image: Tensor, rows: Tensor) -> Tensor:
    """Derivatives of decoded rows (n, 10, 5 + C) with respect to raw ones; each depends on its own raw number only."""
    # Scores, positions and sides are sigmoids, scaled by anchor and stride.
    sigmoid = torch.cat((passed.raw[image, rows, :4].sigmoid(), passed.decoded[image, rows, 4:]), -1)
    slopes = sigmoid * (1 - sigmoid)
    slopes[..., :2] *= 2 * passed.strides[rows, None]
    slopes[..., 2:4] *= 8 * sigmoid[..., 2:4] * passed.anchors[rows]
    return slopes
