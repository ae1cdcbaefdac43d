"""The record of a training: one row per epoch, under the column names of upstream's `results.csv`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from uncover.atomic import new_file
from uncover.metrics.fitness import fitness

COLUMNS = (
    "epoch",
    "train/box_loss",
    "train/obj_loss",
    "train/cls_loss",
    "metrics/precision",
    "metrics/recall",
    "metrics/mAP_0.5",
    "metrics/mAP_0.5:0.95",
    "val/box_loss",
    "val/obj_loss",
    "val/cls_loss",
    "x/lr0",
    "x/lr1",
    "x/lr2",
    "seconds/train",
    "seconds/val",
)
"""Upstream's, and how long the epoch took. Rates are those of biases, decayed weights and weights of norms."""

Row = dict[str, float]


def epoch_row(epoch: int, values: Sequence[float], train_seconds: float, val_seconds: float) -> Row:
    """A row of the record.

    Args:
        epoch: Counted from 0.
        values: What stands between `epoch` and the seconds, in order.
        train_seconds: Time spent training.
        val_seconds: Time spent validating.
    """
    return dict(zip(COLUMNS, (epoch, *values, round(train_seconds, 3), round(val_seconds, 3)), strict=True))


def fitness_of(row: Row) -> float:
    """What early stopping maximises, of an epoch."""
    return fitness(row["metrics/mAP_0.5"], row["metrics/mAP_0.5:0.95"])


def write_record(path: Path, rows: Sequence[Row]) -> None:
    """Write `results.csv`."""
    with new_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: f"{row[name]:.6g}" for name in COLUMNS} for row in rows)


def epoch_line(rows: Sequence[Row], epochs: int) -> str:
    """What the log says after an epoch."""
    row = rows[-1]
    seconds = row["seconds/train"] + row["seconds/val"]
    left = (epochs - len(rows)) * sum(each["seconds/train"] + each["seconds/val"] for each in rows) / len(rows)
    losses = " ".join(f"{name} {row[f'train/{name}_loss']:.4f}" for name in ("box", "obj", "cls"))
    return (
        f"epoch {len(rows)}/{epochs}: {losses} | P {row['metrics/precision']:.3f} R {row['metrics/recall']:.3f}"
        f" mAP50 {row['metrics/mAP_0.5']:.3f} mAP50-95 {row['metrics/mAP_0.5:0.95']:.3f}"
        f" | {seconds:.1f} s, at most {left / 60:.1f} min left"
    )
