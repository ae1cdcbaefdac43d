"""Read the record of a training, ours or one that YOLOv5 itself wrote, which pads its headers with blanks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from uncover.errors import InputError
from uncover.metrics.fitness import fitness
from uncover.report.csv_records import read_csv_record

LOSSES = ("box", "obj", "cls")
COLUMNS = (
    "epoch",
    *(f"{part}/{loss}_loss" for part in ("train", "val") for loss in LOSSES),
    "metrics/precision",
    "metrics/recall",
    "metrics/mAP_0.5",
    "metrics/mAP_0.5:0.95",
)
"""What figures show; a record may have more."""


def read_training_record(path: Path) -> pd.DataFrame:
    """Load `results.csv`.

    Returns:
        `COLUMNS`, float64 but for int64 epochs counted from 0; a row per epoch.

    Raises:
        InputError: It does not exist, has no epoch, lacks a column, or holds something that is no number.
    """
    frame = read_csv_record(path, COLUMNS, "train")
    if frame.empty:
        raise InputError(f"{path}: no epoch in it; expected a row per epoch")
    numbers = frame[list(COLUMNS)].apply(pd.to_numeric, errors="coerce").astype(np.float64)
    if (bad := ~np.isfinite(numbers.to_numpy())).any():
        row, column = np.argwhere(bad)[0]
        value = frame[COLUMNS[column]].iloc[row]
        raise InputError(f"{path}: row {row + 2}, {COLUMNS[column]}: {str(value)!r}, expected a number")
    if (numbers["epoch"] != np.round(numbers["epoch"])).any() or not numbers["epoch"].is_monotonic_increasing:
        raise InputError(f"{path}: epochs {numbers['epoch'].tolist()[:5]}..., expected whole numbers that rise")
    return numbers.astype({"epoch": np.int64})


def best_row(record: pd.DataFrame) -> pd.Series:
    """The epoch whose weights a training keeps: the highest fitness, the last of equals."""
    pairs = record[["metrics/mAP_0.5", "metrics/mAP_0.5:0.95"]].itertuples(index=False, name=None)
    values = [fitness(map50, map50_95) for map50, map50_95 in pairs]
    return record.iloc[len(values) - 1 - values[::-1].index(max(values))]
