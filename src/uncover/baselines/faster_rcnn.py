"""Torchvision's Faster R-CNN: one network proposes boxes, another classifies each."""

from __future__ import annotations

from functools import partial

from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator

from uncover.baselines import torchvision_detector as detector

CONFIDENCE, NMS_IOU = detector.CONFIDENCE, detector.NMS_IOU
PROPOSALS_TRAINED, PROPOSALS_TESTED = 64, 300
"""Proposals of a photo, as in the papers; torchvision's own 512 and 1000, for crowded photos, take most of the time."""

SIZES = (32, 64, 128, 256, 512)
ASPECTS = (0.5, 1.0, 2.0)


def build(network: str, size: int, started: bool) -> nn.Module:
    """A network for one class; torchvision's `fasterrcnn_resnet50_fpn` or `fasterrcnn_mobilenet_v3_large_fpn`.

    Args:
        network: Name of the backbone.
        size: Longest side of its input, in pixels.
        started: Whether it will get initial weights.
    """
    backbone = detector.build_backbone(network, started, None, resnet=[1, 2, 3, 4], mobile=None)
    # Torchvision's anchors for each kind of backbone: one size per level, or all sizes on each of few levels.
    sizes = tuple((side,) for side in SIZES) if network.startswith("resnet") else (SIZES,) * 3
    return FasterRCNN(
        backbone,
        num_classes=2,  # background and face
        rpn_anchor_generator=AnchorGenerator(sizes, (ASPECTS,) * len(sizes)),
        box_batch_size_per_image=PROPOSALS_TRAINED,
        rpn_post_nms_top_n_test=PROPOSALS_TESTED,
        box_score_thresh=CONFIDENCE,
        box_nms_thresh=NMS_IOU,
        box_detections_per_img=detector.MOST_BOXES,
        **detector.limits(size),
    )


FAMILY = detector.Family("faster_rcnn", build, face=1)

# Interface of `uncover.baselines.registry`.
train = partial(detector.run_training, FAMILY)
load = partial(detector.load, FAMILY)
