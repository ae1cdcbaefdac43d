"""Outputs of a training: a record of its epochs, and at the end weights and a summary.

`results.csv` has one row per epoch, with the column names of upstream YOLOv5.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from uncover.atomic import new_file
from uncover.errors import InputError
from uncover.image_files import are_rendered
from uncover.metrics.average_precision import fitness
from uncover.yolov5.checkpoint import TrainingState
from uncover.yolov5.job import Job
from uncover.yolov5.weights import TRAINED_ON_RENDERED, Header, save_weights

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
"""Columns of upstream, and the seconds of the epoch. Learning rates: biases, decayed weights, weights of norms."""

Row = dict[str, float]
NOT_IN_WEIGHTS = ("seconds", "start", "digests", "frames")


def epoch_row(epoch: int, values: Sequence[float], train_seconds: float, val_seconds: float) -> Row:
    """A row of the record.

    Args:
        epoch: Counted from 0.
        values: Values of the columns between `epoch` and the seconds, in order.
        train_seconds: Time spent training.
        val_seconds: Time spent validating.
    """
    return dict(zip(COLUMNS, (epoch, *values, round(train_seconds, 3), round(val_seconds, 3)), strict=True))


def fitness_of(row: Row) -> float:
    """Fitness of an epoch, which early stopping maximises."""
    return fitness(row["metrics/mAP_0.5"], row["metrics/mAP_0.5:0.95"])


def write_record(path: Path, rows: Sequence[Row]) -> None:
    """Write `results.csv`."""
    with new_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: f"{row[name]:.6g}" for name in COLUMNS} for row in rows)


def epoch_line(rows: Sequence[Row], epochs: int) -> str:
    """Log line of an epoch."""
    row = rows[-1]
    seconds = row["seconds/train"] + row["seconds/val"]
    left = (epochs - len(rows)) * sum(each["seconds/train"] + each["seconds/val"] for each in rows) / len(rows)
    losses = " ".join(f"{name} {row[f'train/{name}_loss']:.4f}" for name in ("box", "obj", "cls"))
    return (
        f"epoch {len(rows)}/{epochs}: {losses} | P {row['metrics/precision']:.3f} R {row['metrics/recall']:.3f}"
        f" mAP50 {row['metrics/mAP_0.5']:.3f} mAP50-95 {row['metrics/mAP_0.5:0.95']:.3f}"
        f" | {seconds:.1f} s, up to {left / 60:.1f} min left"
    )


def about_training(job: Job) -> dict[str, object]:
    """Entries of `summary.json` that are known before a training and identify it."""
    identity = job.identity()
    return {
        "model": job.settings.model,
        "input": job.input,
        "channels": job.channels,
        "classes": {
            str(number): name for number, name in zip(job.training.class_ids, job.training.class_names, strict=True)
        },
        "train_images": len(job.training.paths),
        "val_images": len(job.validation.paths),
        "settings": job.settings.model_dump(mode="json"),
        "digests": {name: identity[name] for name in ("training", "validation", "start", "maps")},
    }


def write_outcome(out: Path, job: Job, state: TrainingState, batch: int) -> dict[str, object]:
    """Write `weights.pt`, `results.csv`, and finally `summary.json`, which marks the training as finished.

    Args:
        out: Output folder.
        job: The training.
        state: State at the end of the training.
        batch: Images per step.

    Returns:
        Content of `summary.json`.
    """
    settings, best = job.settings, state.rows[state.best_epoch]
    summary: dict[str, object] = {
        "model": settings.model,
        "input": job.input,
        "channels": job.channels,
        "classes": dict(zip(job.training.class_ids, job.training.class_names, strict=True)),
        "train_images": len(job.training.paths),
        "val_images": len(job.validation.paths),
        "batch": batch,
        "epochs_run": state.epoch,
        "best_epoch": state.best_epoch,
        "best": {name: best[name] for name in best if name.startswith("metrics/")},
        "seconds": round(sum(row["seconds/train"] + row["seconds/val"] for row in state.rows), 1),
        "start": str(job.start) if job.start else None,
        "settings": settings.model_dump(),
        "digests": about_training(job)["digests"],
    }
    if are_rendered(job.training.paths):
        summary[TRAINED_ON_RENDERED] = True
    if job.frames is not None:
        summary["frames"] = job.frames
    header = Header(
        model=settings.model,
        channels=job.channels,
        class_names=job.training.class_names,
        class_ids=job.training.class_ids,
        image_size=settings.image_size,
        padding=job.padding,
        input=job.input,
        maps=job.maps,
        # Leave out what differs between runs of the same training, so that equal weights are equal files.
        training={name: value for name, value in summary.items() if name not in NOT_IN_WEIGHTS},
    )
    save_weights(out / "weights.pt", state.best, header)
    write_record(out / "results.csv", state.rows)
    with new_file(out / "summary.json") as path:
        path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return summary


def check_finished(out: Path, wanted: Mapping[str, object], state_at: Path) -> None:
    """Check that a trained model in a folder is of the training that is about to start.

    Args:
        out: Folder of the training, which need not exist.
        wanted: Entries of `summary.json` of the new training; only entries of both are compared.
        state_at: Folder of its state; exists if the training was interrupted while it wrote its outputs.

    Raises:
        InputError: The model is another one, or has no summary.
    """
    if not (out / "weights.pt").exists():
        return
    try:
        told = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        told = None
    instead = "pass another name, or remove the folder first"
    if not isinstance(told, dict):
        if state_at.exists():
            return
        raise InputError(f"{out}: has a trained model without summary.json; {instead}")
    other = _difference(told, json.loads(json.dumps(wanted)))
    if other is not None:
        raise InputError(f"{out}: has a trained model of other {other}; {instead}")


def _difference(told: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """The first difference between two summaries."""
    # Digests are least informative, so they come last.
    # Digests say least to people, so they come last.
    for name in sorted((name for name in told if name in wanted), key=lambda name: name == "digests"):
        old, new = told[name], wanted[name]
        if old == new:
            continue
        if name in ("settings", "hyperparameters", "digests"):
            other = _difference(old, new)
        elif name in ("train_images", "val_images", "training", "validation", "maps"):
            other = f"data ({name}: {old} there, {new} here)" if isinstance(old, int) else "data"
        elif name == "start":
            other = "initial weights"
        else:
            other = f"settings ({name}: {str(old)[:60]} there, {str(new)[:60]} here)"
        if other is not None:
            return other
    return None
