"""Read the outputs of commands: evaluations and trainings."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.data.blocks import BlockCount
from uncover.errors import InputError
from uncover.metrics.average_precision import fitness
from uncover.metrics.confusion import BACKGROUND
from uncover.metrics.intervals import Rate
from uncover.metrics.predictions import Alike
from uncover.tables import read_summary, read_table


def block_count(row: Mapping[Hashable, object] | pd.Series) -> BlockCount | None:
    """Blocks of photos behind the intervals of a row (columns blocks, block_kind, alone); None if it has none."""
    blocks, alone = (pd.to_numeric(str(row.get(name)), errors="coerce") for name in ("blocks", "alone"))
    return None if pd.isna(blocks) or pd.isna(alone) else BlockCount(str(row["block_kind"]), int(blocks), int(alone))


MADE_BY = "evaluate"
SCORES = ("P", "R", "F1", "F1_of_means", "AP50", "AP50_95")
MEAN = -1
"""`class_id` of the mean over classes in `curves.parquet`."""


@dataclass(frozen=True)
class EvaluationRecord:
    """Content of `summary.json` of an evaluation.

    Attributes:
        images: Photos scored.
        labels: True boxes in these photos.
        confidence: Confidence of the best mean F1; P, R and F1 are read at it.
        scores: Means over classes by name (`SCORES`); `F1_of_means` is the F1 of mean P and mean R.
        accuracy: Overall accuracy, computed as in the thesis.
        resamples: Bootstrap resamples of photos or blocks behind the intervals.
        settings: Settings of the predictions.
        blocks: Blocks of photos that the intervals count as one; None if photos are treated as independent.
    """

    images: int
    labels: int
    confidence: float
    scores: dict[str, Rate]
    accuracy: Rate
    resamples: int
    settings: dict[str, Any]
    blocks: BlockCount | None = None


@dataclass(frozen=True)
class ConfusionTable:
    """A confusion matrix.

    Attributes:
        names: Class names, with "background" last.
        counts: int64 (n, n); rows are predicted classes, columns true classes.
    """

    names: tuple[str, ...]
    counts: NDArray[np.int64]


def read_evaluation(path: Path) -> EvaluationRecord:
    """Load `summary.json` of an evaluation.

    Raises:
        InputError: The file is not such a summary.
    """
    summary = read_summary(path, ("images", "labels", "confidence", "accuracy", *SCORES), MADE_BY)
    return EvaluationRecord(
        images=int(summary["images"]),
        labels=int(summary["labels"]),
        confidence=_number(path, "confidence", summary["confidence"]),
        scores={name: _score(path, name, summary[name]) for name in SCORES},
        accuracy=_score(path, "accuracy", summary["accuracy"]),
        resamples=int(summary.get("resamples", 0)),
        settings=dict(summary.get("settings", {})),
        blocks=_blocks(path, summary.get("blocks")),
    )


def read_evaluations(
    paths: Sequence[Path], sets: Collection[str], scope: str, alike: Alike | None = None
) -> dict[str, EvaluationRecord]:
    """Load `summary.json` of several sets.

    Args:
        paths: Files in folders named `<set>/<scope>`.
        sets: Names of the expected sets.
        scope: "all" or "whole_face".
        alike: Checks settings against the predictions of other detectors; None checks these files only.

    Returns:
        Evaluations by set, in the order of `sets`.

    Raises:
        InputError: A file is not a summary, its folders name another set or scope, a set is given twice, or the
            predictions were made with different settings.
    """
    found: dict[str, EvaluationRecord] = {}
    alike = alike or Alike()
    for path in paths:
        set_name, own_scope = path.parent.parent.name, path.parent.name
        if set_name not in sets or own_scope != scope:
            raise InputError(f"{path}: is in folder {set_name}/{own_scope}; expected {'|'.join(sets)}/{scope}")
        if set_name in found:
            raise InputError(f"{path}: set {set_name} is given twice; pass one evaluation per set")
        found[set_name] = read_evaluation(path)
        alike.add(path, found[set_name].settings, path.absolute().parents[2].name)
    return {name: found[name] for name in sets if name in found}


def read_f1_curves(path: Path) -> pd.DataFrame:
    """Load the F1-confidence curves of `curves.parquet`.

    Returns:
        Columns class_id (`MEAN` for the mean), class, x (confidence), y (F1), in the order of the file.

    Raises:
        InputError: The file is not such a table, or has no curve of the mean.
    """
    curves = read_table(path, ("class_id", "class", "kind", "x", "y"), MADE_BY)
    curves = curves.loc[curves["kind"] == "f1_confidence", ["class_id", "class", "x", "y"]]
    if not (curves["class_id"] == MEAN).any():
        raise InputError(f"{path}: no curve of kind f1_confidence with class_id {MEAN} (the mean over classes)")
    return curves


def read_confusion(path: Path) -> ConfusionTable:
    """Load `confusion.csv`.

    Raises:
        InputError: The file is not a square table of counts with the same names on both axes and "background" last.
    """
    frame = read_table(path, ("predicted", BACKGROUND), MADE_BY)
    names = tuple(map(str, frame.columns[1:]))
    if names[-1] != BACKGROUND or tuple(map(str, frame["predicted"])) != names:
        raise InputError(
            f"{path}: the rows are named {list(frame['predicted'])}; expected {list(names)}, like the columns"
        )
    counts = frame[list(names)].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    wrong = np.argwhere(~(np.isfinite(counts) & (counts >= 0) & (counts == np.round(counts))))
    if len(wrong):
        row, column = wrong[0]
        value = frame[names[column]].iloc[row]
        raise InputError(f"{path}: row {row + 1}, {names[column]}: {str(value)!r}, expected a count")
    return ConfusionTable(names, counts.astype(np.int64))


def _score(path: Path, name: str, body: Any) -> Rate:
    if not isinstance(body, dict) or "value" not in body:
        raise InputError(f"{path}: {name} is {body!r}, expected value, low and high")
    return Rate(*(_number(path, f"{name}, {key}", body.get(key)) for key in ("value", "low", "high")))


def _blocks(path: Path, body: Any) -> BlockCount | None:
    try:
        return None if body is None else BlockCount(str(body["kind"]), int(body["blocks"]), int(body["alone"]))
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: blocks is {body!r}, expected kind, blocks and alone, or null") from None


def _number(path: Path, where: str, value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{path}: {where} is {value!r}, expected a number or null")
    return float(value)


LOSSES = ("box", "obj", "cls")
COLUMNS = (
    "epoch",
    *(f"{part}/{loss}_loss" for part in ("train", "val") for loss in LOSSES),
    "metrics/precision",
    "metrics/recall",
    "metrics/mAP_0.5",
    "metrics/mAP_0.5:0.95",
)
"""Columns used in figures; a record may have more."""


def read_training_record(path: Path) -> pd.DataFrame:
    """Load `results.csv`.

    Returns:
        `COLUMNS` as float64, except the epoch (int64, counted from 0); one row per epoch.

    Raises:
        InputError: The file does not exist, has no epoch, lacks a column, or has a cell that is not a number.
    """
    frame = read_table(path, COLUMNS, "train")
    if frame.empty:
        raise InputError(f"{path}: no rows; expected one row per epoch")
    numbers = frame[list(COLUMNS)].apply(pd.to_numeric, errors="coerce").astype(np.float64)
    if (bad := ~np.isfinite(numbers.to_numpy())).any():
        row, column = np.argwhere(bad)[0]
        value = frame[COLUMNS[column]].iloc[row]
        raise InputError(f"{path}: row {row + 2}, {COLUMNS[column]}: {str(value)!r}, expected a number")
    if (numbers["epoch"] != np.round(numbers["epoch"])).any() or not numbers["epoch"].is_monotonic_increasing:
        raise InputError(f"{path}: epochs {numbers['epoch'].tolist()[:5]}...; expected increasing whole numbers")
    return numbers.astype({"epoch": np.int64})


def best_row(record: pd.DataFrame) -> pd.Series:
    """The epoch whose weights a training keeps: highest fitness, the last one of several."""
    pairs = record[["metrics/mAP_0.5", "metrics/mAP_0.5:0.95"]].itertuples(index=False, name=None)
    values = [fitness(map50, map50_95) for map50, map50_95 in pairs]
    return record.iloc[len(values) - 1 - values[::-1].index(max(values))]
