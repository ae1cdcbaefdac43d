"""What torchvision's detectors have in common: backbones with a feature pyramid, start weights, and how they look.

Trained from scratch, a backbone has ordinary batch norm: frozen norms, which torchvision gives to start weights, would
leave a new network without any normalisation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.detection.backbone_utils import mobilenet_backbone, resnet_fpn_backbone
from torchvision.ops.misc import FrozenBatchNorm2d

from uncover.baselines.training import check_weights
from uncover.baselines.weights import BaselineWeights, start_from
from uncover.config.baselines import Torchvision
from uncover.images.letterbox import Frame, fit, letterbox
from uncover.metrics.detections import Detections, Detector

CONFIDENCE, NMS_IOU, MOST_BOXES = 0.001, 0.5, 300
"""Lowest confidence kept, IoU above which the weaker of two boxes is dropped (torchvision's), boxes in one photo."""

LAST_LAYERS = 3
"""Layers of a backbone that train when it starts from other weights, torchvision's default."""

OLD_NAMES = (
    (re.compile(r"(\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$"), lambda found: f"{found[1]}.0.{found[2]}"),
    (re.compile(r"^(rpn\.head\.conv)\.(weight|bias)$"), lambda found: f"{found[1]}.0.0.{found[2]}"),
    (
        re.compile(r"^(head\.\w+_head\.conv)\.([0246])\.(weight|bias)$"),
        lambda found: f"{found[1]}.{int(found[2]) // 2}.0.{found[3]}",
    ),
)
"""How torchvision's own files call some layers, which it renames when it loads them."""


@dataclass(frozen=True)
class Family:
    """A kind of detector.

    Attributes:
        name: Of the baseline.
        build: Makes the network: name of the backbone, longest side of its input in pixels, whether the backbone is
            that of start weights, with frozen norms and first layers.
        face: Number of the class of faces.
    """

    name: str
    build: Callable[[str, int, bool], nn.Module]
    face: int


def limits(size: int) -> dict[str, Any]:
    """Arguments of both kinds: the longest side of a photo becomes `size`, and weak boxes are kept."""
    # The scale is the smaller of shortest side to min_size and longest side to max_size: with both alike, the latter.
    return {"min_size": size, "max_size": size}


def build_backbone(
    network: str, started: bool, extra: nn.Module | None, resnet: list[int], mobile: list[int] | None
) -> nn.Module:
    """A backbone with a feature pyramid; nothing is downloaded.

    Args:
        network: Name of the backbone.
        started: Whether it will get start weights: norms and first layers stay as these have them.
        extra: Block that makes the coarsest levels; None pools the last one.
        resnet: Layers of a ResNet from which levels are made.
        mobile: Likewise of a MobileNet; None takes torchvision's.
    """
    norm = FrozenBatchNorm2d if started else nn.BatchNorm2d
    options: dict[str, Any] = {"backbone_name": network, "weights": None, "norm_layer": norm, "extra_blocks": extra}
    if not network.startswith("resnet"):
        options |= {"trainable_layers": LAST_LAYERS if started else 6, "returned_layers": mobile, "fpn": True}
        return mobilenet_backbone(**options)
    backbone = resnet_fpn_backbone(**options, trainable_layers=LAST_LAYERS if started else 5, returned_layers=resnet)
    for module in backbone.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.eps = 0.0  # COCO weights of ResNets were trained so
    return backbone


def give_start(network: nn.Module, start: BaselineWeights, name: str) -> None:
    """Give a network what fits of torchvision's COCO weights.

    Args:
        network: To fill.
        start: State dict as torchvision's files have it.
        name: Of the network, for messages.

    Raises:
        InputError: Fewer than half of the network's tensors are in it.
    """
    start_from(network, BaselineWeights(renamed(start.state), start.about), name)


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by the names that layers have today."""
    result = {}
    for key, value in state.items():
        for pattern, name in OLD_NAMES:
            key = pattern.sub(name, key)
        result[key] = value
    return result


def load(
    family: Family,
    settings: Torchvision,
    weights: BaselineWeights | None,
    device: torch.device,
    nms_iou: float = NMS_IOU,
) -> Detector:
    """A trained detector, which sees photos in the size of its training.

    Args:
        family: Its kind.
        settings: Unused: the weights say what they belong to.
        weights: Of the training.
        device: Where to run it.
        nms_iou: IoU above which the weaker of two boxes is dropped.

    Raises:
        InputError: There are no weights, or they are those of another detector.
    """
    about = (weights := check_weights(weights, family.name)).about
    size, started = int(about["image_size"]), about["training"]["settings"]["weights"] == "coco"
    network = family.build(str(about["network"]), size, started)
    network.load_state_dict(dict(weights.state))
    # Of the boxes that it gives; what it looks at in between is its own affair.
    last: Any = getattr(network, "roi_heads", network)
    last.nms_thresh = nms_iou
    return TorchvisionDetector(network.to(device).eval(), size, family.face, device)


@dataclass(frozen=True)
class TorchvisionDetector:
    """A trained network, in evaluation mode.

    Attributes:
        network: On `device`.
        size: Longest side of its input, in pixels.
        face: Number of the class of faces.
        device: Where the network is.
    """

    network: nn.Module
    size: int
    face: int
    device: torch.device

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """As `Detector.detect`; one by one, as their shapes differ."""
        found = []
        for image in images:
            frame = fit(image.shape[1], image.shape[0], self.size)
            pixels = np.ascontiguousarray(letterbox(image, frame).transpose(2, 0, 1))
            found += look(self.network, [pixels], [frame], self.face, self.device)
        return found


@torch.inference_mode()
def look(
    network: nn.Module, images: list[NDArray[np.uint8]], frames: list[Frame], face: int, device: torch.device
) -> list[Detections]:
    """Faces in some photos, by falling confidence.

    Args:
        network: On `device`, in evaluation mode.
        images: uint8 (3, H, W) each, in their frames.
        frames: Where the photos stand in them.
        face: Number of the class of faces.
        device: Where the network is.
    """
    found = []
    for answer, frame in zip(network([to_tensor(image, device) for image in images]), frames, strict=True):
        kept = answer["labels"] == face
        scores, order = answer["scores"][kept].sort(descending=True, stable=True)
        boxes = frame.to_original(answer["boxes"][kept][order].cpu().numpy())
        found.append(Detections(boxes.astype(np.float32), scores.float().cpu().numpy()))
    return found


def to_tensor(image: NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 (3, H, W) as a network takes it: float32 shares of 255."""
    return torch.from_numpy(image).to(device).to(torch.float32).div_(255)
