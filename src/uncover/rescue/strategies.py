"""Rescue strategies without training, each declared once: from evidence to whole-face boxes.

To add one, write a function with the decorator `strategy`: rules, `uncover propose`, the trial, live detection and
tables use `STRATEGIES`, in the order of tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from uncover.data.parts import WHOLE_FACE
from uncover.metrics.detections import Detections
from uncover.metrics.predictions import Predictions
from uncover.rescue import heatmap_boxes as regions
from uncover.rescue.box_fusion import face_boxes, fuse, part_faces, pooled, stored
from uncover.rescue.evidence import Evidence

Group = Literal["baseline", "variant", "ours"]
Propose = Callable[[Evidence], Detections]


@dataclass(frozen=True)
class Strategy:
    """A way to propose faces.

    Attributes:
        propose: From evidence to whole-face boxes, float32, with `image`: row of the evidence's images.
        group: "baseline", "variant" if it uses heatmaps, or "ours" for methods of this project.
        title: Title in tables.
        needs_scales: Whether it needs predictions at further input sizes.
        needs_maps: Whether it needs heatmaps.
    """

    propose: Propose
    group: Group
    title: str
    needs_scales: bool = False
    needs_maps: bool = False

    def can_propose(self, evidence: Evidence) -> bool:
        """Whether the evidence has everything that the strategy needs."""
        return bool(evidence.scales or not self.needs_scales) and (evidence.maps is not None or not self.needs_maps)


STRATEGIES: dict[str, Strategy] = {}
"""Strategies by name, which is that of the function and of the folder of its predictions."""


def strategy(title: str, group: Group, needs_scales: bool = False, needs_maps: bool = False) -> Callable[..., Propose]:
    """Register a function as a strategy; the arguments are those of `Strategy`."""

    def register(propose: Propose) -> Propose:
        STRATEGIES[propose.__name__] = Strategy(propose, group, title, needs_scales, needs_maps)
        return propose

    return register


@strategy("RGB 10 classes, lower threshold", "baseline")
def lower_threshold(evidence: Evidence) -> Detections:
    """The first detector's own whole-face boxes of any confidence."""
    return _whole_faces(evidence.rgb10, evidence)


@strategy("Box fusion of part boxes", "baseline")
def part_fusion(evidence: Evidence) -> Detections:
    """The faces implied by the nine parts that rgb10 detected, fused; without its whole-face boxes."""
    return fuse(part_faces(evidence), evidence)


@strategy("Box fusion of whole-face and part boxes", "baseline")
def face_and_part_fusion(evidence: Evidence) -> Detections:
    """All boxes of rgb10, fused."""
    return fuse(pooled(face_boxes(evidence.rgb10, evidence), part_faces(evidence)), evidence)


@strategy("RGB 1 class", "baseline")
def one_class(evidence: Evidence) -> Detections:
    """The boxes of the whole-face detector."""
    return _whole_faces(evidence.rgb1, evidence)


@strategy("One constant box", "baseline")
def constant_box(evidence: Evidence) -> Detections:
    """The median training face in every photo, with confidence 1: a threshold accepts all of them or none."""
    sizes = evidence.sizes()
    return stored(np.arange(len(sizes)), evidence.anatomy.typical * np.tile(sizes, 2), np.ones(len(sizes)))


@strategy("Boxes around heatmap regions", "variant", needs_maps=True)
def heatmap_boxes(evidence: Evidence) -> Detections:
    """Boxes around highlighted heatmap regions, checked against the detected parts."""
    return regions.propose(evidence)


@strategy("Box fusion of both RGB models", "ours")
def box_fusion(evidence: Evidence) -> Detections:
    """The whole-face boxes of both RGB detectors and the faces implied by parts, fused."""
    faces = [face_boxes(found, evidence) for found in (evidence.rgb10, evidence.rgb1)]
    return fuse(pooled(*faces, part_faces(evidence)), evidence)


@strategy("Multi-scale inference", "ours", needs_scales=True)
def multi_scale(evidence: Evidence) -> Detections:
    """The whole-face boxes of one detector at several input sizes, fused: boxes found at several sizes count more.

    Faces too small for one size are large enough at the next, and boxes of a single size are more often false
    positives. Parts and the first detector are not used: on real photos they added more false positives than faces.
    """
    return fuse(pooled(*(face_boxes(found, evidence) for found in evidence.scales.values())), evidence)


def _whole_faces(predictions: Predictions, evidence: Evidence) -> Detections:
    """Whole-face boxes as stored."""
    boxes = predictions.boxes[predictions.boxes["class_id"] == WHOLE_FACE]
    return Detections.from_pandas(boxes, evidence.images["image"])
