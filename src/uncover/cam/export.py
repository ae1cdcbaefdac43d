"""Heatmaps as images: full-size files like those of the thesis's explainer (8 bits, 0 to 255), and overlays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from uncover.atomic import new_folder
from uncover.cam.store import CLASSES, SUFFIX
from uncover.errors import InputError
from uncover.images.maps import JOINT, StoredMaps, average, read_maps, render
from uncover.progress import track

Format = Literal["tiff", "png"]
Frame = Literal["original", "letterbox"]
Average = Literal["joint", "mean", "whole_face"]
THREADS = 2

COLOURS = cv2.COLORMAP_INFERNO
"""A perceptually uniform colour map, also in grey and for colour-blind readers."""

MOST_OPAQUE = 0.8
"""Opacity of the heatmap where it is highest; the rest is the photo."""


def export(folder: Path, out: Path, kind: Format, frame: Frame, averaged: Average | None = None) -> list[list[str]]:
    """Write every map of a heatmap set at full size.

    Args:
        folder: Folder of the heatmap set.
        out: Output folder, must not exist. Its files have the images' names: a TIFF with all channels; or a PNG per
            class, in folders named by number and class; or a file of one channel.
        kind: Format of the files.
        frame: Size of the original image, or of the network's input including padding.
        averaged: Write one combined channel instead of one per class.

    Returns:
        For each image, the status of each of its maps: "map", or why it is blank.

    Raises:
        InputError: The folder is not a heatmap set, or a file of it cannot be read.
    """
    place = folder / (JOINT if averaged == "joint" else CLASSES)
    files = sorted(path for path in place.rglob(f"*{SUFFIX}") if not path.name.startswith("."))
    if not files:
        raise InputError(f"{place}: no maps; expected a heatmap set of 'uncover heatmaps', such as OUT/gradcampp")
    with new_folder(out, "heatmaps export") as temporary, ThreadPoolExecutor(THREADS) as pool:

        def write(path: Path) -> list[str]:
            stored = read_maps(path)
            if averaged in ("mean", "whole_face"):
                stored = average(stored, averaged)
            _write(temporary, path.relative_to(place), stored, render(stored, frame), kind, averaged is not None)
            return list(stored.about.get("status", ()))

        return list(track(pool.map(write, files), "exporting", len(files)))


def _write(out: Path, name: Path, stored: StoredMaps, maps: NDArray[np.uint8], kind: Format, averaged: bool) -> None:
    if kind == "tiff":
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, maps, photometric="minisblack", compression="zlib", metadata={"axes": "CYX"})
        return
    folders = [out] if averaged else [out / folder for folder in _folder_names(stored.about["class_names"])]
    for folder, channel in zip(folders, maps, strict=True):
        path = (folder / name).with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", channel)[1].tobytes())


def _folder_names(class_names: Sequence[str]) -> list[str]:
    """One folder per class; the numbers keep names apart that differ in blanks or slashes only."""
    plain = (re.sub(r"[^\w.-]+", "_", name) for name in class_names)
    return [f"{number}_{name}" for number, name in enumerate(plain)]


def overlay(photo: NDArray[np.uint8], heat: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Overlay a heatmap on a photo: the higher the value, the more opaque.

    The photo is converted to grey, because skin has warm colours like the heatmap.

    Args:
        photo: uint8 (H, W, 3), RGB.
        heat: uint8 (H, W) of the same size, 255 at the maximum of the map. A blank map gives the grey photo.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    colours = cv2.cvtColor(cv2.applyColorMap(heat, COLOURS), cv2.COLOR_BGR2RGB).astype(np.float32)
    opacity = heat[..., None].astype(np.float32) * (MOST_OPAQUE / 255)
    return np.rint(grey + (colours - grey) * opacity).astype(np.uint8)
