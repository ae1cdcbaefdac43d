"""The list of a set's photos that says which of them the first detector missed, and where there is a map to look at.

It has a row per photo: image, width, height (pixels), faces (true whole faces; empty where the set has no labels),
confidence (of the surest whole face of the first detector, 0 if there is none), missed, and a column for everything
that a detector of the second step may look at, `<variant>:<input>`, which says whether that is not blank.
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
        path: The CSV file.
        inputs: Columns `<variant>:<input>` that it must have.

    Returns:
        A row per photo: image, width and height (int64, pixels), faces (Int64, NA where the set has no labels),
        confidence (float32), missed (bool), and a bool column per `<variant>:<input>`: True where it is not blank.

    Raises:
        InputError: It does not exist, is no such list, names a photo twice, or lacks one of `inputs`.
    """
    table = read_rows(path, COLUMNS, "a table of 'uncover missed'", others=Column("bool"))
    told = [str(name) for name in table if name not in COLUMNS]
    for name in inputs:
        if name not in told:
            which = ", ".join(told) or "none"
            raise InputError(f"{path}: no column {name}; it says which of these are blank: {which}")
    check_rows(path, table, ~table["image"].duplicated(), "{image} stands here a second time; expected each photo once")
    return table[[*COLUMNS, *told]].astype({"confidence": np.float32}).reset_index(drop=True)


def looked_at(table: pd.DataFrame, maps: str | None) -> NDArray[np.bool_]:
    """Which photos a method gets to look at: bool (photos,), those missed, and of these those whose map is not blank.

    Args:
        table: Of `read_missed`.
        maps: What it looks at, `<variant>:<input>`; None for photos, which are never blank.
    """
    missed = table["missed"].to_numpy(np.bool_)
    return missed if maps is None else missed & table[maps].to_numpy(np.bool_)


def check_same_images(path: Path, images: Iterable[str], expected: Iterable[str], of: Path) -> None:
    """Make sure that two records are of the same photos, in whatever order.

    Args:
        path: Of the record that is asked about.
        images: Its photos.
        expected: Those of the other record.
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
        predictions: Of the first detector on the set.
        heatmaps: Folders of the set's heatmaps, in folders named after their variant.
        labels: Label files of the set; None where it has none.
        confidence: Lowest of a whole face that counts as found.

    Returns:
        As `find_missed`.

    Raises:
        InputError: A file is not what it should be or of another set, or lacks boxes that would count; or boxes were
            drawn from predictions that were made otherwise.
    """
    found = read_predictions(predictions, confidence)
    manifests: dict[str, Manifest] = {}
    for folder in heatmaps:
        # Links stay: whoever linked a folder named it so.
        variant = folder.absolute().parent.name
        if variant in manifests:
            raise InputError(f"{folder}: the variant {variant} again; expected one folder of each")
        manifests[variant] = read_manifest(folder / MANIFEST)
        check_same_images(folder / MANIFEST, manifests[variant].table["image"], found.images["image"], predictions)
        if variant == DRAWN_BOXES:
            # Drawn from the first detector's boxes, those of which it is asked here what it missed.
            alike = Alike()
            alike.add(predictions, found.settings, DRAWN_BOXES)
            alike.add(folder / MANIFEST, manifests[variant].settings, DRAWN_BOXES)
    truth = None if labels is None else read_truth(labels, found.images)
    return find_missed(found, manifests, truth, confidence)


def find_missed(
    predictions: Predictions, manifests: Mapping[str, Manifest], truth: pd.DataFrame | None, confidence: float
) -> pd.DataFrame:
    """Find the missed photos of a set.

    The IoU of the predictions' non-maximum suppression makes no difference: the surest box of a photo survives any.

    Args:
        predictions: Of the first detector.
        manifests: Of heatmaps of the same photos, by variant.
        truth: True boxes, as `read_truth` returns them; None where the set has no labels.
        confidence: Lowest of a whole face that counts as found.

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
