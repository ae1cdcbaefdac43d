"""Torchvision's RetinaNet: one network looks everywhere, and a loss that forgives easy background."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torchvision.models.detection import RetinaNet
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from uncover.config.rivals import Torchvision
from uncover.rivals import torchvision_detector as detector
from uncover.rivals.base import FindFaces
from uncover.rivals.torchvision_training import run_training
from uncover.rivals.weights import RivalWeights

CONFIDENCE, NMS_IOU = detector.CONFIDENCE, detector.NMS_IOU
LEVELS = 256


def build(network: str, size: int, started: bool) -> nn.Module:
    """A network for one class; with `resnet50` it is torchvision's `retinanet_resnet50_fpn`.

    Args:
        network: Name of the backbone.
        size: Longest side of its input, in pixels.
        started: Whether it will get start weights.
    """
    # Cells of 8 pixels and more, as its paper has it. Of MobileNet torchvision offers none; these are the same cells.
    extra = LastLevelP6P7(LEVELS, LEVELS)
    backbone = detector.build_backbone(network, started, extra, resnet=[2, 3, 4], mobile=[2, 3, 4])
    return RetinaNet(
        backbone,
        num_classes=1,
        score_thresh=CONFIDENCE,
        nms_thresh=NMS_IOU,
        detections_per_img=detector.MOST_BOXES,
        **detector.limits(size),
    )


FAMILY = detector.Family("retinanet", build, face=0)


def train(
    settings: Torchvision,
    start: RivalWeights | None,
    data: Path,
    out: Path,
    device: torch.device,
    identity: Mapping[str, object] | None = None,
) -> None:
    """Train until the epochs are over; see `run_training`."""
    run_training(FAMILY, settings, start, data, out, device, identity)


def load(settings: Torchvision, weights: RivalWeights | None, device: torch.device) -> FindFaces:
    """A trained detector; see `torchvision_detector.load`. The weights say what they belong to."""
    return detector.load(FAMILY, weights, device)
