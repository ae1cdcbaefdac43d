"""Boxes of a method on the photos of a trial, each right or wrong, and thresholds that keep a rate of wrong ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.data.parts import WHOLE_FACE
from uncover.metrics.matching import label_set, match_set
from uncover.metrics.predictions import Predictions

ROUNDING = 1e-9
"""Keeps 0.1 false boxes per photo on 30 photos at 3 boxes: the product is 3.0000000000000004 or 2.9999999999999996."""


@dataclass(frozen=True)
class MatchedPhotos:
    """Whole-face boxes of one method on P photos.

    Attributes:
        photos: P, also those without a box.
        blank: Of these, those in which the method has nothing to look at.
        photo: int64 (N,), number of each box's photo.
        confidence: float32 (N,).
        correct: bool (N,); all False where there are no labels.
    """

    photos: int
    blank: int
    photo: NDArray[np.int64]
    confidence: NDArray[np.float32]
    correct: NDArray[np.bool_]

    def count(self, threshold: float | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Correct and other boxes of each photo, int64 (P,) each, at a threshold; with None nothing is taken."""
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
    """Decide for every whole-face box on some photos whether it is correct.

    Of the boxes that overlap a face enough, the surest is correct and all others are false, as in validation.

    Args:
        predictions: Of the method, on these photos at least.
        truth: True boxes, as `read_truth` returns them; without rows where there are no labels.
        photos: Names of the P photos.
        to_see: bool (P,), False where the method has nothing to look at: boxes there are not counted.
        true_iou: IoU from which a box is correct.
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
    """The lowest confidence from which a method's boxes keep a rate of false boxes per photo.

    Args:
        matched: Boxes on the photos on which the rate is kept.
        rate: Most false boxes per photo, on average.

    Returns:
        As `threshold_within`.
    """
    return threshold_within(matched, rate * matched.photos + ROUNDING)


def threshold_within(matched: MatchedPhotos, most: float) -> float | None:
    """The lowest confidence from which a method makes no more than so many false boxes.

    Boxes of equal confidence are taken together or not at all.

    Args:
        matched: Boxes on the photos on which false ones are counted.
        most: False boxes, in all.

    Returns:
        Confidence of one of the boxes; None where the surest are too many already, or where there is none.
    """
    order = np.argsort(-matched.confidence, kind="stable")
    confidence = matched.confidence[order]
    last_of_its_kind = np.append(confidence[1:] != confidence[:-1], True)[: len(confidence)]
    wrong = (~matched.correct[order]).cumsum()
    kept = np.flatnonzero(last_of_its_kind & (wrong <= most))
    # The shortest decimal that is this number in single precision, in which confidences are stored and compared.
    return float(str(confidence[kept[-1]])) if len(kept) else None
