"""Precision, recall, F1, average precision and fitness, as YOLOv5 defines them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RECALLS: NDArray[np.float64] = np.linspace(0, 1, 101)
"""Recalls at which average precision samples the precision (COCO's 101 points)."""

CONFIDENCES: NDArray[np.float64] = np.linspace(0, 1, 1000)
"""Confidences at which precision, recall and F1 are sampled; also the recalls of precision-recall curves."""

EPSILON = 1e-16
"""Keeps F1 defined if precision and recall are 0; upstream's value."""

SMOOTHING = 0.1
"""Width of the window, as a share of the confidences, that smooths the mean F1 before its maximum is searched."""

MAP50_WEIGHT, MAP50_95_WEIGHT = 0.1, 0.9


def precision_at_recall(
    hits: NDArray[np.number],
    found: NDArray[np.number],
    labels: NDArray[np.number],
    predictions: NDArray[np.number],
    recalls: NDArray[np.float64] = RECALLS,
) -> NDArray[np.float64]:
    """Decreasing envelope of precision, sampled at given recalls, for each of R resamples.

    Between two hits there are only false positives, so the envelope is a step function with a step at each hit. After
    the last hit upstream draws a straight line from the last precision to 0 at recall 1. The hits, a small part of the
    predictions, are therefore sufficient.

    Args:
        hits: (R, K), at each of K hits in order of decreasing confidence: number of hits so far, including it.
        found: (R, K), at each hit: number of predictions so far, including it.
        labels: (R,) number of true boxes.
        predictions: (R,) total number of predictions.
        recalls: (P,) increasing, from 0 to 1.

    Returns:
        float64 (R, P); zeros without a hit, NaN without a label.
    """
    read = np.zeros((len(labels), len(recalls)))
    read[np.asarray(labels) == 0] = np.nan
    if not hits.shape[1]:
        return read
    # A hit in an image that was not drawn may precede all predictions: 0 of 0.
    precision = hits / np.maximum(found, 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    for row in np.flatnonzero((np.asarray(labels) > 0) & (hits[:, -1] > 0)):
        recall = hits[row] / labels[row]
        step = np.searchsorted(recall, recalls, side="right")
        behind = step == len(recall)
        read[row] = envelope[row, np.minimum(step, len(recall) - 1)]
        if recall[-1] < 1:
            slope = hits[row, -1] / predictions[row] / (1 - recall[-1])
            read[row, behind] = slope * (1 - recalls[behind])
        else:
            read[row, behind] = 0
    return read


def area(precision: NDArray[np.float64], recalls: NDArray[np.float64] = RECALLS) -> NDArray[np.float64]:
    """Average precision: the area under (..., P) precisions at (P,) recalls, by the trapezoidal rule."""
    heights = (precision[..., 1:] + precision[..., :-1]) / 2
    return (heights * np.diff(recalls)).sum(axis=-1)


@dataclass(frozen=True)
class ClassMetrics:
    """Scores of the C classes that have labels; all scores are from 0 to 1.

    Attributes:
        class_ids: int64 (C,), increasing.
        labels: int64 (C,), number of true boxes.
        predictions: int64 (C,), number of predicted boxes.
        ap: float64 (C, K), average precision at each IoU threshold; zeros without a prediction.
        precision_curve: float64 (C, 1000), at `CONFIDENCES`, first IoU threshold.
        recall_curve: float64 (C, 1000), at `CONFIDENCES`, first IoU threshold.
        f1_curve: float64 (C, 1000), at `CONFIDENCES`, first IoU threshold.
        precision_recall: float64 (C, 1000), precision at 1000 recalls from 0 to 1, first IoU threshold.
        best: Index into `CONFIDENCES` at which the smoothed mean F1 is highest.
    """

    class_ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    predictions: NDArray[np.int64]
    ap: NDArray[np.float64]
    precision_curve: NDArray[np.float64]
    recall_curve: NDArray[np.float64]
    f1_curve: NDArray[np.float64]
    precision_recall: NDArray[np.float64]
    best: int

    @property
    def best_confidence(self) -> float:
        """Confidence with the best mean F1, at which precision, recall and F1 are reported."""
        return float(CONFIDENCES[self.best])

    @property
    def best_of_class(self) -> NDArray[np.int64]:
        """(C,), index into `CONFIDENCES` of the best F1 of each class, computed in the same way."""
        rows = [_smooth(curve, SMOOTHING).argmax() for curve in self.f1_curve]
        return np.array(rows, np.int64)

    @property
    def precision(self) -> NDArray[np.float64]:
        """(C,), at the best confidence."""
        return self.precision_curve[:, self.best]

    @property
    def recall(self) -> NDArray[np.float64]:
        """(C,), at the best confidence."""
        return self.recall_curve[:, self.best]

    @property
    def f1(self) -> NDArray[np.float64]:
        """(C,), at the best confidence."""
        return self.f1_curve[:, self.best]

    @property
    def ap50(self) -> NDArray[np.float64]:
        """(C,), average precision at the first IoU threshold."""
        return self.ap[:, 0]

    @property
    def ap50_95(self) -> NDArray[np.float64]:
        """(C,), average precision, mean over IoU thresholds."""
        return self.ap.mean(axis=1)

    @property
    def mean_precision(self) -> float:
        """Mean precision over classes; 0 without labels, as in upstream's training record."""
        return _mean(self.precision)

    @property
    def mean_recall(self) -> float:
        """Mean recall over classes; 0 without labels."""
        return _mean(self.recall)

    @property
    def mean_f1(self) -> float:
        """Mean of the F1 of classes, not F1 of the means; 0 without labels."""
        return _mean(self.f1)

    @property
    def map50(self) -> float:
        """Mean AP50 over classes; 0 without labels."""
        return _mean(self.ap50)

    @property
    def map50_95(self) -> float:
        """Mean AP50-95 over classes; 0 without labels."""
        return _mean(self.ap50_95)


def confidence_order(confidence: NDArray[np.floating]) -> NDArray[np.int64]:
    """Order of decreasing confidence. Same call as upstream, so that boxes of equal confidence have the same order."""
    return np.argsort(-confidence)


def ap_per_class(
    correct: NDArray[np.bool_],
    confidence: NDArray[np.floating],
    predicted_class: NDArray[np.number],
    true_class: NDArray[np.number],
) -> ClassMetrics:
    """Score the boxes of all images together; equals the function of this name in yolov5 7.0.14.

    Args:
        correct: bool (N, K), whether each prediction is correct at each IoU threshold.
        confidence: (N,), 0 to 1.
        predicted_class: (N,), ids.
        true_class: (M,), ids of the true boxes.
    """
    order = confidence_order(confidence)
    correct, confidence, predicted_class = correct[order], confidence[order], predicted_class[order]
    class_ids, labels = np.unique(true_class, return_counts=True)
    count, points = len(class_ids), len(CONFIDENCES)
    ap = np.zeros((count, correct.shape[1]))
    curves = np.zeros((3, count, points))
    predictions = np.zeros(count, np.int64)
    for row, class_id in enumerate(class_ids):
        own = predicted_class == class_id
        predictions[row] = own.sum()
        if predictions[row]:
            curves[:2, row] = _curves_over_confidence(correct[own, 0], confidence[own], labels[row])
            for place, hit in enumerate(correct[own].T):
                ap[row, place] = area(_envelope(hit, labels[row]))
            curves[2, row] = _envelope(correct[own, 0], labels[row], CONFIDENCES)
    precision, recall, precision_recall = curves
    f1 = 2 * precision * recall / (precision + recall + EPSILON)
    best = int(_smooth(f1.mean(axis=0), SMOOTHING).argmax()) if count else 0
    ids = class_ids.astype(np.int64)
    return ClassMetrics(ids, labels, predictions, ap, precision, recall, f1, precision_recall, best)


def _curves_over_confidence(
    hit: NDArray[np.bool_], confidence: NDArray[np.floating], labels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision and recall of one class at `CONFIDENCES`; 1 and 0 above its highest confidence."""
    hits = hit.cumsum()
    found = np.arange(1, len(hit) + 1)
    precision = np.interp(-CONFIDENCES, -confidence, hits / found, left=1)
    recall = np.interp(-CONFIDENCES, -confidence, hits / labels, left=0)
    return precision, recall


def _envelope(hit: NDArray[np.bool_], labels: int, recalls: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    places = np.flatnonzero(hit)
    hits, found = np.arange(1, len(places) + 1)[None], (places + 1)[None]
    grid = {} if recalls is None else {"recalls": recalls}
    return precision_at_recall(hits, found, np.array([labels]), np.array([len(hit)]), **grid)[0]


def _smooth(values: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Mean over an odd window of about `share` of the values, padded with the first and last value."""
    width = round(len(values) * share * 2) // 2 + 1
    padded = np.pad(values, width // 2, mode="edge")
    return np.convolve(padded, np.full(width, 1 / width), mode="valid")


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0


def fitness(map50: float, map50_95: float) -> float:
    """Weighted sum of the two mean average precisions (thesis section 4.3)."""
    return MAP50_WEIGHT * map50 + MAP50_95_WEIGHT * map50_95
