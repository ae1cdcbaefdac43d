"""Scores on resampled images, without scoring each resample anew.

A resample draws images, or blocks of images, with replacement, which is a weight per image. Boxes are sorted by
confidence once; running sums of weights then say how many hits and boxes stand above each hit, which is all that
precision, recall and average precision need. The result is the one that copying the drawn images would give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from uncover.metrics.average_precision import EPSILON, confidence_order
from uncover.metrics.interpolation import area, precision_at_recall
from uncover.metrics.intervals import resample_images
from uncover.metrics.matching import Matched

Floats = NDArray[np.float64]
Weights = NDArray[np.int32]


@dataclass(frozen=True)
class Resampled:
    """Scores on R resamples; NaN where a resample holds no label of the class.

    Attributes:
        class_ids: int64 (C,), classes with labels, rising.
        precision: float64 (R, C), at the fixed confidence.
        recall: Likewise.
        f1: Likewise.
        ap50: float64 (R, C).
        ap50_95: float64 (R, C).
    """

    class_ids: NDArray[np.int64]
    precision: Floats
    recall: Floats
    f1: Floats
    ap50: Floats
    ap50_95: Floats


@dataclass(frozen=True)
class _ClassBoxes:
    """Boxes of one class by falling confidence, and the images of its labels."""

    image: NDArray[np.int64]
    confidence: Floats
    correct: NDArray[np.bool_]
    label_image: NDArray[np.int64]


def mean_over_classes(scores: Floats) -> Floats:
    """Mean of (R, C) over the classes with a value, (R,); NaN where no class has one."""
    known = ~np.isnan(scores)
    total = np.where(known, scores, 0).sum(axis=1)
    return np.divide(total, known.sum(axis=1), out=np.full(len(scores), np.nan), where=known.any(axis=1))


def resample_scores(
    matched: Matched, confidence: float, resamples: int, seed: int, blocks: NDArray[np.int64] | None = None
) -> Resampled:
    """Score resamples of the images.

    Args:
        matched: Boxes of the set.
        confidence: Fixed, at which precision, recall and F1 are read: choosing it anew in each resample would make the
            interval one of another quantity.
        resamples: How many; a set of one image or block gives none.
        seed: Sets with equally many images and the same blocks get the same draws from the same seed, which pairs them.
        blocks: int64 (images,), number of each image's block, as for `resample_images`; None draws images.
    """
    order = confidence_order(matched.confidence)
    class_of_box = matched.predicted_class[order]
    class_ids = np.unique(matched.true_class)
    classes = []
    for class_id in class_ids:
        own = order[class_of_box == class_id]
        classes.append(
            _ClassBoxes(
                matched.predicted_image[own],
                matched.confidence[own].astype(np.float64),
                matched.correct[own],
                matched.true_image[matched.true_class == class_id],
            )
        )
    most = max((len(boxes.image) for boxes in classes), default=1)
    batches = [np.zeros((0, len(classes), 4))]
    for weights in resample_images(matched.images, resamples, seed, most, blocks):
        scores = [_score_class(boxes, confidence, weights) for boxes in classes]
        batches.append(np.stack(scores, axis=1) if scores else np.zeros((len(weights), 0, 4)))
    precision, recall, ap50, ap50_95 = np.moveaxis(np.concatenate(batches), 2, 0)
    f1 = 2 * precision * recall / (precision + recall + EPSILON)
    return Resampled(class_ids, precision, recall, f1, ap50, ap50_95)


def _score_class(boxes: _ClassBoxes, confidence: float, weights: Weights) -> Floats:
    """float64 (B, 4): precision, recall, AP50, AP50-95 of one class, given (B, images) weights."""
    labels = weights[:, boxes.label_image].sum(axis=1)
    weight = weights[:, boxes.image]
    found = weight.cumsum(axis=1, dtype=np.int32)
    scores = np.zeros((len(weights), 4))
    if len(boxes.image):
        scores[:, :2] = _at_confidence(boxes, confidence, weight, found, labels)
        ap = np.empty((boxes.correct.shape[1], len(weights)))
        for place, hit in enumerate(boxes.correct.T):
            places = np.flatnonzero(hit)
            hits = weight[:, places].cumsum(axis=1, dtype=np.int32)
            ap[place] = area(precision_at_recall(hits, found[:, places], labels, found[:, -1]))
        scores[:, 2:] = np.column_stack([ap[0], ap.mean(axis=0)])
    scores[labels == 0] = np.nan
    return scores


def _at_confidence(
    boxes: _ClassBoxes,
    confidence: float,
    weight: Weights,
    found: Weights,
    labels: NDArray[np.int64],
) -> Floats:
    """float64 (B, 2): precision and recall, on the straight line between the drawn boxes above and below."""
    hit = boxes.correct[:, 0]
    split = int(np.searchsorted(-boxes.confidence, -confidence, side="right"))
    drawn = weight > 0
    hits_above = (weight[:, :split] * hit[:split]).sum(axis=1)
    above = found[:, split - 1] if split else np.zeros(len(weight), np.int32)
    some_above, some_below = above > 0, found[:, -1] > above
    last = split - 1 - drawn[:, :split][:, ::-1].argmax(axis=1) if split else np.zeros(len(weight), np.int64)
    first = split + drawn[:, split:].argmax(axis=1) if split < len(hit) else np.zeros(len(weight), np.int64)
    both = some_above & some_below
    gap = boxes.confidence[last] - boxes.confidence[first]
    way = np.divide(boxes.confidence[last] - confidence, gap, out=np.zeros(len(weight)), where=both)
    next_hits, next_found = hits_above + hit[first], above + 1
    precision = hits_above / np.maximum(above, 1)
    precision += way * (next_hits / next_found - precision)
    recall = (hits_above + way * (next_hits - hits_above)) / np.maximum(labels, 1)
    # Nothing above the confidence: precision 1 where something is below (upstream's choice), 0 where nothing is.
    precision[~some_above] = some_below[~some_above]
    recall[~some_above] = 0
    return np.column_stack([precision, recall])
