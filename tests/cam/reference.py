"""Heatmaps as the package grad-cam makes them of upstream's network, of scores written anew from their definition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytorch_grad_cam
import torch
from pytorch_grad_cam.base_cam import BaseCAM
from torch import Tensor, nn
from torchvision.ops import box_iou

from uncover.yolov5.network import Network

CONFIDENCE, NMS_IOU, MOST = 0.25, 0.45, 1000

KINDS: dict[str, Any] = {
    "gradcam": pytorch_grad_cam.GradCAM,
    "gradcampp": pytorch_grad_cam.GradCAMPlusPlus,
    "hirescam": pytorch_grad_cam.HiResCAM,
    "xgradcam": pytorch_grad_cam.XGradCAM,
    "layercam": pytorch_grad_cam.LayerCAM,
    "eigencam": pytorch_grad_cam.EigenCAM,
    "eigengradcam": pytorch_grad_cam.EigenGradCAM,
    "gradcamelementwise": pytorch_grad_cam.GradCAMElementWise,
}

Score = Callable[[Tensor], Tensor]
"""Of an image's candidates (N, 5 + C), the number to explain."""


@dataclass(frozen=True)
class Pair:
    """Our network and upstream's, of the same weights; not to be changed."""

    ours: Network
    theirs: nn.Module


def detect(suppress: Callable[..., list[Tensor]], candidates: Tensor, width: int, height: int) -> Tensor:
    """Detections (n, 6) of one image by upstream's non-maximum suppression, clipped to the frame."""
    (boxes,) = suppress(candidates[None].detach().clone(), CONFIDENCE, NMS_IOU, multi_label=False, max_det=MOST)
    boxes = boxes.to(candidates.dtype)
    boxes[:, 0:4:2].clamp_(0, width)
    boxes[:, 1:4:2].clamp_(0, height)
    return boxes


def score_of(target: str, candidates: Tensor, detections: Tensor, number: int) -> Tensor:
    """S_c of one class by the definition, detection by detection."""
    total = candidates[0, 0] * 0
    if target == "T1":
        return total + candidates[:, 5 + number].sum()
    x, y, width, height = candidates[:, :4].unbind(1)
    corners = torch.stack((x - width / 2, y - height / 2, x + width / 2, y + height / 2), 1)
    for box in detections[detections[:, 5] == number, :4]:
        overlap = box_iou(box[None], corners)[0]
        best = [row for row in overlap.topk(10).indices.tolist() if candidates[row, 5:].argmax() == number]
        if best:
            values = candidates[best, 5 + number]
            if target == "confidence":
                values = values * candidates[best, 4]
            total = total + (values * overlap[best].softmax(0)).sum()
    return total


def joint_of(target: str, candidates: Tensor, detections: Tensor) -> Tensor:
    """The sum of all classes' scores."""
    if target == "T1":
        return candidates[:, 5:].sum()
    return sum(
        (score_of(target, candidates, detections, number) for number in detections[:, 5].unique().int().tolist()),
        candidates[0, 0] * 0,
    )


class Candidates(nn.Module):
    """Upstream's network, of whose answers only the decoded candidates come out.

    Attributes:
        targets: By number, the modules to name as target layers.
    """

    def __init__(self, network: Any, layers: Sequence[int], cut: bool = False) -> None:
        """
        Args:
            network: Upstream's.
            layers: Target layers.
            cut: No gradient passes them: what they give is detached, and the target is an identity behind it.
        """
        super().__init__()
        self.network, self.layers, self.cut = network, layers, cut
        self.targets = {layer: nn.Identity() if cut else network.model[layer] for layer in layers}

    def forward(self, images: Tensor) -> Tensor:
        if not self.cut:
            return self.network(images)[0]
        outputs: list[Any] = []
        for layer in self.network.model:
            sources = [layer.f] if isinstance(layer.f, int) else layer.f
            inputs = [outputs[source] if outputs else images for source in sources]
            output = layer(inputs[0] if isinstance(layer.f, int) else inputs)
            if len(outputs) in self.targets:
                output = self.targets[len(outputs)](output.detach().requires_grad_())
            outputs.append(output)
        return outputs[-1][0]


class Recorder(BaseCAM):
    """Keeps the maps of several of grad-cam's methods, from one backward pass, as they are before scaling."""

    def __init__(self, network: Candidates, methods: Sequence[str]) -> None:
        super().__init__(network, list(network.targets.values()))
        self.kinds = {name: KINDS[name](network, []) for name in methods}
        self.numbers = {module: layer for layer, module in network.targets.items()}
        self.raw: dict[tuple[str, int], np.ndarray] = {}

    def get_cam_image(self, images: Any, layer: nn.Module, *others: Any) -> np.ndarray:
        for name, kind in self.kinds.items():
            self.raw[name, self.numbers[layer]] = kind.get_cam_image(images, layer, *others)[0]
        return self.raw[name, self.numbers[layer]][None]


def error(ours: Any, theirs: Any) -> float:
    """Largest difference, as a share of the reference's largest value."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    return float(np.abs(ours - theirs).max() / (np.abs(theirs).max() or 1.0))
