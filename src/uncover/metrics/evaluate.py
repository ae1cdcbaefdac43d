"""Everything that is said about the boxes of a model on a set: scores, curves, confusion, counts, intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.datasets.blocks import BlockCount, Blocks
from uncover.errors import InputError
from uncover.metrics.average_precision import ClassMetrics, ap_per_class
from uncover.metrics.bootstrap import Resampled, mean_over_classes, resample_scores
from uncover.metrics.confusion import Confusion, confusion
from uncover.metrics.counts import ImageCount, count_images
from uncover.metrics.evaluation_record import write_evaluation
from uncover.metrics.intervals import Rate, percentile_interval
from uncover.metrics.matching import Matched, label_set, match_set
from uncover.metrics.predictions import Predictions
from uncover.parts.classes import CLASS_NAMES

SCORES = ("P", "R", "F1", "AP50", "AP50_95")


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model on a set.

    Attributes:
        images: Looked at.
        unlabelled: Of these, without a true box of the classes scored.
        labels: True boxes of the classes scored.
        other_labels: True boxes of other classes, which were left out.
        predictions: Predicted boxes of the classes scored.
        names: Classes scored, by id.
        metrics: Per class with labels.
        rates: P, R, F1, AP50, AP50_95: means over classes with labels. F1_of_means: F1 of mean P and mean R (what the
            thesis's table 4 prints). accuracy: as the thesis counts it. accuracy_surest: the same where of equal boxes
            the surest counts. NaN without labels.
        by_class: Rates of `SCORES` by class id, for classes with labels.
        confusion: At upstream's thresholds.
        found: Images with a box of the class from confidence 0.4 on, by class id.
        images_of_class: Images with a true box of the class, by class id.
        resamples: Of images or blocks, behind the intervals.
        seed: Of the resamples.
        settings: How the predictions were made.
        unpredicted: Label files of images that were not predicted on, as far as whoever read them has counted.
        blocks: Blocks of images that the intervals draw as a whole; None where nobody says what belongs together, so
            that the images were taken as independent.
    """

    images: int
    unlabelled: int
    labels: int
    other_labels: int
    predictions: int
    names: dict[int, str]
    metrics: ClassMetrics
    rates: dict[str, Rate]
    by_class: dict[int, dict[str, Rate]]
    confusion: Confusion
    found: dict[int, ImageCount]
    images_of_class: dict[int, int]
    resamples: int
    seed: int
    settings: dict[str, Any]
    unpredicted: int = 0
    blocks: BlockCount | None = None

    def with_unpredicted(self, count: int) -> Evaluation:
        """The same, with the label files counted that belong to no image."""
        return replace(self, unpredicted=count)

    def write(self, folder: Path) -> None:
        """Write `summary.json`, `classes.csv`, `curves.parquet` and `confusion.csv` into a folder of their own."""
        write_evaluation(folder, self)


def evaluate(
    predictions: Predictions,
    truth: pd.DataFrame,
    classes: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    blocks: Blocks | None = None,
) -> Evaluation:
    """Score predictions.

    Args:
        predictions: Of one model on one set.
        truth: True boxes, as `read_truth` returns them.
        classes: Names of the classes to score; None takes all that the model knows. Boxes and labels of others are
            left out, as if the model and the set had only these.
        resamples: Bootstrap resamples of images behind the intervals; 0 for none.
        seed: Of the resamples.
        blocks: What images belong to, where it is known: those of a block are drawn together. None draws images.

    Raises:
        InputError: A class is unknown, or a true box stands in an image that was not predicted on.
    """
    names = scored_classes(predictions, truth, classes)
    boxes = label_set(predictions, truth, names.keys())
    matched = match_set(boxes)
    metrics = ap_per_class(matched.correct, matched.confidence, matched.predicted_class, matched.true_class)
    matrix = confusion(boxes, names)
    surest = confusion(boxes, names, ties="surest")
    numbers = None if blocks is None else blocks.numbers(predictions.images["image"])
    resampled = resample_scores(matched, metrics.best_confidence, resamples, seed, numbers)
    rates = _overall(metrics, resampled)
    rates["accuracy"] = matrix.accuracy_interval(resamples, seed, numbers)
    rates["accuracy_surest"] = surest.accuracy_interval(resamples, seed, numbers)
    return Evaluation(
        images=boxes.images,
        unlabelled=boxes.images - len(np.unique(matched.true_image)),
        labels=len(boxes.true),
        other_labels=len(truth) - len(boxes.true),
        predictions=len(boxes.predicted),
        names=names,
        metrics=metrics,
        rates=rates,
        by_class=_by_class(metrics, resampled),
        confusion=matrix,
        found={number: count_images(predictions, number, blocks=blocks) for number in names},
        images_of_class=_images_of_class(matched, names),
        resamples=resamples,
        seed=seed,
        settings=predictions.settings,
        blocks=None if blocks is None else blocks.count(predictions.images["image"]),
    )


def scored_classes(predictions: Predictions, truth: pd.DataFrame, classes: Sequence[str] | None) -> dict[int, str]:
    """Names of the classes to score by id, rising.

    Raises:
        InputError: A name is none of the classes that the model knows.
    """
    known = dict(predictions.class_names)
    if "classes" not in predictions.settings:
        for number in map(int, truth["class_id"].unique()):
            known.setdefault(number, CLASS_NAMES[number] if number < len(CLASS_NAMES) else f"class {number}")
    if classes is not None:
        unknown = [name for name in classes if name not in known.values()]
        if unknown:
            there = ", ".join(known.values()) or "none"
            raise InputError(f"class '{unknown[0]}' is none that was predicted; expected one of: {there}")
        known = {number: name for number, name in known.items() if name in classes}
    return dict(sorted(known.items()))


def _overall(metrics: ClassMetrics, resampled: Resampled) -> dict[str, Rate]:
    columns = (resampled.precision, resampled.recall, resampled.f1, resampled.ap50, resampled.ap50_95)
    means = [mean_over_classes(column) for column in columns]
    values = [metrics.mean_precision, metrics.mean_recall, metrics.mean_f1, metrics.map50, metrics.map50_95]
    if not len(metrics.class_ids):
        values = [float("nan")] * len(values)
    rates = {name: percentile_interval(value, mean) for name, value, mean in zip(SCORES, values, means, strict=True)}
    rates["F1_of_means"] = percentile_interval(
        float(_harmonic(np.array(values[0]), np.array(values[1]))), _harmonic(means[0], means[1])
    )
    return rates


def _by_class(metrics: ClassMetrics, resampled: Resampled) -> dict[int, dict[str, Rate]]:
    values = np.column_stack([metrics.precision, metrics.recall, metrics.f1, metrics.ap50, metrics.ap50_95])
    drawn = np.stack([resampled.precision, resampled.recall, resampled.f1, resampled.ap50, resampled.ap50_95], axis=2)
    return {
        int(number): {
            name: percentile_interval(float(values[row, place]), drawn[:, row, place])
            for place, name in enumerate(SCORES)
        }
        for row, number in enumerate(metrics.class_ids)
    }


def _harmonic(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    total = precision + recall
    return np.divide(2 * precision * recall, total, out=np.where(np.isnan(total), np.nan, 0.0), where=total > 0)


def _images_of_class(matched: Matched, names: dict[int, str]) -> dict[int, int]:
    return {number: len(np.unique(matched.true_image[matched.true_class == number])) for number in names}
