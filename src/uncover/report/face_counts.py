"""Count the faces that a detector finds in a set, at a confidence threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from uncover.data.blocks import BlockCount, Blocks
from uncover.data.parts import WHOLE_FACE
from uncover.metrics.counts import has_box
from uncover.metrics.intervals import Rate, share_of_blocks
from uncover.metrics.matching import label_set, match_set
from uncover.metrics.predictions import Predictions
from uncover.metrics.truth import TRUTH_COLUMNS


@dataclass(frozen=True)
class FaceCount:
    """What a detector finds and misses in a set.

    Attributes:
        images: Images in the set.
        detected: Images with a detection.
        faces: True faces; None without labels.
        detections: Whole-face boxes at or above the confidence threshold.
        correct: Detections that match a true face, each face once; None without labels.
        correct_images: Images with a correct detection; None without labels.
        lowest: Lowest confidence of a correct detection; None if there is none.
        detected_share: `detected` / `images`, with Wilson's interval (`share_of_blocks`), as for all shares.
        missed_share: `missed` / `images`.
        found_share: `correct` / `faces`; NaN without labels.
        blocks: Blocks of images that the intervals count as one; None if images are treated as independent.
    """

    images: int
    detected: int
    faces: int | None
    detections: int
    correct: int | None
    correct_images: int | None
    lowest: float | None
    detected_share: Rate
    missed_share: Rate
    found_share: Rate
    blocks: BlockCount | None = None

    @property
    def missed(self) -> int:
        """Images without a detection."""
        return self.images - self.detected

    @property
    def false(self) -> int | None:
        """False positives: detections that are not correct; None without labels."""
        return None if self.correct is None else self.detections - self.correct

    @property
    def surplus(self) -> int:
        """Detections beyond the first one of each image."""
        return self.detections - self.detected


def count_faces(
    predictions: Predictions,
    truth: pd.DataFrame | None,
    confidence: float,
    true_iou: float = 0.5,
    blocks: Blocks | None = None,
) -> FaceCount:
    """Count what a detector finds and misses.

    Args:
        predictions: Boxes, stored down to `confidence` or lower.
        truth: True boxes, as `read_truth` returns them; None without labels.
        confidence: Confidence threshold.
        true_iou: Minimum IoU with a true face for a correct box.
        blocks: Images that belong together, if known; None treats images as independent.
    """
    none = pd.DataFrame(columns=list(TRUTH_COLUMNS))
    matched = match_set(
        label_set(predictions, none if truth is None else truth, [WHOLE_FACE]), np.array([true_iou], np.float32)
    )
    # Compare in single precision, in which confidences are stored.
    sure = matched.confidence >= np.float32(confidence)
    correct = sure & matched.correct[:, 0]
    detected = has_box(predictions, WHOLE_FACE, confidence).astype(np.int64)
    each = np.ones_like(detected)
    found, faces = (
        np.bincount(at, minlength=matched.images) for at in (matched.predicted_image[correct], matched.true_image)
    )
    images = predictions.images["image"]
    numbers = None if blocks is None else blocks.numbers(images)
    return FaceCount(
        images=matched.images,
        detected=int(detected.sum()),
        faces=None if truth is None else int(faces.sum()),
        detections=int(sure.sum()),
        correct=None if truth is None else int(found.sum()),
        correct_images=None if truth is None else int((found > 0).sum()),
        lowest=float(matched.confidence[correct].min()) if correct.any() else None,
        detected_share=share_of_blocks(detected, each, numbers),
        missed_share=share_of_blocks(each - detected, each, numbers),
        found_share=Rate(math.nan) if truth is None else share_of_blocks(found, faces, numbers),
        blocks=None if blocks is None else blocks.count(images),
    )
