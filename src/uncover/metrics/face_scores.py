"""How well whole faces are found at a fixed confidence, and how often where there is none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from uncover.metrics.average_precision import ap_per_class
from uncover.metrics.matching import label_set, match_set
from uncover.parts.classes import WHOLE_FACE

if TYPE_CHECKING:
    import pandas as pd

    from uncover.metrics.predictions import Predictions


@dataclass(frozen=True)
class FaceScores:
    """Scores of whole faces on some frames; None where there is nothing to score.

    Attributes:
        frames: Looked at.
        faces: True faces in them.
        frames_without_face: Of the frames.
        ap50: Average precision at IoU 0.5, over all confidences.
        ap50_95: Mean over IoU 0.5, 0.55 ... 0.95.
        recall: Share of the faces that a box finds, at IoU 0.5, from the confidence on.
        precision: Share of these boxes that find a face.
        false_boxes: Boxes from the confidence on that find no face, in all frames.
        false_boxes_without_face: Of these, in frames without a face.
        frames_with_false_alarm: Frames without a face that have such a box.
        confidence: From which boxes count.
    """

    frames: int
    faces: int
    frames_without_face: int
    ap50: float | None
    ap50_95: float | None
    recall: float | None
    precision: float | None
    false_boxes: int
    false_boxes_without_face: int
    frames_with_false_alarm: int
    confidence: float

    def as_json(self) -> dict[str, float | None]:
        """By name."""
        return asdict(self)


def score_faces(predictions: Predictions, truth: pd.DataFrame, confidence: float) -> FaceScores:
    """Score whole faces.

    Args:
        predictions: Boxes from a confidence near 0 on, as average precision wants them.
        truth: True boxes, as `read_truth` returns them.
        confidence: From which a box counts for recall, precision and false boxes.

    Raises:
        InputError: A true box stands in an image that was not predicted on.
    """
    boxes = label_set(predictions, truth, [WHOLE_FACE])
    matched = match_set(boxes)
    metrics = ap_per_class(matched.correct, matched.confidence, matched.predicted_class, matched.true_class)
    faces = len(boxes.true)
    # A face takes its surest box, so leaving out the unsure ones changes no other box's fate.
    sure = matched.confidence >= np.float32(confidence)
    hits = int(matched.correct[sure, 0].sum())
    empty = np.setdiff1d(np.arange(boxes.images), matched.true_image)
    in_empty = np.isin(matched.predicted_image[sure], empty)
    return FaceScores(
        frames=boxes.images,
        faces=faces,
        frames_without_face=len(empty),
        ap50=float(metrics.map50) if faces else None,
        ap50_95=float(metrics.map50_95) if faces else None,
        recall=hits / faces if faces else None,
        precision=hits / int(sure.sum()) if sure.any() else None,
        false_boxes=int(sure.sum()) - hits,
        false_boxes_without_face=int(in_empty.sum()),
        frames_with_false_alarm=len(np.unique(matched.predicted_image[sure][in_empty])),
        confidence=confidence,
    )
