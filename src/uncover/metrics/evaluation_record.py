"""The record of an evaluation on disk, which tables and figures read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from uncover.atomic import new_folder
from uncover.metrics.average_precision import CONFIDENCES
from uncover.metrics.counts import CONFIDENCE, count_class
from uncover.metrics.intervals import LEVEL

if TYPE_CHECKING:
    from uncover.metrics.evaluate import Evaluation

MEAN_ID, MEAN_NAME = -1, "all classes"


def write_evaluation(folder: Path, evaluation: Evaluation) -> None:
    """Write `summary.json`, `classes.csv`, `curves.parquet` and `confusion.csv` into a folder of their own."""
    with new_folder(folder, "evaluate") as new:
        text = json.dumps(summary(evaluation), indent=2, allow_nan=False)
        (new / "summary.json").write_text(text + "\n", encoding="utf-8")
        class_table(evaluation).to_csv(new / "classes.csv", index=False, lineterminator="\n")
        curves(evaluation).to_parquet(new / "curves.parquet", index=False)
        evaluation.confusion.to_frame().to_csv(new / "confusion.csv", index=False, lineterminator="\n")


def summary(evaluation: Evaluation) -> dict[str, Any]:
    """What `summary.json` says; rates are shares of 1 with their intervals, null where there is none."""
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
    """One row per class scored; a class without labels has no scores.

    P, R and F1 are read at the confidence that is best for the mean over classes, best_F1 at the class's own best.
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
    scores = ["P", "R", "F1", "AP50", "AP50_95"]
    columns = ["class_id", "class", "images", "labels", *scores, "best_confidence", "best_F1"]
    columns += [f"{score}_{end}" for score in scores for end in ("low", "high")]
    columns += ["true_positives", "false_positives", "false_negatives"]
    return pd.DataFrame(rows, columns=[*columns, "background_found", "taken_for_background", "images_found"])


def curves(evaluation: Evaluation) -> pd.DataFrame:
    """F1 over confidence and precision over recall at IoU 0.5: class_id, class, kind, x, y.

    The mean over classes has class_id -1; without labels there is no curve at all.
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
