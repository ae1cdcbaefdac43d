"""A small run whose rescue is known: photos, labels, boxes of methods, and the record of the trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from tests.rescue.sets import STATED
from uncover.data.parts import WHOLE_FACE
from uncover.metrics.predictions import Predictions, write_predictions

Box = tuple[float, float, float, float]

SIDE = 256
FACE: Box = (56, 48, 200, 192)
"""Where the face of every photo is."""

ASIDE: Box = (2, 2, 40, 40)
"""A box that meets no face."""

SQUARE = 6
"""Side of the squares of a face's pattern: a third of a cell of a pixelated face of this size."""


def patterned(seed: int, face: Box = FACE) -> NDArray[np.uint8]:
    """A photo, uint8 (SIDE, SIDE, 3): coarse spots, which anybody may see, and a face of small random squares."""
    chance = np.random.default_rng(seed)
    spots = chance.integers(40, 216, (16, 16, 3), np.uint8)
    photo = np.asarray(Image.fromarray(spots).resize((SIDE, SIDE), Image.Resampling.BICUBIC)).copy()
    x1, y1, x2, y2 = map(int, face)
    squares = chance.integers(0, 256, ((y2 - y1) // SQUARE, (x2 - x1) // SQUARE, 1), np.uint8)
    photo[y1:y2, x1:x2] = squares.repeat(SQUARE, axis=0).repeat(SQUARE, axis=1)
    return photo


def write_set(run: Path, name: str, images: Sequence[str]) -> Path:
    """A data set of such photos, all of them missed, each with one labelled face."""
    dataset = run / "datasets" / name
    x1, y1, x2, y2 = (corner / SIDE for corner in FACE)
    for number, image in enumerate(images):
        for folder in ("images", "labels"):
            (dataset / folder).mkdir(parents=True, exist_ok=True)
        Image.fromarray(patterned(number)).save(dataset / "images" / image)
        label = f"{WHOLE_FACE} {(x1 + x2) / 2} {(y1 + y2) / 2} {x2 - x1} {y2 - y1}\n"
        (dataset / "labels" / Path(image).with_suffix(".txt")).write_text(label, encoding="utf-8")
    table = pd.DataFrame({"image": images, "width": SIDE, "height": SIDE, "faces": 1, "confidence": 0.0})
    (run / "missed").mkdir(exist_ok=True)
    table.assign(missed=True).to_csv(run / "missed" / f"{name}.csv", index=False)
    return dataset


def write_boxes(run: Path, method: str, name: str, images: Sequence[str], boxes: Mapping[str, Sequence[Box]]) -> None:
    """Predictions of a method: whole faces of confidence 0.5 in some of the images."""
    rows = [
        {"image": image, "class": "whole face", "class_id": WHOLE_FACE, "confidence": 0.5}
        | dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))
        for image, own in boxes.items()
        for box in own
    ]
    columns = ["image", "class", "class_id", "confidence", "x1", "y1", "x2", "y2"]
    looked_at = pd.DataFrame({"image": images, "width": SIDE, "height": SIDE})
    predictions = Predictions(pd.DataFrame(rows, columns=columns), looked_at, {"model": method, **STATED})
    path = run / "predictions" / method / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_predictions(path, predictions)


def trial_row(
    set_name: str, method: str, group: str, found: int | None, faces: int | None, **changes: object
) -> dict[str, object]:
    """A row of the record: an interval of 0.1 on both sides, and a difference of 0 to 0.2 to the lower threshold."""
    share = None if not faces or found is None else found / faces
    row: dict[str, object] = {
        "set": set_name,
        "method": method,
        "group": group,
        "fp_per_photo": 0.25,
        "threshold": "set",
        "confidence": 0.5,
        "photos": faces,
        "faces": faces,
        "found": found,
        "share": share,
        "share_low": None if share is None else max(0.0, share - 0.1),
        "share_high": None if share is None else min(1.0, share + 0.1),
        "difference_low": 0.0,
    }
    return row | changes


def write_trial(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """`rescue_trial.csv`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)
    return path
