"""A control without any gradient: the first detector's own boxes, drawn as blobs in the place of heatmaps.

What a detector learns from these it could have learned from the boxes: only what heatmaps add to it is due to them.
They are stored like any heatmap set, on the grid of the finest layer that heatmaps are made of.
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
"""Pixels of the frame per cell, as at the finest of YOLOv5's levels."""

SIGMAS_PER_SIDE = 4
"""A side is so many standard deviations of its blob: in the middle of an edge a blob has 0.14 of its height."""


def draw_set(path: Path, confidence: float, out: Path) -> Manifest:
    """Draw the boxes of a set into a folder of `images/`, `joint/` and `manifest.parquet`.

    Args:
        path: Predictions of the first detector on the set.
        confidence: Lowest of a box that is drawn.
        out: Folder to make.

    Raises:
        InputError: The predictions are none, lack boxes of such confidence or the size of the network's input, two
            photos would share a file, or the folder is somebody else's.
    """
    predictions = read_predictions(path, confidence)
    size = predictions.settings.get("image_size")
    if not isinstance(size, int) or size < 1:
        raise InputError(f"{path}: image_size is {size!r}; expected pixels, which say what grid the maps have")
    files = file_names(predictions.images["image"])
    settings = _settings(predictions, size, confidence)
    about = {name: settings[name] for name in ("variant", "method", "layers", "target", "model")}
    class_ids, class_names = list(predictions.class_names), settings["class_names"]
    # By photo at once: looking each photo up in the table of all boxes takes minutes for a large set.
    boxes = dict(list(_sure(predictions, confidence).groupby("image", sort=False)))
    images = list(predictions.images[["image", "width", "height"]].itertuples(index=False, name=None))
    rows = []
    with new_folder(out, "draw_boxes") as folder:
        for image, width, height in track(images, "drawing boxes"):
            own = boxes.get(image, predictions.boxes.iloc[:0])
            drawn = draw(own, fit(width, height, size), class_ids, class_names, about)
            write_files(folder, files[image], drawn)
            # Nobody needs the photo to draw these, so its hash is not known.
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

    A class's map is the highest of its boxes' blobs at each cell, not their sum: how many boxes non-maximum suppression
    leaves round one nose says nothing about the nose. So is the joint map, of the boxes of all classes.

    Args:
        boxes: That are drawn, as predictions have them: in pixels of the photo.
        frame: Where the photo stands in what the first detector saw.
        class_ids: By channel.
        class_names: Likewise.
        about: How they were made.
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
    """Boxes as Gaussian blobs, read at the middles of cells.

    A blob is as high as its box is sure. Its standard deviation is at least half a cell: a smaller one could stand
    between the middles of cells, and nobody would see it.

    Args:
        corners: float64 (n, 4), x1 y1 x2 y2 in pixels of the frame.
        confidence: float32 (n,).
        height: Of the grid, in cells.
        width: Likewise.

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
    # Both sides in single precision, in which confidences are stored.
    return predictions.boxes[predictions.boxes["confidence"].to_numpy(np.float32) >= np.float32(confidence)]


def _settings(predictions: Predictions, image_size: int, confidence: float) -> dict[str, Any]:
    """What the manifest says, under the names that those of heatmaps have."""
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
