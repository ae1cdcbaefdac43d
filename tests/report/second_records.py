"""Records of the second step with known content, written by the program's own writers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from tests.rescue.sets import STATED
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.metrics.evaluation import evaluate
from uncover.metrics.intervals import wilson
from uncover.metrics.predictions import Predictions, write_predictions
from uncover.rescue.missed import write_missed
from uncover.rescue.second_step import COLUMNS, as_table

MODELS = ("gradcampp_avg", "hirescam_avg", "gradcampp_10", "hirescam_10")
SIDE = 100
FACE = {"x1": 20.0, "y1": 20.0, "x2": 60.0, "y2": 60.0}
BESIDE = {"x1": 70.0, "y1": 70.0, "x2": 90.0, "y2": 90.0}

Boxes = Sequence[tuple[str, float, bool]]
"""Image, confidence, whether it is on the face."""


def predictions(images: Sequence[str], boxes: Boxes, **settings: object) -> Predictions:
    """Whole-face boxes, on the face or beside it."""
    rows = [
        {"image": image, "class": CLASS_NAMES[WHOLE_FACE], "class_id": WHOLE_FACE, "confidence": confidence}
        | (FACE if right else BESIDE)
        for image, confidence, right in boxes
    ]
    table = pd.DataFrame(rows, columns=["image", "class", "class_id", "confidence", *FACE])
    sizes = pd.DataFrame({"image": list(images), "width": SIDE, "height": SIDE})
    stated = {"model": "yolov5n", "confidence": 0.001, **STATED, "image_size": 96}
    names = {"classes": {str(WHOLE_FACE): CLASS_NAMES[WHOLE_FACE]}}
    return Predictions(table, sizes, stated | names | settings)


def faces(images: Sequence[str]) -> pd.DataFrame:
    """A true face in each image."""
    rows = [{"image": image, "class_id": WHOLE_FACE} | FACE for image in images]
    return pd.DataFrame(rows, columns=["image", "class_id", *FACE])


def write_evaluation(folder: Path, images: Sequence[str], boxes: Boxes, labelled: bool = True) -> str:
    """An evaluation of the whole face; returns its summary."""
    truth = faces(images if labelled else [])
    evaluate(predictions(images, boxes), truth, [CLASS_NAMES[WHOLE_FACE]], resamples=20).write(folder)
    return str(folder / "summary.json")


def counted(
    set_name: str,
    threshold: str,
    confidence: float | None,
    missed: int,
    heatmaps: int,
    found: tuple[int, int, int, int] | None = None,
    labelled: bool = True,
    f1: float | None = None,
) -> dict[str, object]:
    """A row of `rescue.csv`; found: boxes, correct ones, images with a box, those whose surest box is correct.

    None where nothing can be counted.
    """
    row: dict[str, object] = dict.fromkeys(COLUMNS)
    row |= {"set": set_name, "threshold": threshold, "confidence": confidence, "f1": f1}
    row |= {"missed": missed, "heatmaps": heatmaps, "faces": heatmaps if labelled else None}
    if found:
        boxes, correct, covered, right = found
        row |= {"predictions": boxes, "images_with_boxes": covered}
        row |= {"correct": correct, "images_correct": right} if labelled else {}
        for name, rate, known in (
            ("precision", wilson(correct, boxes), labelled and boxes > 0),
            ("image_precision", wilson(right, covered), labelled and covered > 0),
            ("coverage", wilson(covered, heatmaps), heatmaps > 0),
        ):
            if known:
                row |= {name: rate.value, f"{name}_low": rate.low, f"{name}_high": rate.high}
    return row


def write_rescue(root: Path, model: str, rows: list[dict[str, object]]) -> str:
    """`rescue.csv` of a detector."""
    path = root / model / "rescue.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    as_table(rows).to_csv(path, index=False, lineterminator="\n")
    return str(path)


def write_list(path: Path, images: Mapping[str, float], faces: int | None = 1, **drawn: Sequence[bool]) -> str:
    """`missed/<set>.csv`: the surest face of each image, and which maps are not blank (`gradcampp=`: its joint one)."""
    table = pd.DataFrame({"image": list(images), "width": SIDE, "height": SIDE, "faces": faces})
    table["confidence"] = list(images.values())
    table["missed"] = [confidence < 0.4 for confidence in images.values()]
    for kind, values in drawn.items():
        table[f"{kind}:joint"] = list(values)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_missed(path, table)
    return str(path)


def write_labels(folder: Path, images: Sequence[str]) -> str:
    """A data set whose images have a face each; returns its folder."""
    (folder / "labels").mkdir(parents=True)
    for image in images:
        (folder / "labels" / image).with_suffix(".txt").write_text(f"{WHOLE_FACE} 0.4 0.4 0.4 0.4\n")
    return str(folder)


def write_boxes(path: Path, images: Sequence[str], boxes: Boxes, **settings: object) -> str:
    """Stored predictions."""
    write_predictions(path, predictions(images, boxes, **settings))
    return str(path)
