"""Is one model better than another on the same images? The difference of their scores, with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from uncover.datasets.blocks import Blocks
from uncover.errors import InputError
from uncover.metrics.average_precision import ap_per_class
from uncover.metrics.bootstrap import mean_over_classes, resample_scores
from uncover.metrics.evaluate import scored_classes
from uncover.metrics.intervals import Rate, percentile_interval
from uncover.metrics.matching import label_set, match_set
from uncover.metrics.predictions import Predictions

Score = Literal["AP50", "AP50_95"]


@dataclass(frozen=True)
class Difference:
    """Second less first.

    Attributes:
        first: Score of the first model.
        second: Score of the second.
        difference: `second - first`, with the interval over images, or blocks of them, drawn for both alike.
    """

    first: float
    second: float
    difference: Rate


def compare(
    first: Predictions,
    second: Predictions,
    truth: pd.DataFrame,
    classes: Sequence[str] | None = None,
    score: Score = "AP50",
    resamples: int = 1000,
    seed: int = 0,
    blocks: Blocks | None = None,
) -> Difference:
    """Compare two models by a score, mean over the classes with labels, on the same draws of images.

    Args:
        first: Of one model.
        second: Of the other, on the same images.
        truth: True boxes, as `read_truth` returns them.
        classes: Names of the classes to score; None takes those that both models know.
        score: What to compare.
        resamples: Bootstrap resamples of images; 0 for no interval.
        seed: Of the resamples.
        blocks: What images belong to, where it is known: those of a block are drawn together. None draws images.

    Raises:
        InputError: The images differ, a class is unknown to one of the models, or they share none.
    """
    images = first.images["image"].sort_values(ignore_index=True)
    others = second.images["image"].sort_values(ignore_index=True)
    if not images.equals(others):
        apart = sorted(set(images) ^ set(others))
        raise InputError(f"predictions on different images, {len(apart)} in one of them only, such as {apart[0]}")
    names = [scored_classes(predictions, truth, classes) for predictions in (first, second)]
    shared = sorted(names[0].keys() & names[1].keys())
    if not shared:
        raise InputError("the two models share no class; expected predictions that can be compared")
    numbers = None if blocks is None else blocks.numbers(images)
    values, drawn = [], []
    for predictions in (first, second):
        in_order = Predictions(predictions.boxes, predictions.images.sort_values("image"), predictions.settings)
        matched = match_set(label_set(in_order, truth, shared))
        metrics = ap_per_class(matched.correct, matched.confidence, matched.predicted_class, matched.true_class)
        resampled = resample_scores(matched, metrics.best_confidence, resamples, seed, numbers)
        labelled = len(metrics.class_ids) > 0
        mean = metrics.map50 if score == "AP50" else metrics.map50_95
        values.append(mean if labelled else float("nan"))
        drawn.append(mean_over_classes(resampled.ap50 if score == "AP50" else resampled.ap50_95))
    return Difference(values[0], values[1], percentile_interval(values[1] - values[0], drawn[1] - drawn[0]))
