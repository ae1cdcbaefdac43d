"""Torchvision's RetinaNet: a one-stage detector with focal loss."""

from __future__ import annotations

from functools import partial

from torch import nn
from torchvision.models.detection import RetinaNet
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from uncover.baselines import torchvision_detector as detector

CONFIDENCE, NMS_IOU = detector.CONFIDENCE, detector.NMS_IOU
LEVELS = 256


def build(network: str, size: int, started: bool) -> nn.Module:
    """A network for one class; with `resnet50` it is torchvision's `retinanet_resnet50_fpn`.

    Args:
        network: Name of the backbone.
        size: Longest side of its input, in pixels.
        started: Whether it will get initial weights.
    """
    # Cells of at least 8 pixels, as in the paper. Torchvision has no such levels for MobileNet; this adds them.
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

# Interface of `uncover.baselines.registry`.
train = partial(detector.run_training, FAMILY)
load = partial(detector.load, FAMILY)
