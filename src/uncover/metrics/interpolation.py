"""Precision over recall, as YOLOv5 reads it off; for one set of images or many resamples of it at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RECALLS: NDArray[np.float64] = np.linspace(0, 1, 101)
"""Where average precision reads precision (COCO's 101 points)."""


def precision_at_recall(
    hits: NDArray[np.number],
    found: NDArray[np.number],
    labels: NDArray[np.number],
    predictions: NDArray[np.number],
    recalls: NDArray[np.float64] = RECALLS,
) -> NDArray[np.float64]:
    """The falling envelope of precision, read at given recalls, for each of R resamples.

    Between two hits nothing but false boxes follows, so the envelope is a staircase with a step at each hit; behind the
    last hit upstream draws a straight line from the last precision down to 0 at recall 1. So the hits are all that is
    needed, a few of many predictions.

    Args:
        hits: (R, K), at each of K hits in falling order of confidence: hits up to and with it.
        found: (R, K), at each hit: predictions up to and with it.
        labels: (R,) true boxes.
        predictions: (R,) predictions in all.
        recalls: (P,) rising, 0 to 1.

    Returns:
        float64 (R, P); zeros where there is no hit, NaN where there is no label.
    """
    read = np.zeros((len(labels), len(recalls)))
    read[np.asarray(labels) == 0] = np.nan
    if not hits.shape[1]:
        return read
    # A hit of an image that was not drawn comes before anything was found: 0 of 0.
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
    """Average precision: the area under (..., P) precisions at (P,) recalls, by trapezoids."""
    heights = (precision[..., 1:] + precision[..., :-1]) / 2
    return (heights * np.diff(recalls)).sum(axis=-1)
