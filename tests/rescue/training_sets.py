"""Training sets of which only the tables are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from uncover.data.parts import CLASS_OF_PART, PARTS
from uncover.data.sets import BOX_COLUMNS, MANIFEST_COLUMNS

WIDTH, HEIGHT = 200, 100


def write_training_set(folder: Path, faces: Mapping[str, Mapping[str, tuple[float, ...]]]) -> Path:
    """`boxes.parquet` and `manifest.parquet` of photos of one face each, 200 x 100 pixels: boxes by photo and part."""
    folder.mkdir(parents=True)
    class_of = dict(zip(PARTS, CLASS_OF_PART, strict=True))
    rows = [
        ("hand", photo, photo, part, class_of[part], *map(float, box), "kept")
        for photo, parts in faces.items()
        for part, box in parts.items()
    ]
    pd.DataFrame(rows, columns=list(BOX_COLUMNS)).to_parquet(folder / "boxes.parquet")
    photos = [("hand", photo, f"images/{photo}.jpg", WIDTH, HEIGHT, 1, True) for photo in faces]
    pd.DataFrame(photos, columns=list(MANIFEST_COLUMNS)).to_parquet(folder / "manifest.parquet")
    return folder
