"""Input of rescue strategies: stored predictions, image sizes, heatmaps, and the anatomy of faces.

The anatomy gives the position of the whole face relative to each part, computed from the true boxes of the training
set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.data.sets import read_kept_boxes, read_manifest
from uncover.errors import InputError
from uncover.images.maps import StoredMaps
from uncover.metrics.predictions import CORNERS, Predictions

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FACE = ["source", "photo", "name"]
WHOLE = CLASS_NAMES[WHOLE_FACE]
BOXES, MANIFEST = "boxes.parquet", "manifest.parquet"


@dataclass(frozen=True)
class Anatomy:
    """Relative positions of faces and parts in the training set.

    Attributes:
        offsets: By class id of a part, float64 (modes, 4): x1 y1 x2 y2 of the whole face relative to the part's box,
            whose upper left corner is 0, 0 and whose lower right corner is 1, 1. Medians over the training faces.
            A class has one mode for each kind of box with its name: `eyes` has two, because left and right share the
            class, and a median over both would be off by half a face.
        typical: float64 (4,): x1 y1 x2 y2 of the median training face, as shares of its photo.
    """

    offsets: Mapping[int, Floats]
    typical: Floats


@dataclass(frozen=True)
class Evidence:
    """Evidence on one set.

    Attributes:
        rgb10: Predictions of the ten-part detector.
        rgb1: Predictions of the whole-face detector, on the same images.
        anatomy: Anatomy from the training set.
        scales: Predictions on the same images at further input sizes, by name, such as those of rgb1 at twice its
            input size.
        nms_iou: IoU above which a proposed box of lower confidence is dropped.
        maps: Joint heatmap by image name; None if there are no heatmaps.
    """

    rgb10: Predictions
    rgb1: Predictions
    anatomy: Anatomy
    scales: Mapping[str, Predictions] = field(default_factory=dict)
    nms_iou: float = 0.6
    maps: Mapping[str, StoredMaps] | None = None

    def __post_init__(self) -> None:
        """Check that all predictions are of the same images.

        Raises:
            InputError: They are not.
        """
        own = self.images[["image", "width", "height"]].sort_values("image", ignore_index=True)
        for name, others in {"rgb1": self.rgb1, **self.scales}.items():
            same = others.images[["image", "width", "height"]].sort_values("image", ignore_index=True)
            if not np.array_equal(own.to_numpy(object), same.to_numpy(object)):
                raise InputError(
                    f"predictions of rgb10 and {name} differ in images ({len(own)} and {len(same)}) or in their sizes; "
                    "run both detectors on the same set"
                )

    @property
    def images(self) -> pd.DataFrame:
        """One row per image: image, width, height (pixels)."""
        return self.rgb10.images

    def row_of_image(self) -> dict[str, int]:
        """Row of `images` by name."""
        return {image: row for row, image in enumerate(self.images["image"])}

    def sizes(self) -> NDArray[np.float64]:
        """float64 (images, 2), width and height in pixels."""
        return self.images[["width", "height"]].to_numpy(np.float64)


def learn_anatomy(train: Path) -> Anatomy:
    """Compute the anatomy from the true boxes of a data set: `boxes.parquet` and `manifest.parquet` of `uncover
    labels`.

    Raises:
        InputError: The files are missing, or have no whole face.
    """
    boxes, photos = read_kept_boxes(train / BOXES), read_manifest(train / MANIFEST)
    whole = boxes["class_id"] == WHOLE_FACE
    if not whole.any():
        raise InputError(f"{train / BOXES}: no box of class '{WHOLE}'; expected the training set")
    pairs = boxes[~whole].merge(boxes.loc[whole, [*FACE, *CORNERS]], on=FACE, suffixes=("", "_face"))
    offsets: dict[int, list[Floats]] = {}
    for _, same in pairs.groupby(["class_id", "part"], sort=True):
        own, face = same[list(CORNERS)].to_numpy(), same[[f"{corner}_face" for corner in CORNERS]].to_numpy()
        offsets.setdefault(int(same["class_id"].iloc[0]), []).append(np.median(into_frame(face, own), axis=0))
    stacked = {class_id: np.stack(modes) for class_id, modes in offsets.items()}
    return Anatomy(stacked, _typical(boxes[whole], photos, train / MANIFEST))


def into_frame(faces: Floats, parts: Floats) -> Floats:
    """Boxes (N, 4) relative to other boxes (N, 4), whose sides are above 0."""
    origin, sides = np.tile(parts[:, :2], 2), np.tile(parts[:, 2:] - parts[:, :2], 2)
    return (faces - origin) / sides


def out_of_frame(offsets: Floats, parts: Floats) -> Floats:
    """The inverse of `into_frame`."""
    origin, sides = np.tile(parts[:, :2], 2), np.tile(parts[:, 2:] - parts[:, :2], 2)
    return origin + offsets * sides


def implied_faces(anatomy: Anatomy, class_id: Ints, parts: Floats) -> tuple[Floats, Ints]:
    """Whole faces implied by parts, by class and mode: a part with two modes implies two faces.

    Args:
        anatomy: Anatomy from the training set.
        class_id: int64 (N,), classes of the parts; classes without offsets, such as the whole face, imply nothing.
        parts: float64 (N, 4) x1 y1 x2 y2, pixels.

    Returns:
        float64 (M, 4), the faces, which may extend beyond the image; int64 (M,), the part that implies each.
    """
    faces, rows = [np.zeros((0, 4))], [np.zeros(0, np.int64)]
    for part, modes in sorted(anatomy.offsets.items()):
        own = np.flatnonzero(class_id == part)
        for mode in modes:
            faces.append(out_of_frame(mode, parts[own]))
            rows.append(own)
    return np.concatenate(faces), np.concatenate(rows)


def _typical(faces: pd.DataFrame, photos: pd.DataFrame, path: Path) -> Floats:
    sized = faces.merge(photos[["source", "photo", "width", "height"]], on=["source", "photo"])
    sides = np.tile(sized[["width", "height"]].to_numpy(np.float64), 2)
    known = (sides > 0).all(axis=1)
    if not known.any():
        raise InputError(f"{path}: no photo with a whole face has a width and a height; run 'uncover labels'")
    return np.median(sized[list(CORNERS)].to_numpy(np.float64)[known] / sides[known], axis=0)
