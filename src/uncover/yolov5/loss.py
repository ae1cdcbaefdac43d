"""YOLOv5's loss: boxes by complete IoU, objectness and classes by cross-entropy.

Each box is assigned to the cell with its centre and to the two nearest neighbours of that cell, on every level and for
every anchor whose sides differ from the box's by a factor below `anchor_t` (yolov5 7.0.14, utils/loss.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from uncover.config.detectors import Hyperparameters
from uncover.yolov5.network import Network

LEVEL_WEIGHTS = (4.0, 1.0, 0.4)
"""Weight of each level's objectness, highest for small objects."""
FOCAL_ALPHA = 0.25
EPSILON = 1e-7


@dataclass(frozen=True)
class Assignment:
    """Candidates of a level with their target boxes; a candidate is identified by its position in the raw level.

    Attributes:
        place: int64 (P,) each: image, anchor, row, column.
        boxes: float32 (P, 4): xc yc relative to the cell's corner, w h, in cells.
        anchors: float32 (P, 2), in cells.
        classes: int64 (P,).
    """

    place: tuple[Tensor, Tensor, Tensor, Tensor]
    boxes: Tensor
    anchors: Tensor
    classes: Tensor


class DetectionLoss:
    """The loss of a network.

    Its gains follow upstream: they are scaled to the number of levels and classes and to the image size.
    """

    def __init__(
        self, network: Network, hyperparameters: Hyperparameters, image_size: int, exclusive: bool = False
    ) -> None:
        """
        Args:
            network: Network on its device, with its final anchors.
            hyperparameters: Gains, weights of positives, `anchor_t`, `fl_gamma`.
            image_size: Longest side of the network's input, in pixels.
            exclusive: If several targets match one candidate, use only the one that fits its anchor best; upstream
                uses all of them.
        """
        self._exclusive = exclusive
        self._head = network.head
        self._hyp = hyperparameters
        share = 3 / len(self._head.m)
        self._gains = self._head.anchors.new_tensor(
            [
                hyperparameters.box * share,
                hyperparameters.obj * share * (image_size / 640) ** 2,
                hyperparameters.cls * share * self._head.classes / 80,
            ]
        )
        self._positive_weights = self._head.anchors.new_tensor([hyperparameters.obj_pw, hyperparameters.cls_pw])
        # The cell itself and its left, upper, right and lower neighbours.
        self._steps = self._head.anchors.new_tensor([[0, 0], [-1, 0], [0, -1], [1, 0], [0, 1]]).long()

    def __call__(self, raw: list[Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
        """Compare outputs with labels.

        Args:
            raw: Raw levels of the network, float32 (B, A, h, w, 5 + classes).
            targets: float32 (M, 6): image in batch, class, and xc yc w h as shares of the network's input.

        Returns:
            The loss to minimise (scalar, summed over images), and float32 (3,): box, objectness and class loss.
        """
        losses = []
        for values, anchors, weight in zip(raw, self._head.anchors, LEVEL_WEIGHTS, strict=True):
            losses.append(self._level_loss(values, self._assign(values.shape, anchors, targets), weight))
        items = torch.stack(losses).sum(0) * self._gains
        return items.sum() * len(raw[0]), items.detach()

    def _level_loss(self, values: Tensor, assigned: Assignment, weight: float) -> Tensor:
        """Box, objectness and class loss of one level, without gains."""
        expected = torch.zeros_like(values[..., 4])
        box_loss = class_loss = values.new_zeros(())
        if len(assigned.classes):
            centre, sides, _, classes = values[assigned.place].split((2, 2, 1, self._head.classes), 1)
            centre = centre.sigmoid() * 2 - 0.5
            sides = (sides.sigmoid() * 2) ** 2 * assigned.anchors
            iou = complete_iou(torch.cat((centre, sides), 1), assigned.boxes)
            box_loss = (1 - iou).mean()
            expected[assigned.place] = iou.detach().clamp(0).to(expected.dtype)
            if self._head.classes > 1:
                one_hot = torch.zeros_like(classes).scatter_(1, assigned.classes[:, None], 1)
                class_loss = self._cross_entropy(classes, one_hot, self._positive_weights[1])
        objectness = self._cross_entropy(values[..., 4], expected, self._positive_weights[0])
        return torch.stack((box_loss, objectness * weight, class_loss))

    def _cross_entropy(self, logits: Tensor, expected: Tensor, positive_weight: Tensor) -> Tensor:
        """Mean binary cross-entropy; focal loss if `fl_gamma` is set."""
        gamma = self._hyp.fl_gamma
        if not gamma:
            return functional.binary_cross_entropy_with_logits(logits, expected, pos_weight=positive_weight)
        each = functional.binary_cross_entropy_with_logits(
            logits, expected, pos_weight=positive_weight, reduction="none"
        )
        chance = logits.sigmoid()
        right = expected * chance + (1 - expected) * (1 - chance)
        balance = expected * FOCAL_ALPHA + (1 - expected) * (1 - FOCAL_ALPHA)
        return (each * balance * (1 - right) ** gamma).mean()

    def _assign(self, shape: torch.Size, anchors: Tensor, targets: Tensor) -> Assignment:
        """Find the candidates of a level of this shape for each target."""
        height, width = shape[2:4]
        cells = targets.new_tensor([width, height])
        centres, sides = targets[:, 2:4] * cells, targets[:, 4:6] * cells

        ratio = sides / anchors[:, None]
        misfit = torch.maximum(ratio, 1 / ratio).amax(2)
        anchor, target = (misfit < self._hyp.anchor_t).nonzero(as_tuple=True)

        centre = centres[target]
        from_edges = torch.cat((centre, cells - centre), 1)
        near = (from_edges % 1 < 0.5) & (from_edges > 1)
        chosen = torch.cat((torch.ones_like(near[:, :1]), near), 1)
        step, pair = chosen.T.nonzero(as_tuple=True)

        anchor, target = anchor[pair], target[pair]
        # Half a step, rounded down, selects the neighbour on the side of the centre.
        cell = (centre[pair] + self._steps[step] * 0.5).long()
        cell = torch.minimum(cell.clamp_(min=0), cells.long() - 1)
        if self._exclusive:
            kept = self._best_fitting(targets[target, 0].long(), anchor, cell, misfit[anchor, target], shape)
            anchor, target, cell = anchor[kept], target[kept], cell[kept]
        boxes = torch.cat((centres[target] - cell, sides[target]), 1)
        image, class_id = targets[target, :2].long().T
        return Assignment((image, anchor, cell[:, 1], cell[:, 0]), boxes, anchors[anchor], class_id)

    @staticmethod
    def _best_fitting(image: Tensor, anchor: Tensor, cell: Tensor, misfit: Tensor, shape: torch.Size) -> Tensor:
        """bool (N,): whether no other target of the same candidate fits better."""
        _, anchors, height, width = shape[:4]
        candidate = ((image * anchors + anchor) * height + cell[:, 1]) * width + cell[:, 0]
        _, number = candidate.unique(return_inverse=True)
        least = misfit.new_full((len(misfit),), torch.inf).scatter_reduce(0, number, misfit, "amin")
        return misfit == least[number]


def complete_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """IoU minus a penalty for distant centres and for different aspect ratios (CIoU, Zheng et al. 2020).

    Elsewhere boxes are compared by the IoU of `metrics`; this one needs a gradient. The order of operations is that of
    upstream, so that gradients are equal to the last bit; torchvision's `complete_box_iou_loss` rounds differently.

    Args:
        boxes: (P, 4) xc yc w h; gradients flow through it.
        others: (P, 4) likewise.

    Returns:
        (P,), at most 1.
    """
    (centre, sides), (other_centre, other_sides) = boxes.split(2, 1), others.split(2, 1)
    half, other_half = sides / 2, other_sides / 2
    low, high = centre - half, centre + half
    other_low, other_high = other_centre - other_half, other_centre + other_half
    common = _area((torch.minimum(high, other_high) - torch.maximum(low, other_low)).clamp(0))
    iou = common / (_area(sides) + _area(other_sides) - common + EPSILON)
    around = torch.maximum(high, other_high) - torch.minimum(low, other_low)
    distance = (other_low + other_high - low - high).square().sum(1) / 4 / (around.square().sum(1) + EPSILON)
    slope, other_slope = (torch.atan(each[:, 0] / each[:, 1]) for each in (sides, other_sides))
    proportion = 4 / math.pi**2 * (other_slope - slope).square()
    with torch.no_grad():
        # For an exact match, rounding may give an IoU above 1, for which upstream's loss is not finite.
        share = proportion / (proportion - iou + (1 + EPSILON)).clamp(EPSILON)
    return iou - (distance + proportion * share)


def _area(sides: Tensor) -> Tensor:
    return sides[:, 0] * sides[:, 1]
