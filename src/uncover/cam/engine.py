"""Heatmaps of a batch of images: all classes and methods from one forward pass (thesis sections 2.4, 3.2.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from uncover.cam.heatmaps import Heatmaps, finish
from uncover.cam.methods import METHODS, ActivationMethod, GradientMethod
from uncover.cam.passes import (
    Pass,
    RowGradients,
    Segments,
    as_cells,
    is_direct,
    resolve_layers,
    run_cut,
    run_direct,
    through_graph,
    through_head,
)
from uncover.cam.targets import TARGETS, Target
from uncover.config.heatmaps import Variant
from uncover.yolov5.device import full_float32
from uncover.yolov5.network import Network
from uncover.yolov5.nms import suppress_as_upstream

MOST_DETECTIONS = 1000

Part = tuple[str, str, int]
"""Method, target and layer of one map."""


@dataclass(frozen=True)
class Explanation:
    """Detections and heatmaps of a batch.

    Attributes:
        detections: For each image (n, 6): x1 y1 x2 y2 in pixels of the frame, confidence, class.
        maps: Heatmaps of each image, by variant.
    """

    detections: list[Tensor]
    maps: dict[str, list[Heatmaps]]


@dataclass(frozen=True)
class Plan:
    """What one forward pass computes.

    Attributes:
        direct: Whether the pass needs no autograd graph.
        variants: Parts of each heatmap, by variant.
    """

    direct: bool
    variants: dict[str, list[Part]]

    @property
    def parts(self) -> set[Part]:
        """All maps to compute."""
        return {part for parts in self.variants.values() for part in parts}

    @property
    def layers(self) -> list[int]:
        """Layers whose activations are needed, in order."""
        return sorted({layer for _, _, layer in self.parts})


class Explainer:
    """Computes the detections of a network and their heatmaps.

    Whatever the precision of the context, maps are computed in the precision of the network's weights: mixed precision
    changes them by up to 14 of 255 levels. So does TF32, which convolutions on a GPU use by default.
    """

    def __init__(
        self, network: Network, variants: Mapping[str, Variant], confidence: float = 0.25, nms_iou: float = 0.45
    ) -> None:
        """
        Args:
            network: Network on its device; its weights are frozen.
            variants: Heatmaps to compute, by name.
            confidence: Lowest confidence of a detection whose class has a map (target T2).
            nms_iou: IoU of the non-maximum suppression of those detections.

        Raises:
            InputError: A layer does not exist, is the head, or does not affect any score.
        """
        self.network = network.eval().requires_grad_(False)
        self.classes = network.head.classes
        self._confidence, self._nms_iou = confidence, nms_iou
        self._plans = _plan(network, variants)

    def __call__(self, images: Tensor) -> Explanation:
        """Explain a batch.

        Args:
            images: float (B, channels, H, W), shares of 255; sides are multiples of 32.
        """
        explained: dict[str, list[Heatmaps]] = {}
        found: list[Tensor] = []
        with full_float32(images.device):
            for plan in self._plans:
                passed = (run_direct if plan.direct else run_cut)(self.network, images, plan.layers)
                found = self._explain(plan, passed, images, explained)
        return Explanation(found, explained)

    @property
    def layers(self) -> list[int] | None:
        """Layers that a direct pass keeps for `explain`; None if maps need a graph and thus a pass of their own."""
        (plan, *others) = self._plans
        return plan.layers if plan.direct and not others else None

    def explain(self, passed: Pass, images: Tensor) -> Explanation:
        """Explain the output of a direct pass.

        Args:
            passed: Direct pass of the network that kept `layers` (must not be None), computed in `full_float32`.
            images: float (B, channels, H, W), input of that pass.
        """
        explained: dict[str, list[Heatmaps]] = {}
        with full_float32(images.device):
            return Explanation(self._explain(self._plans[0], passed, images, explained), explained)

    def _explain(self, plan: Plan, passed: Pass, images: Tensor, explained: dict[str, list[Heatmaps]]) -> list[Tensor]:
        """Add the heatmaps of a pass, and return its detections."""
        found, left_out = detect(passed.decoded, images.shape[2:], self._confidence, self._nms_iou)
        maps = self._maps(plan, passed, found, images)
        there = _present(found, self.classes)
        for name, parts in plan.variants.items():
            scored = there if _needs_detections(parts[0]) else torch.ones_like(there)
            explained[name] = [
                finish([maps[part][image] for part in parts], scored[image].tolist(), left_out[image])
                for image in range(len(images))
            ]
        return found

    def _maps(self, plan: Plan, passed: Pass, detections: list[Tensor], images: Tensor) -> dict[Part, Tensor]:
        """Maps (B, C + 1, h, w) of all parts before ReLU, on the CPU."""
        made = {part: self._blank(passed, part[2]) for part in plan.parts}
        cells = {layer: as_cells(passed.activations[layer]) for layer in plan.layers}
        by_gradients: dict[str, list[Part]] = {}
        for part, maps in made.items():
            method, layer = METHODS[part[0]], part[2]
            if isinstance(method, GradientMethod):
                by_gradients.setdefault(part[1], []).append(part)
            elif isinstance(method, ActivationMethod):
                maps.copy_(method(cells[layer]).view_as(maps[:, :1]).expand_as(maps))
            else:
                for number, image in enumerate(images):
                    scores = _scores(TARGETS[part[1]], detections[number])
                    maps[number] = method(self.network, image, passed.activations[layer][number].detach(), scores)
        for target, parts in by_gradients.items():
            for segments in self._segments(plan, passed, TARGETS[target].gradients(passed, detections)):
                for part in parts:
                    method, own = METHODS[part[0]], segments[part[2]]
                    assert isinstance(method, GradientMethod)
                    made[part].flatten(2)[own.image, own.channel] = method(cells[part[2]], own)
        return {part: maps.cpu() for part, maps in made.items()}

    def _segments(self, plan: Plan, passed: Pass, rows: Iterator[RowGradients]) -> Iterator[dict[int, Segments]]:
        head, sources = self.network.head, self.network.sources[-1]
        for part in rows:
            if plan.direct:
                levels = {layer: sources.index(layer) for layer in plan.layers}
                yield {layer: through_head(part, passed, level, head) for layer, level in levels.items()}
            else:
                yield from through_graph(part, passed)

    def _blank(self, passed: Pass, layer: int) -> Tensor:
        batch, _, height, width = passed.activations[layer].shape
        return passed.decoded.new_zeros(batch, self.classes + 1, height, width)


def detect(decoded: Tensor, shape: Sequence[int], confidence: float, nms_iou: float) -> tuple[list[Tensor], list[int]]:
    """The detections that target T2 explains.

    Args:
        decoded: (B, N, 5 + C), all candidates.
        shape: Height and width of the frame, in pixels.
        confidence: Confidence threshold.
        nms_iou: IoU of non-maximum suppression.

    Returns:
        For each image (n, 6): x1 y1 x2 y2 in pixels, clipped to the frame, confidence, class; and the number of
        further detections without area in the frame.
    """
    height, width = shape
    limits = torch.tensor([width, height, width, height], device=decoded.device)
    found, left_out = [], []
    for boxes in suppress_as_upstream(decoded, confidence, nms_iou, MOST_DETECTIONS, multi_label=False):
        clipped = torch.cat((boxes[:, :4].clamp(min=0).minimum(limits), boxes[:, 4:]), 1)
        # The IoU of a candidate and a detection without area may be 0/0, which would make every map NaN.
        solid = (clipped[:, 2:4] > clipped[:, :2]).all(1)
        found.append(clipped[solid])
        left_out.append(int((~solid).sum()))
    return found, left_out


def _plan(network: Network, variants: Mapping[str, Variant]) -> list[Plan]:
    """The passes for all variants: one direct pass if possible, and one for each other set of layers."""
    plans: dict[tuple[int, ...], Plan] = {}
    for name, variant in variants.items():
        layers = resolve_layers(network, variant.layers)
        direct = is_direct(network, layers)
        plan = plans.setdefault(() if direct else layers, Plan(direct, {}))
        plan.variants[name] = [(variant.method, variant.target, layer) for layer in layers]
    return list(plans.values())


def _needs_detections(part: Part) -> bool:
    """Whether the map of a class without detection is blank."""
    method, target, _ = part
    return not isinstance(METHODS[method], ActivationMethod) and TARGETS[target].needs_detections


def _present(detections: Sequence[Tensor], classes: int) -> Tensor:
    """Which classes were detected in which image; last column: any class. bool (B, C + 1)."""
    there = torch.zeros(len(detections), classes + 1, dtype=torch.bool)
    for own, boxes in zip(there, detections, strict=True):
        own[boxes[:, 5].long().cpu()] = True
        own[-1] = len(boxes) > 0
    return there


def _scores(target: Target, detections: Tensor) -> Callable[[Tensor], Tensor]:
    """Score function of an image with the given detections; the last score is the sum of all."""

    def of(candidates: Tensor) -> Tensor:
        scores = target.scores(candidates, detections)
        return torch.cat((scores, scores.sum(0, keepdim=True)))

    return of
