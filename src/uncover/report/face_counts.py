"""Faces that a detector finds in a set, counted from a confidence on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from uncover.metrics.counts import count_images
from uncover.metrics.intervals import Rate, wilson
from uncover.metrics.matched import match_set, set_boxes
from uncover.metrics.predictions import Predictions
from uncover.metrics.truth import TRUTH_COLUMNS
from uncover.parts.classes import WHOLE_FACE


@dataclass(frozen=True)
class FaceCount:
    """What a detector finds and misses in a set.

    Attributes:
        images: Looked at.
        detected: Of these, with a detection.
        faces: True ones; None without labels.
        detections: Whole-face boxes that are sure enough.
        correct: Of these, those that meet a true face, each face once; None without labels.
        lowest: Confidence of the least sure correct one; None if there is none.
    """

    images: int
    detected: int
    faces: int | None
    detections: int
    correct: int | None
    lowest: float | None

    @property
    def missed(self) -> int:
        """Images without a detection."""
        return self.images - self.detected

    @property
    def false(self) -> int | None:
        """Detections that are not correct; None without labels."""
        return None if self.correct is None else self.detections - self.correct

    @property
    def surplus(self) -> int:
        """Detections beyond the first of an image."""
        return self.detections - self.detected

    @property
    def detected_share(self) -> Rate:
        """`detected` of `images`, with Wilson's interval."""
        return wilson(self.detected, self.images)

    @property
    def found_share(self) -> Rate:
        """`correct` of `faces`, with Wilson's interval; NaN without labels."""
        return Rate(math.nan) if self.correct is None or self.faces is None else wilson(self.correct, self.faces)

    @property
    def missed_share(self) -> Rate:
        """`missed` of `images`, with Wilson's interval."""
        return wilson(self.missed, self.images)


def count_faces(
    predictions: Predictions, truth: pd.DataFrame | None, confidence: float, true_iou: float = 0.5
) -> FaceCount:
    """Count what a detector finds and misses.

    Args:
        predictions: Its boxes, stored at a confidence of at most `confidence`.
        truth: True boxes, as `read_truth` returns them; None without labels.
        confidence: Lowest of a box that counts.
        true_iou: IoU with a true face from which a box is correct.
    """
    none = pd.DataFrame(columns=list(TRUTH_COLUMNS))
    matched = match_set(
        set_boxes(predictions, none if truth is None else truth, [WHOLE_FACE]), np.array([true_iou], np.float32)
    )
    # Both sides in single precision, in which confidences are stored.
    sure = matched.confidence >= np.float32(confidence)
    right = matched.confidence[sure & matched.correct[:, 0]]
    return FaceCount(
        images=matched.images,
        detected=count_images(predictions, WHOLE_FACE, confidence).found,
        faces=None if truth is None else len(matched.true_class),
        detections=int(sure.sum()),
        correct=None if truth is None else len(right),
        lowest=float(right.min()) if len(right) else None,
    )
