"""Records with known content, as the commands of training and evaluation leave them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tests.rescue.sets import STATED

PUBLISHED = Path(__file__).parents[2] / "config" / "published.yaml"
SCORES = {"P": 0.8, "R": 0.7, "F1": 0.74, "F1_of_means": 0.75, "AP50": 0.78, "AP50_95": 0.4}
METRICS = ("metrics/precision", "metrics/recall", "metrics/mAP_0.5", "metrics/mAP_0.5:0.95")
LOSSES = tuple(f"{part}/{loss}_loss" for part in ("train", "val") for loss in ("box", "obj", "cls"))


def write_summary(folder: Path, scores: Mapping[str, float] = SCORES, **changes: object) -> Path:
    """`summary.json` of an evaluation; each score has an interval 0.01 wide on both sides."""
    summary: dict[str, object] = {
        "images": 60,
        "labels": 700,
        "predictions": 9000,
        "confidence": 0.412,
        "accuracy": {"value": 0.831, "low": 0.82, "high": 0.84},
        "resamples": 1000,
        "settings": {"model": "yolov5n", "confidence": 0.001, **STATED, "image_size": 320, "nms_iou": 0.5},
    }
    summary |= {name: {"value": value, "low": value - 0.01, "high": value + 0.01} for name, value in scores.items()}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "summary.json"
    path.write_text(json.dumps(summary | changes), encoding="utf-8")
    return path


def write_confusion(folder: Path, names: Sequence[str], counts: Sequence[Sequence[int]]) -> Path:
    """`confusion.csv` of an evaluation; `names` without the background."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "confusion.csv"
    frame = pd.DataFrame(counts, columns=[*names, "background"])
    frame.insert(0, "predicted", [*names, "background"])
    frame.to_csv(path, index=False)
    return path


def write_classes(folder: Path, counts: Mapping[str, int], class_id: int = 2) -> Path:
    """`classes.csv` of an evaluation of one class."""
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([{"class_id": class_id, "class": "whole face", **counts}]).to_csv(folder / "classes.csv", index=False)
    return folder / "classes.csv"


def write_curves(folder: Path, peaks: Mapping[str, tuple[float, float]]) -> Path:
    """`curves.parquet` with tents over the confidence, by class: where the top is, and how high; the mean over them."""
    x = np.linspace(0, 1, 101)
    tents = {name: high * (1 - np.abs(x - at)) for name, (at, high) in peaks.items()}
    rows = [("all classes", -1, np.mean(list(tents.values()), axis=0))]
    rows += [(name, number, y) for number, (name, y) in enumerate(tents.items())]
    curves = pd.concat(
        [
            pd.DataFrame({"class_id": number, "class": name, "kind": kind, "x": x, "y": y})
            for name, number, y in rows
            for kind in ("f1_confidence", "precision_recall")
        ]
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "curves.parquet"
    curves.to_parquet(path)
    return path


def training_rows(epochs: int, best: int, class_loss: float = 0.02) -> pd.DataFrame:
    """A record whose losses fall by the epoch, and whose metrics are best at one of them."""
    epoch = np.arange(epochs)
    frame = pd.DataFrame({"epoch": epoch})
    for number, name in enumerate(LOSSES):
        frame[name] = (0.05 + 0.01 * number) / (1 + epoch)
    frame[["train/cls_loss", "val/cls_loss"]] *= class_loss > 0
    for number, name in enumerate(METRICS):
        frame[name] = 0.9 - 0.1 * number - 0.01 * np.abs(epoch - best)
    return frame


def write_record(folder: Path, frame: pd.DataFrame) -> Path:
    """`results.csv` of a training."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "results.csv", index=False)
    return folder / "results.csv"
