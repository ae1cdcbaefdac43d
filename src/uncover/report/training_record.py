"""Read the record of a training, ours or one that YOLOv5 itself wrote, which pads its headers with blanks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from uncover.errors import InputError
from uncover.metrics.fitness import fitness

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
    try:
        frame = pd.read_csv(path, skipinitialspace=True)
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; make it with 'uncover train'") from None
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else "unreadable"
        raise InputError(f"{path}: is no CSV file ({reason}); expected a results.csv of 'uncover train'") from None
    frame.columns = frame.columns.str.strip()
    if missing := [column for column in COLUMNS if column not in frame.columns]:
        raise InputError(f"{path}: no column {missing[0]}; expected a results.csv of 'uncover train' or YOLOv5")
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
