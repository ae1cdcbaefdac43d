"""Find the photos that the first detector missed (thesis sections 4.5.1 to 4.6.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from uncover.config.detectors import DRAWN_BOXES
from uncover.errors import InputError
from uncover.heatmaps.store import Manifest, read_manifest
from uncover.images.map_sets import MANIFEST, not_blank
from uncover.metrics.alike import Alike
from uncover.metrics.counts import has_box
from uncover.metrics.predictions import Predictions, read_predictions
from uncover.metrics.truth import read_truth
from uncover.parts.classes import WHOLE_FACE
from uncover.rescue.missed import check_same_images


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
