"""The list of a set's photos: which of them the first detector missed, and which heatmaps are not blank.

It has a row per photo: image, width, height (pixels), faces (true whole faces; empty if the set has no labels),
confidence (of the first detector's most confident whole face, 0 if there is none), missed, and a column
`<variant>:<input>` for each input of a second-step detector: whether it is not blank.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.cam.store import Manifest, read_manifest
from uncover.config.detectors import DRAWN_BOXES
from uncover.data.parts import WHOLE_FACE
from uncover.errors import InputError
from uncover.images.map_sets import MANIFEST, not_blank
from uncover.metrics.counts import has_box
from uncover.metrics.predictions import Alike, Predictions, read_predictions
from uncover.metrics.truth import read_truth
from uncover.tables import FILE, Column, check_rows, read_rows

COLUMNS = {
    "image": FILE,
    "width": Column("whole", low=1),
    "height": Column("whole", low=1),
    "faces": Column("whole", low=0, empty=True),
    "confidence": Column("number", low=0, high=1),
    "missed": Column("bool"),
}


def write_missed(path: Path, table: pd.DataFrame) -> None:
    """Write the list as CSV."""
    with new_file(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def read_missed(path: Path, inputs: Collection[str] = ()) -> pd.DataFrame:
    """Load the list of a set.

    Args:
        path: CSV file.
        inputs: Required columns `<variant>:<input>`.

    Returns:
        A row per photo: image, width and height (int64, pixels), faces (Int64, NA if the set has no labels),
        confidence (float32), missed (bool), and a bool column per `<variant>:<input>`: True if it is not blank.

    Raises:
        InputError: The file does not exist, is not such a list, has a photo twice, or lacks one of `inputs`.
    """
    table = read_rows(path, COLUMNS, "a table of 'uncover missed'", others=Column("bool"))
    told = [str(name) for name in table if name not in COLUMNS]
    for name in inputs:
        if name not in told:
            which = ", ".join(told) or "none"
            raise InputError(f"{path}: no column {name}; it has columns for: {which}")
    check_rows(path, table, ~table["image"].duplicated(), "duplicate photo {image}; expected each photo once")
    return table[[*COLUMNS, *told]].astype({"confidence": np.float32}).reset_index(drop=True)


def looked_at(table: pd.DataFrame, maps: str | None) -> NDArray[np.bool_]:
    """Photos that a method runs on: bool (photos,), missed photos whose heatmap is not blank.

    Args:
        table: Result of `read_missed`.
        maps: Heatmaps of the method, `<variant>:<input>`; None for methods that run on photos.
    """
    missed = table["missed"].to_numpy(np.bool_)
    return missed if maps is None else missed & table[maps].to_numpy(np.bool_)


def check_same_images(path: Path, images: Iterable[str], expected: Iterable[str], of: Path) -> None:
    """Check that two records are of the same photos, in any order.

    Args:
        path: Record to check.
        images: Its photos.
        expected: Photos of the other record.
        of: The other record.

    Raises:
        InputError: They are not.
    """
    own, others = set(images), set(expected)
    if own != others:
        name = min(own ^ others)
        difference = f"names {name}, which {of} does not" if name in own else f"does not name {name}, which {of} does"
        raise InputError(f"{path}: {difference}; expected records of the same set")


def read_and_find(predictions: Path, heatmaps: Sequence[Path], labels: Path | None, confidence: float) -> pd.DataFrame:
    """Find the missed photos of a set, from files.

    Args:
        predictions: Predictions of the first detector on the set.
        heatmaps: Heatmaps of the set, in folders named after their variant.
        labels: Label files of the set; None if it has none.
        confidence: Confidence threshold of a found face.

    Returns:
        As for `find_missed`.

    Raises:
        InputError: A file is not valid, is of another set, or was stored above the threshold; or drawn boxes are from
            predictions with other settings.
    """
    found = read_predictions(predictions, confidence)
    manifests: dict[str, Manifest] = {}
    for folder in heatmaps:
        # Symbolic links are not resolved: the name of the link counts.
        variant = folder.absolute().parent.name
        if variant in manifests:
            raise InputError(f"{folder}: variant {variant} is given twice; pass one folder per variant")
        manifests[variant] = read_manifest(folder / MANIFEST)
        check_same_images(folder / MANIFEST, manifests[variant].table["image"], found.images["image"], predictions)
        if variant == DRAWN_BOXES:
            # These maps were drawn from boxes of the first detector, so both predictions must agree.
            alike = Alike()
            alike.add(predictions, found.settings, DRAWN_BOXES)
            alike.add(folder / MANIFEST, manifests[variant].settings, DRAWN_BOXES)
    truth = None if labels is None else read_truth(labels, found.images)
    return find_missed(found, manifests, truth, confidence)


def find_missed(
    predictions: Predictions, manifests: Mapping[str, Manifest], truth: pd.DataFrame | None, confidence: float
) -> pd.DataFrame:
    """Find the missed photos of a set.

    The IoU of non-maximum suppression does not matter: the most confident box of a photo is always kept.

    Args:
        predictions: Predictions of the first detector.
        manifests: Manifests of heatmaps of the same photos, by variant.
        truth: True boxes, as `read_truth` returns them; None if the set has no labels.
        confidence: Confidence threshold of a found face.

    Returns:
        A row per photo, in the order of the predictions, with the columns of `read_missed`.
    """
    images = predictions.images["image"]
    boxes = predictions.boxes[predictions.boxes["class_id"] == WHOLE_FACE]
    surest = boxes.groupby("image")["confidence"].max().reindex(images, fill_value=0)
    table = predictions.images[["image", "width", "height"]].reset_index(drop=True)
    table["faces"] = _count_faces(images, truth)
    table["confidence"] = surest.to_numpy(np.float32)
    table["missed"] = ~has_box(predictions, WHOLE_FACE, confidence)
    for variant, manifest in manifests.items():
        rows = manifest.table.set_index("image")["status"].reindex(images)
        for kind, drawn in not_blank(rows, manifest.settings["class_names"]).items():
            table[f"{variant}:{kind}"] = drawn
    return table


def _count_faces(images: pd.Series, truth: pd.DataFrame | None) -> pd.Series:
    """True whole faces by photo, Int64, NA without labels; in the order of `images`."""
    if truth is None:
        return pd.Series(pd.NA, range(len(images)), dtype="Int64")
    faces = truth.loc[truth["class_id"] == WHOLE_FACE, "image"].value_counts()
    return faces.reindex(images, fill_value=0).reset_index(drop=True).astype("Int64")
