"""Boxes of a method on the photos of a trial, matched to true faces, and thresholds for a rate of false positives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.data.parts import WHOLE_FACE
from uncover.metrics.matching import label_set, match_set
from uncover.metrics.predictions import Predictions

ROUNDING = 1e-9
"""Tolerance for rounding: 0.1 false positives per photo on 30 photos is 3.0000000000000004 or 2.9999999999999996."""


@dataclass(frozen=True)
class MatchedPhotos:
    """Whole-face boxes of one method on P photos.

    Attributes:
        photos: P, including photos without a box.
        blank: Number of photos for which the method has no input.
        photo: int64 (N,), photo of each box.
        confidence: float32 (N,).
        correct: bool (N,); all False without labels.
    """

    photos: int
    blank: int
    photo: NDArray[np.int64]
    confidence: NDArray[np.float32]
    correct: NDArray[np.bool_]

    def count(self, threshold: float | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Correct boxes and false positives of each photo, int64 (P,) each, at a threshold; None means no boxes."""
        if threshold is None:
            return np.zeros(self.photos, np.int64), np.zeros(self.photos, np.int64)
        taken = self.confidence >= np.float32(threshold)
        right = np.bincount(self.photo[taken & self.correct], minlength=self.photos)
        return right, np.bincount(self.photo[taken & ~self.correct], minlength=self.photos)


def match_photos(
    predictions: Predictions,
    truth: pd.DataFrame,
    photos: pd.Series,
    to_see: NDArray[np.bool_],
    true_iou: float,
) -> MatchedPhotos:
    """Match every whole-face box on some photos to the true faces.

    Of the boxes that overlap a face enough, the most confident one is correct and all others are false, as in
    validation.

    Args:
        predictions: Predictions of the method, at least on these photos.
        truth: True boxes, as `read_truth` returns them; no rows without labels.
        photos: Names of the P photos.
        to_see: bool (P,), False if the method has no input for a photo: its boxes are ignored.
        true_iou: Minimum IoU of a correct box.
    """
    seen = photos[to_see]
    own = Predictions(
        predictions.boxes[predictions.boxes["image"].isin(seen)],
        predictions.images.set_index("image").loc[photos].reset_index(),
        predictions.settings,
    )
    boxes = label_set(own, truth[truth["image"].isin(seen)], (WHOLE_FACE,))
    matched = match_set(boxes, [true_iou])
    blank = int((~to_see).sum())
    return MatchedPhotos(len(photos), blank, matched.predicted_image, matched.confidence, matched.correct[:, 0])


def threshold_at(matched: MatchedPhotos, rate: float) -> float | None:
    """The lowest threshold that keeps a rate of false positives per photo.

    Args:
        matched: Boxes on the photos.
        rate: Maximum mean number of false positives per photo.

    Returns:
        As for `threshold_within`.
    """
    return threshold_within(matched, rate * matched.photos + ROUNDING)


def threshold_within(matched: MatchedPhotos, most: float) -> float | None:
    """The lowest threshold with at most this number of false positives.

    Boxes of equal confidence are accepted together or not at all.

    Args:
        matched: Boxes on the photos.
        most: Maximum number of false positives.

    Returns:
        Confidence of one of the boxes; None if the most confident boxes are already too many, or if there are none.
    """
    order = np.argsort(-matched.confidence, kind="stable")
    confidence = matched.confidence[order]
    last_of_its_kind = np.append(confidence[1:] != confidence[:-1], True)[: len(confidence)]
    wrong = (~matched.correct[order]).cumsum()
    kept = np.flatnonzero(last_of_its_kind & (wrong <= most))
    # The shortest decimal number with this single-precision value, in which confidences are stored and compared.
    return float(str(confidence[kept[-1]])) if len(kept) else None
