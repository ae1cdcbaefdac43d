"""A control without gradients: the first detector's own boxes, drawn as blobs in place of heatmaps.

A detector trained on these can only use information of the boxes, so the difference to heatmaps is their contribution.
They are stored like any heatmap set, on the grid of the finest layer of heatmaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.atomic import new_folder
from uncover.cam.heatmaps import MAP, NO_DETECTION, Heatmaps
from uncover.cam.store import Files, Manifest, describe, file_names, pack, tabulate, write_files, write_manifest
from uncover.config.detectors import DRAWN_BOXES
from uncover.errors import InputError
from uncover.images.letterbox import Letterbox, fit
from uncover.images.map_sets import MANIFEST
from uncover.metrics.predictions import CORNERS, OF_ALL, Predictions, read_predictions
from uncover.progress import track

CELL = 8
"""Pixels of the frame per cell, as on YOLOv5's finest level."""

SIGMAS_PER_SIDE = 4
"""Side of a box in standard deviations of its blob: at the middle of an edge the blob has 0.14 of its height."""


def draw_set(path: Path, confidence: float, out: Path) -> Manifest:
    """Draw the boxes of a set into a folder with `images/`, `joint/` and `manifest.parquet`.

    Args:
        path: Predictions of the first detector on the set.
        confidence: Minimum confidence of drawn boxes.
        out: Output folder.

    Raises:
        InputError: The predictions are not valid, lack boxes down to this confidence or the size of the network's
            input, two photos would share a file, or the folder belongs to something else.
    """
    predictions = read_predictions(path, confidence)
    size = predictions.settings.get("image_size")
    if not isinstance(size, int) or size < 1:
        raise InputError(f"{path}: image_size is {size!r}; expected the size of the network's input in pixels")
    files = file_names(predictions.images["image"])
    settings = _settings(predictions, size, confidence)
    about = {name: settings[name] for name in ("variant", "method", "layers", "target", "model")}
    class_ids, class_names = list(predictions.class_names), settings["class_names"]
    # Group by photo once: a lookup in the table of all boxes per photo takes minutes for a large set.
    boxes = dict(list(_sure(predictions, confidence).groupby("image", sort=False)))
    images = list(predictions.images[["image", "width", "height"]].itertuples(index=False, name=None))
    rows = []
    with new_folder(out, "draw_boxes") as folder:
        for image, width, height in track(images, "drawing boxes"):
            own = boxes.get(image, predictions.boxes.iloc[:0])
            drawn = draw(own, fit(width, height, size), class_ids, class_names, about)
            write_files(folder, files[image], drawn)
            # The photo itself is not read, so its hash is unknown.
            rows.append(describe(image, files[image], "", drawn))
        manifest = tabulate(rows, settings)
        write_manifest(folder / MANIFEST, manifest)
    return manifest


def draw(
    boxes: pd.DataFrame,
    frame: Letterbox,
    class_ids: Sequence[int],
    class_names: Sequence[str],
    about: dict[str, Any],
) -> Files:
    """The maps of one photo.

    The map of a class is the maximum over the blobs of its boxes at each cell, not their sum: the number of boxes that
    non-maximum suppression keeps of one nose is not informative. The joint map is the maximum over all classes.

    Args:
        boxes: Boxes to draw, in the form of predictions: in pixels of the photo.
        frame: Position of the photo in the first detector's input.
        class_ids: Class ids by channel.
        class_names: Class names by channel.
        about: Metadata on how they were made.
    """
    channel_of = {class_id: channel for channel, class_id in enumerate(class_ids)}
    corners = frame.to_network(boxes[list(CORNERS)].to_numpy(np.float64))
    confidence = boxes["confidence"].to_numpy(np.float32)
    channels = boxes["class_id"].map(channel_of).to_numpy(np.int64)
    has_area = (corners[:, 2:] > corners[:, :2]).all(axis=1)
    values = np.zeros((len(class_ids) + 1, frame.out_height // CELL, frame.out_width // CELL), np.float32)
    for channel in np.unique(channels[has_area]):
        own = has_area & (channels == channel)
        values[channel] = blobs(corners[own], confidence[own], values.shape[1], values.shape[2]).max(axis=0)
    values[-1] = values[:-1].max(axis=0)
    status = tuple(MAP if channel.any() else NO_DETECTION for channel in values)
    detections = np.column_stack([corners, confidence, channels])[has_area].astype(np.float32)
    heatmaps = Heatmaps(values, status, raw=(), degenerate=int((~has_area).sum()))
    return pack(heatmaps, detections, frame, list(class_names), about)


def blobs(
    corners: NDArray[np.float64], confidence: NDArray[np.float32], height: int, width: int
) -> NDArray[np.float32]:
    """Boxes as Gaussian blobs, sampled at cell centres.

    The height of a blob is the confidence of its box. Its standard deviation is at least half a cell: a smaller blob
    could fall between cell centres and vanish.

    Args:
        corners: float64 (n, 4), x1 y1 x2 y2 in pixels of the frame.
        confidence: float32 (n,).
        height: Height of the grid, in cells.
        width: Width of the grid, in cells.

    Returns:
        float32 (n, height, width).
    """
    middles = (corners[:, :2] + corners[:, 2:]) / 2
    sigmas = np.maximum((corners[:, 2:] - corners[:, :2]) / SIGMAS_PER_SIDE, CELL / 2)
    across, down = (
        np.exp(-((((np.arange(cells) + 0.5) * CELL - middles[:, [axis]]) / sigmas[:, [axis]]) ** 2) / 2)
        for axis, cells in enumerate((width, height))
    )
    return (confidence[:, None, None] * down[:, :, None] * across[:, None, :]).astype(np.float32)


def _sure(predictions: Predictions, confidence: float) -> pd.DataFrame:
    # Compare in single precision, in which confidences are stored.
    return predictions.boxes[predictions.boxes["confidence"].to_numpy(np.float32) >= np.float32(confidence)]


def _settings(predictions: Predictions, image_size: int, confidence: float) -> dict[str, Any]:
    """Settings for the manifest, with the names used for heatmaps."""
    return {
        "variant": DRAWN_BOXES,
        "method": DRAWN_BOXES,
        "layers": [],
        "target": "none",
        "model": None,
        "network": predictions.settings.get("model"),
        "class_names": list(predictions.class_names.values()),
        "image_size": image_size,
        "confidence": confidence,
        **{name: predictions.settings.get(name) for name in OF_ALL},
        "images": len(predictions.images),
    }
