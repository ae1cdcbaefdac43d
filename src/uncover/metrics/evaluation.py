"""Evaluation of a detector's boxes on a set of images: computed, stored, printed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.atomic import new_folder
from uncover.data.blocks import BlockCount, Blocks
from uncover.data.parts import CLASS_NAMES
from uncover.errors import InputError
from uncover.metrics.average_precision import CONFIDENCES, ClassMetrics, ap_per_class
from uncover.metrics.confusion import Confusion, confusion
from uncover.metrics.counts import CONFIDENCE, ImageCount, count_class, count_images
from uncover.metrics.intervals import LEVEL, Rate, Resampled, mean_over_classes, percentile_interval, resample_scores
from uncover.metrics.matching import Matched, label_set, match_set
from uncover.metrics.predictions import Predictions

MEAN_ID, MEAN_NAME = -1, "all classes"
SCORES = ("P", "R", "F1", "AP50", "AP50_95")


MISSING = "n/a"
HEADINGS = {"P": "P", "R": "R", "F1": "F1", "AP50": "AP50", "AP50_95": "AP50-95"}


@dataclass(frozen=True)
class Evaluation:
    """Scores of a detector on a set of images, with 95 % intervals.

    `to_pandas` gives a table, `str` the text that `uncover evaluate` prints, `write` the files of its `--out`.

    Attributes:
        images: Number of images.
        unlabelled: Number of images without a true box of the scored classes.
        labels: Number of true boxes of the scored classes.
        other_labels: Number of true boxes of other classes; they are left out.
        predictions: Number of predicted boxes of the scored classes.
        names: Scored classes by id.
        metrics: Metrics per class that has labels, with their curves.
        rates: P, R, F1, AP50, AP50_95: means over the classes that have labels, each a `Rate` with value, low and high.
            F1_of_means: F1 of mean P and mean R (printed in table 4 of the thesis). accuracy: as the thesis counts it;
            accuracy_surest: the same, but of equal boxes the one of highest confidence counts. NaN without labels.
        by_class: P, R, F1, AP50, AP50_95 by class id, for classes that have labels.
        confusion: Confusion matrix at the thresholds of upstream YOLOv5.
        found: Images with a box of the class of confidence `0.4` or more, by class id.
        images_of_class: Number of images with a true box of the class, by class id.
        resamples: Bootstrap resamples behind the intervals.
        seed: Seed of the bootstrap.
        settings: How the predictions were made.
        unpredicted: Number of label files of images without predictions.
        blocks: Blocks of images that the bootstrap draws; None if images were drawn as independent.
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

    def __str__(self) -> str:
        """The table that `uncover evaluate` prints."""
        return as_text(self)

    def to_pandas(self) -> pd.DataFrame:
        """Scores with their 95 % intervals.

        Returns:
            One row per class, first "all classes" (the means over classes with labels): class, images (with a true box
            of the class), labels, and for each of P, R, F1, AP50 and AP50_95 the value, `_low` and `_high`. NaN for a
            class without labels, and for ends of intervals without resamples.
        """
        images, labels = self.images - self.unlabelled, self.labels
        rows: list[dict[str, object]] = [{"class": MEAN_NAME, "images": images, "labels": labels} | _cells(self.rates)]
        for number, name in self.names.items():
            of_class = count_class(self.confusion, number).labels
            counts = {"class": name, "images": self.images_of_class[number], "labels": of_class}
            rows.append(counts | _cells(self.by_class.get(number, {})))
        return pd.DataFrame(rows)

    def with_unpredicted(self, count: int) -> Evaluation:
        """The same evaluation, with the number of label files that belong to no image."""
        return replace(self, unpredicted=count)

    def write(self, folder: Path) -> None:
        """Write `summary.json`, `classes.csv`, `curves.parquet` and `confusion.csv` to a folder."""
        with new_folder(folder, "evaluate") as new:
            text = json.dumps(summary(self), indent=2, allow_nan=False)
            (new / "summary.json").write_text(text + "\n", encoding="utf-8")
            class_table(self).to_csv(new / "classes.csv", index=False, lineterminator="\n")
            curves(self).to_parquet(new / "curves.parquet", index=False)
            self.confusion.to_frame().to_csv(new / "confusion.csv", index=False, lineterminator="\n")


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
        predictions: Predictions of one model on one set.
        truth: True boxes, as `read_truth` returns them.
        classes: Names of the classes to score; None scores all classes of the model. Boxes and labels of other classes
            are left out.
        resamples: Number of bootstrap resamples for the intervals; 0 for none.
        seed: Seed of the resamples.
        blocks: Blocks of the images, if known: images of a block are drawn together. None draws single images.

    Raises:
        InputError: A class is unknown, or a true box is in an image without predictions.
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
    """Names of the classes to score by id, increasing.

    Raises:
        InputError: A name is not a class of the model.
    """
    known = dict(predictions.class_names)
    if "classes" not in predictions.settings:
        for number in map(int, truth["class_id"].unique()):
            known.setdefault(number, CLASS_NAMES[number] if number < len(CLASS_NAMES) else f"class {number}")
    if classes is not None:
        unknown = [name for name in classes if name not in known.values()]
        if unknown:
            there = ", ".join(known.values()) or "none"
            raise InputError(f"class '{unknown[0]}': the detector has no such class; expected one of: {there}")
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


def _cells(rates: Mapping[str, Rate]) -> dict[str, float]:
    """Values and ends of intervals by column; NaN where there is no rate."""
    found = {score: rates.get(score, Rate(math.nan)) for score in SCORES}
    ends = {"": "value", "_low": "low", "_high": "high"}
    return {f"{score}{end}": getattr(rate, name) for score, rate in found.items() for end, name in ends.items()}


def summary(evaluation: Evaluation) -> dict[str, Any]:
    """Content of `summary.json`; rates are from 0 to 1, with intervals, or null if undefined."""
    matrix = evaluation.confusion
    return {
        "images": evaluation.images,
        "images_without_labels": evaluation.unlabelled,
        "labels": evaluation.labels,
        "labels_of_other_classes": evaluation.other_labels,
        "label_files_without_predictions": evaluation.unpredicted,
        "predictions": evaluation.predictions,
        "classes": list(evaluation.names.values()),
        "confidence": evaluation.metrics.best_confidence if evaluation.labels else None,
        **{name: rate.as_json() for name, rate in evaluation.rates.items()},
        "accuracy_all_cells": _or_null(matrix.accuracy_all_cells),
        "confusion": {
            "confidence": matrix.confidence,
            "iou": matrix.iou,
            "left_out": int(matrix.left_out.sum()),
        },
        "found": {
            "confidence": CONFIDENCE,
            "by_class": {
                evaluation.names[number]: {"images": count.found, **count.share.as_json()}
                for number, count in evaluation.found.items()
            },
        },
        "resamples": evaluation.resamples,
        "blocks": None if evaluation.blocks is None else evaluation.blocks.as_json(),
        "level": LEVEL,
        "seed": evaluation.seed,
        "settings": evaluation.settings,
    }


def class_table(evaluation: Evaluation) -> pd.DataFrame:
    """One row per scored class; a class without labels has no scores.

    P, R and F1 are at the confidence with the best mean F1, best_F1 at the class's own best confidence.
    """
    metrics = evaluation.metrics
    row_of = {int(number): row for row, number in enumerate(metrics.class_ids)}
    rows = []
    for number, name in evaluation.names.items():
        count = count_class(evaluation.confusion, number)
        row: dict[str, object] = {
            "class_id": number,
            "class": name,
            "images": evaluation.images_of_class[number],
            "labels": count.labels,
        }
        rates = evaluation.by_class.get(number, {})
        row |= {score: rate.value for score, rate in rates.items()}
        if number in row_of:
            best = metrics.best_of_class[row_of[number]]
            row |= {"best_confidence": CONFIDENCES[best], "best_F1": metrics.f1_curve[row_of[number], best]}
        row |= {f"{score}_{end}": getattr(rate, end) for score, rate in rates.items() for end in ("low", "high")}
        row |= {
            "true_positives": count.true_positives,
            "false_positives": count.false_positives,
            "false_negatives": count.false_negatives,
            "background_found": count.background_found,
            "taken_for_background": count.taken_for_background,
            "images_found": evaluation.found[number].found,
        }
        rows.append(row)
    columns = ["class_id", "class", "images", "labels", *SCORES, "best_confidence", "best_F1"]
    columns += [f"{score}_{end}" for score in SCORES for end in ("low", "high")]
    columns += ["true_positives", "false_positives", "false_negatives"]
    return pd.DataFrame(rows, columns=[*columns, "background_found", "taken_for_background", "images_found"])


def curves(evaluation: Evaluation) -> pd.DataFrame:
    """F1 over confidence and precision over recall at IoU 0.5: class_id, class, kind, x, y.

    The mean over classes has class_id -1; without labels the table is empty.
    """
    metrics = evaluation.metrics
    parts = []
    for kind, values in (("f1_confidence", metrics.f1_curve), ("precision_recall", metrics.precision_recall)):
        named = [
            (number, evaluation.names[number], values[row]) for row, number in enumerate(metrics.class_ids.tolist())
        ]
        if named:
            named.append((MEAN_ID, MEAN_NAME, values.mean(axis=0)))
        for number, name, y in named:
            parts.append(pd.DataFrame({"class_id": number, "class": name, "kind": kind, "x": CONFIDENCES, "y": y}))
    empty = pd.DataFrame({"class_id": np.zeros(0, np.int64), "class": "", "kind": "", "x": 0.0, "y": 0.0}, index=[])
    return pd.concat(parts, ignore_index=True) if parts else empty


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value


def as_text(evaluation: Evaluation) -> str:
    """Table with a row per class below the means, then intervals and counts; no final line break."""
    rows = [["class", "images", "labels", *HEADINGS.values()]]
    counts = [str(evaluation.images - evaluation.unlabelled), str(evaluation.labels)]
    rows.append(["all", *counts, *(_number(evaluation.rates[score].value) for score in HEADINGS)])
    for title, end in (("  95 %, from", "low"), ("  to", "high")):
        ends = [getattr(evaluation.rates[score], end) for score in HEADINGS]
        if not all(map(math.isnan, ends)):
            rows.append([title, "", "", *map(_number, ends)])
    for number, name in evaluation.names.items():
        labels = count_class(evaluation.confusion, number).labels
        scores = evaluation.by_class.get(number)
        numbers = [_number(scores[score].value if scores else math.nan) for score in HEADINGS]
        rows.append([name, str(evaluation.images_of_class[number]), str(labels), *numbers])
    return "\n".join([*_align(rows), "", *_remarks(evaluation)])


def _remarks(evaluation: Evaluation) -> list[str]:
    matrix = evaluation.confusion
    lines = [
        f"{evaluation.images} images ({evaluation.unlabelled} without a label of these classes), "
        f"{evaluation.predictions} predicted boxes",
    ]
    if evaluation.labels:
        lines.append(f"P, R and F1 at confidence {evaluation.metrics.best_confidence:.3f} (best mean F1)")
        lines.append(
            f"accuracy at confidence {matrix.confidence}, IoU {matrix.iou}: {_rate(evaluation.rates['accuracy'])}; "
            f"with the most confident of equal boxes {_number(evaluation.rates['accuracy_surest'].value)}, "
            f"of all cells of the confusion matrix {_number(matrix.accuracy_all_cells)}"
        )
    for number, name in evaluation.names.items():
        found = evaluation.found[number]
        lines.append(
            f"images with {name} at confidence {CONFIDENCE}: {found.found} of {found.images}, {_rate(found.share)}"
        )
    lines.append(f"intervals: {_how_drawn(evaluation)}")
    left_out = int(matrix.left_out.sum())
    if left_out:
        lines.append(
            f"boxes above confidence {matrix.confidence} in images without a matched box: {left_out}; the confusion "
            "matrix does not count them, as in upstream"
        )
    if evaluation.other_labels:
        lines.append(f"left out {evaluation.other_labels} labels of other classes")
    if evaluation.unpredicted:
        lines.append(f"left out {evaluation.unpredicted} label files of images without predictions")
    return lines


def _how_drawn(evaluation: Evaluation) -> str:
    blocks = evaluation.blocks
    if blocks is None:
        return (
            "images are drawn independently, although images of one infant, person or video are similar; define "
            "blocks with blocks.csv or --blocks"
        )
    alone = f", including {blocks.alone} images of no known one" if blocks.alone else ""
    return f"images of one {blocks.kind} are drawn together: {blocks.blocks} blocks{alone}"


def _align(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _rate(rate: Rate) -> str:
    interval = "" if math.isnan(rate.low) else f" ({rate.low:.3f} to {rate.high:.3f})"
    return _number(rate.value) + interval


def _number(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value:.3f}"
