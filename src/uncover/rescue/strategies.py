"""The rescue strategies that need no training, each declared here once: from evidence to whole-face boxes.

One more is one more function under `strategy`: rules, `uncover propose`, the trial, live detection and tables take it
from `STRATEGIES`. Their order is that of tables.
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
        group: "baseline", "variant" for what looks at heatmaps, or "ours" for what this project adds.
        title: In tables.
        needs_scales: Whether it proposes nothing without further predictions at other input sizes.
        needs_maps: Whether it proposes nothing without heatmaps.
    """

    propose: Propose
    group: Group
    title: str
    needs_scales: bool = False
    needs_maps: bool = False

    def can_propose(self, evidence: Evidence) -> bool:
        """Whether there is all that it needs."""
        return bool(evidence.scales or not self.needs_scales) and (evidence.maps is not None or not self.needs_maps)


STRATEGIES: dict[str, Strategy] = {}
"""By name, which is that of the function and of the folder of its predictions."""


def strategy(title: str, group: Group, needs_scales: bool = False, needs_maps: bool = False) -> Callable[..., Propose]:
    """Register a function as a strategy; the arguments are those of `Strategy`."""

    def register(propose: Propose) -> Propose:
        STRATEGIES[propose.__name__] = Strategy(propose, group, title, needs_scales, needs_maps)
        return propose

    return register


@strategy("RGB 10 classes, lower threshold", "baseline")
def lower_threshold(evidence: Evidence) -> Detections:
    """The first detector's own whole-face boxes, whatever their confidence."""
    return _whole_faces(evidence.rgb10, evidence)


@strategy("Box fusion of part boxes", "baseline")
def part_fusion(evidence: Evidence) -> Detections:
    """The faces that lie around the nine parts that rgb10 found, fused; its whole-face boxes do not count."""
    return fuse(part_faces(evidence), evidence)


@strategy("Box fusion of whole-face and part boxes", "baseline")
def face_and_part_fusion(evidence: Evidence) -> Detections:
    """All boxes of rgb10, fused."""
    return fuse(pooled(face_boxes(evidence.rgb10, evidence), part_faces(evidence)), evidence)


@strategy("RGB 1 class", "baseline")
def one_class(evidence: Evidence) -> Detections:
    """The boxes of the detector that knows the whole face only."""
    return _whole_faces(evidence.rgb1, evidence)


@strategy("One constant box", "baseline")
def constant_box(evidence: Evidence) -> Detections:
    """The median training face in every photo, of confidence 1: a threshold takes all of them or none."""
    sizes = evidence.sizes()
    return stored(np.arange(len(sizes)), evidence.anatomy.typical * np.tile(sizes, 2), np.ones(len(sizes)))


@strategy("Boxes around heatmap regions", "variant", needs_maps=True)
def heatmap_boxes(evidence: Evidence) -> Detections:
    """Boxes around what a heatmap highlights, checked against the parts that were found."""
    return regions.propose(evidence)


@strategy("Box fusion of both RGB models", "ours")
def box_fusion(evidence: Evidence) -> Detections:
    """The whole-face boxes of both RGB detectors and the faces around the parts, fused."""
    faces = [face_boxes(found, evidence) for found in (evidence.rgb10, evidence.rgb1)]
    return fuse(pooled(*faces, part_faces(evidence)), evidence)


@strategy("Multi-scale inference", "ours", needs_scales=True)
def multi_scale(evidence: Evidence) -> Detections:
    """The whole-face boxes of one detector at several sizes of its input, fused: what is seen again counts more.

    Faces too small for one size are large enough at the next, and what one size alone shows is more often no face. The
    parts and the first detector do not count here: on real photos they added more false boxes than faces.
    """
    return fuse(pooled(*(face_boxes(found, evidence) for found in evidence.scales.values())), evidence)


def _whole_faces(predictions: Predictions, evidence: Evidence) -> Detections:
    """Whole-face boxes as they are stored."""
    boxes = predictions.boxes[predictions.boxes["class_id"] == WHOLE_FACE]
    return Detections.from_pandas(boxes, evidence.images["image"])
