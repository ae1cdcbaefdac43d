"""Paired differences between the scores of two detectors on the same photos, with intervals from the same resamples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.metrics.average_precision import ap_per_class
from uncover.metrics.evaluation import SCORES, scored_classes
from uncover.metrics.intervals import Rate, mean_over_classes, percentile_interval, resample_scores
from uncover.metrics.matching import Matched, label_set, match_set
from uncover.metrics.predictions import Predictions

OF_MEANS = "F1_of_means"
"""F1 of mean P and mean R, as printed in the thesis, in addition to the mean F1 among `SCORES`."""


@dataclass(frozen=True)
class Scored:
    """Predictions on some photos, matched to their labels.

    Attributes:
        matched: Matched boxes.
        confidence: Confidence at which P, R and F1 are computed.
        values: Scores by name, means over classes; NaN without labels.
    """

    matched: Matched
    confidence: float
    values: dict[str, float]


def score(predictions: Predictions, truth: pd.DataFrame, classes: Sequence[str] | None) -> Scored:
    """Score predictions, as `evaluate` does.

    Args:
        predictions: Predictions of one detector on one set.
        truth: True boxes, as `read_truth` returns them.
        classes: Names of the classes to score; None scores all classes of the detector.

    Raises:
        InputError: A class is unknown, or a true box is in a photo without predictions.
    """
    names = scored_classes(predictions, truth, classes)
    matched = match_set(label_set(predictions, truth, names.keys()))
    metrics = ap_per_class(matched.correct, matched.confidence, matched.predicted_class, matched.true_class)
    means = [metrics.mean_precision, metrics.mean_recall, metrics.mean_f1, metrics.map50, metrics.map50_95]
    known = bool(len(metrics.class_ids))
    values = {name: mean if known else float("nan") for name, mean in zip(SCORES, means, strict=True)}
    values[OF_MEANS] = float(_harmonic(np.array(values["P"]), np.array(values["R"])))
    return Scored(matched, metrics.best_confidence if known else 0.0, values)


def paired_differences(
    one: Scored, other: Scored, resamples: int, seed: int, blocks: NDArray[np.int64] | None = None
) -> dict[str, Rate]:
    """Differences in score of the second detector minus the first on the same photos.

    Args:
        one: The first.
        other: The second, on the same photos in the same order.
        resamples: Number of bootstrap resamples for the intervals; 0 for none.
        seed: Seed of the resamples.
        blocks: int64 (photos,), number of each photo's block: photos of a block are drawn together. None draws single
            photos.

    Returns:
        Difference and interval by score.
    """
    drawn_one, drawn_other = (
        _resampled(each, resamples, seed, blocks) if resamples else dict.fromkeys(each.values, np.zeros(0))
        for each in (one, other)
    )
    return {
        name: percentile_interval(other.values[name] - one.values[name], drawn_other[name] - drawn_one[name])
        for name in one.values
    }


def in_order_of(predictions: Predictions, images: Sequence[str]) -> Predictions:
    """Predictions on a selection of photos, in the given order, so that draws are paired."""
    rows = predictions.images.set_index("image").loc[list(images)].reset_index()
    boxes = predictions.boxes[predictions.boxes["image"].isin(images)].reset_index(drop=True)
    return replace(predictions, images=rows, boxes=boxes)


def _resampled(
    scored: Scored, resamples: int, seed: int, blocks: NDArray[np.int64] | None
) -> dict[str, NDArray[np.float64]]:
    drawn = resample_scores(scored.matched, scored.confidence, resamples, seed, blocks)
    columns = (drawn.precision, drawn.recall, drawn.f1, drawn.ap50, drawn.ap50_95)
    found = {name: mean_over_classes(column) for name, column in zip(SCORES, columns, strict=True)}
    return found | {OF_MEANS: _harmonic(found["P"], found["R"])}


def _harmonic(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    total = precision + recall
    return np.divide(2 * precision * recall, total, out=np.where(np.isnan(total), np.nan, 0.0), where=total > 0)
