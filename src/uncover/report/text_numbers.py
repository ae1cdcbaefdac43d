"""Sources of our own values for the numbers that the thesis gives only in its running text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from uncover.metrics.intervals import Rate, wilson
from uncover.report.records import read_confusion, read_evaluation, read_training_record
from uncover.report.titles import THESIS_MODELS
from uncover.tables import read_summary, read_table

SETTINGS = "settings"
"""Record name for values from the config of the run, which is not a file of the run."""

RGB_TABLES = "rgb_tables"
"""Folder of the evaluations for tables 4 to 6, which use boxes of the RGB detectors at their own IoU of NMS."""

Reader = Callable[[Any], Rate | None]


@dataclass(frozen=True)
class NumberSource:
    """Source of a number.

    Attributes:
        record: File below the folder of a run, or `SETTINGS`.
        read: Reads the number from the path, or from the nested settings; None if it is not there.
        caveat: Remark on its interval.
    """

    record: str
    read: Reader
    caveat: str = ""


def _cell(record: str, where: Mapping[str, object], column: str, factor: float = 1.0) -> NumberSource:
    """A cell of a CSV file, with its interval if it has one, in the only row with the values of `where`."""

    def read(path: Path) -> Rate | None:
        row = _row(path, where, column)
        names = (column, f"{column}_low", f"{column}_high")
        values = [factor * float(row[name]) if row is not None and name in row else float("nan") for name in names]
        return None if pd.isna(values[0]) else Rate(*values)

    return NumberSource(record, read)


def _incorrect(model: str, set_name: str) -> NumberSource:
    def read(path: Path) -> Rate | None:
        row = _row(path, {"set": set_name, "threshold": "set"}, "images_with_boxes", "images_correct")
        value = None if row is None else float(row["images_with_boxes"]) - float(row["images_correct"])
        return None if value is None or pd.isna(value) else Rate(value)

    return NumberSource(f"metrics/{model}/rescue.csv", read)


def _row(path: Path, where: Mapping[str, object], *columns: str) -> pd.Series | None:
    table = read_table(path, (*where, *columns), path.stem)
    for column, value in where.items():
        table = table[table[column] == value]
    return table.iloc[0] if len(table) == 1 else None


def _sum(record: str, column: str) -> NumberSource:
    return NumberSource(record, lambda path: Rate(float(read_table(path, (column,), path.stem)[column].sum())))


def _photos(set_name: str) -> NumberSource:
    return _json(f"datasets/{set_name}/summary.json", "photos", made_by="labels")


def _rows(record: str, column: str) -> NumberSource:
    return NumberSource(record, lambda path: Rate(float(len(read_table(path, (column,), path.stem)))))


def _missed(set_name: str, tested: bool = False) -> NumberSource:
    def read(path: Path) -> Rate:
        missed = read_table(path, ("image", "missed"), "missed")["missed"]
        return Rate(float(len(missed) if tested else missed.sum()))

    return NumberSource(f"missed/{set_name}.csv", read)


def _json(record: str, *keys: str, made_by: str) -> NumberSource:
    def read(path: Path) -> Rate | None:
        return _number(read_summary(path, keys[:1], made_by), keys)

    return NumberSource(record, read)


def _number(values: Any, keys: tuple[str, ...]) -> Rate | None:
    for key in keys:
        values = values.get(key) if isinstance(values, Mapping) else None
    return None if values is None else Rate(float(values))


def _setting(key: str, change: Callable[[float], float] = float) -> NumberSource:
    def read(settings: Mapping[str, Any]) -> Rate | None:
        number = _number(settings, tuple(key.split(".")))
        return None if number is None else Rate(change(number.value))

    return NumberSource(SETTINGS, read)


def _percent(value: float) -> float:
    return round(100 * value, 6)


def _score(set_name: str, name: str, scope: str = "all", factor: float = 1.0) -> NumberSource:
    """A score of the ten-part detector; `name` is one of an evaluation's scores, "accuracy" or "confidence"."""

    def read(path: Path) -> Rate | None:
        evaluation = read_evaluation(path)
        if name == "confidence":
            rate = Rate(evaluation.confidence)
        else:
            rate = evaluation.accuracy if name == "accuracy" else evaluation.scores[name]
        return None if pd.isna(rate.value) else Rate(*(factor * end for end in (rate.value, rate.low, rate.high)))

    return NumberSource(f"{RGB_TABLES}/metrics/rgb10/{set_name}/{scope}/summary.json", read)


def _confusion(set_name: str, predicted: str, true: str) -> NumberSource:
    """Percentage of a true class's boxes (or of background) predicted as a class, with Wilson's interval."""

    def read(path: Path) -> Rate | None:
        confusion = read_confusion(path)
        row, column = confusion.names.index(predicted), confusion.names.index(true)
        total = int(confusion.counts[:, column].sum())
        share = wilson(int(confusion.counts[row, column]), total)
        return Rate(100 * share.value, 100 * share.low, 100 * share.high) if total else None

    caveat = "interval treats boxes as independent, although those of one photo are not"
    return NumberSource(f"{RGB_TABLES}/metrics/rgb10/{set_name}/all/confusion.csv", read, caveat)


def _curve(column: str, epoch: int | None) -> NumberSource:
    """A value of the ten-part detector's training, at one epoch or the maximum."""

    def read(path: Path) -> Rate:
        values = read_training_record(path)[column]
        return Rate(float(values.max() if epoch is None else values.iloc[epoch]))

    return NumberSource("models/rgb10/results.csv", read)


def _detections(set_name: str, models: tuple[str, ...] = tuple(THESIS_MODELS)) -> dict[str, NumberSource]:
    """Photos detected correctly and incorrectly at the threshold that is best on the scored set, as in the thesis."""
    where = {"set": set_name, "threshold": "set"}
    right = {
        f"{set_name}_{model}_correct": _cell(f"metrics/{model}/rescue.csv", where, "images_correct") for model in models
    }
    return right | {f"{set_name}_{model}_incorrect": _incorrect(model, set_name) for model in models}


def _heatmaps(set_name: str, threshold: str = "val") -> NumberSource:
    return _cell("metrics/gradcampp_avg/rescue.csv", {"set": set_name, "threshold": threshold}, "heatmaps")


def _counts(model: str) -> dict[str, NumberSource]:
    columns = {"true_positive": "Found", "false_positive": "False", "false_negative": "Missed"}
    return {
        f"val_{model}_{name}": _cell("tables/table_val_counts.csv", {"Model": model}, column)
        for name, column in columns.items()
    }


def _hand_over_face(model: str) -> dict[str, NumberSource]:
    record, where = "tables/table_hof.csv", {"Model": model}
    return {
        f"hof_{model}_found": _cell(record, where, "Detected"),
        f"hof_{model}_share": _cell(record, where, "Share", 100),
    }


SOURCES: dict[str, NumberSource] = {
    "preterm_web_images": _photos("preterm_web"),
    "train_images_kept": _sum("tables/table_02.csv", "Train"),
    "evolve_generations": _rows("evolution/history.csv", "generation"),
    "evolve_best_generation": _json("evolution/best.json", "generation", made_by="evolution_history"),
    "evolve_mutation_probability": _setting("evolution.mutation_probability", _percent),
    "evolve_mutation_variance": _setting("evolution.mutation_sigma", lambda sigma: round(sigma**2, 9)),
    "epochs_allowed": _json("models/rgb10/summary.json", "settings", "epochs", made_by="train"),
    "epoch_stopped": _json("models/rgb10/summary.json", "epochs_run", made_by="train"),
    "best_f1_confidence": _score("val", "confidence"),
    **{f"{name}_loss_first": _curve(f"train/{name}_loss", 0) for name in ("box", "cls", "obj")},
    **{f"{name}_loss_last": _curve(f"train/{name}_loss", -1) for name in ("box", "cls", "obj")},
    "curve_map50": _curve("metrics/mAP_0.5", None),
    "curve_map50_95": _curve("metrics/mAP_0.5:0.95", None),
    "val_accuracy_mouth": _confusion("val", "mouth", "mouth"),
    "val_accuracy_eyes": _confusion("val", "eyes", "eyes"),
    "val_accuracy_whole_face": _confusion("val", "whole face", "whole face"),
    **{f"{name}_accuracy": _score(name, "accuracy", factor=100) for name in ("val", "merl", "wflw")},
    "merl_eyes_false_positive": _confusion("merl", "eyes", "background"),
    "merl_eyes_false_negative": _confusion("merl", "background", "eyes"),
    "merl_nose_as_eyes_nose": _confusion("merl", "nose", "eyes nose"),
    "val_faces": _cell("tables/table_val_counts.csv", {"Model": "rgb10"}, "Faces"),
    **_counts("rgb1"),
    **_counts("rgb10"),
    "hof_confidence": _setting("rescue.missed_confidence"),
    "hof_nms_iou": _setting("prediction.nms_iou"),
    "hof_faces": _cell("tables/table_hof.csv", {"Model": "rgb10"}, "Frames"),
    **_hand_over_face("rgb10"),
    **_hand_over_face("rgb1"),
    "validation_confidence": _setting("prediction.confidence"),
    "validation_nms_iou": _setting("prediction.nms_iou_rgb_tables"),
    **{f"{name}_missed": _missed(name) for name in ("merl", "wflw", "hof")},
    **{f"{name}_tested": _missed(name, tested=True) for name in ("merl", "wflw")},
    **{f"{name}_heatmaps": _heatmaps(name) for name in ("merl", "wflw", "hof", "slapi_easy")},
    **_detections("merl"),
    **_detections("wflw"),
    "slapi_nms_iou": _setting("prediction.nms_iou"),
    "slapi_confidence": _setting("rescue.missed_confidence"),
    "slapi_hard_hirescam_avg_correct": _detections("slapi_hard")["slapi_hard_hirescam_avg_correct"],
    "conclusion_merl_f1": _score("merl", "F1_of_means", factor=100),
    "conclusion_wflw_f1": _score("wflw", "F1_of_means", factor=100),
    "conclusion_slapi_hard_f1": _cell("tables/table_10.csv", {"Set": "Hard"}, "F1", 100),
}
"""Sources by name of the number in published.yaml, for numbers that a run has."""

WITHOUT_SOURCE = {
    "train_images": "this project checks labels before it counts them",
    "hof_gradcampp_avg_errors": "counted by hand, which no run does",
    "slapi_low_gradcampp_avg_easy": "no record of this run counts at confidence 0.001",
    "slapi_low_gradcampp_10_easy": "no record of this run counts at confidence 0.001",
    "slapi_low_gradcampp_10_medium": "no record of this run counts at confidence 0.001",
    "slapi_low_gradcampp_10_hard": "no record of this run counts at confidence 0.001",
}
"""Reason by name, for numbers that a run does not have."""

RECORDS = tuple(sorted({source.record for source in SOURCES.values()} - {SETTINGS}))
"""Files below the folder of a run that the sources read, except files that a run may lack."""
