"""From a file to the pixels of a frame's inner size: the one path by which training, validation and prediction read.

What depends on the kind of input is here alone, so that no network is ever shown other pixels than it was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.config.detectors import MAP_INPUTS, Input
from uncover.errors import InputError
from uncover.images.letterbox import Frame, fit, resize
from uncover.images.maps import StoredMaps, average, read_maps
from uncover.images.reading import COLOURS, read_image
from uncover.images.render import render

Source = NDArray[np.uint8] | StoredMaps
"""What a file holds: a picture, uint8 (H, W, C), or heatmaps as small as they are stored."""

AVERAGES = ("mean", "whole_face")
"""Maps for which those of the classes are read and averaged."""

OVERHEAD = 1000
"""Bytes of the objects around the maps of one image, about."""


def channels_of_file(channels: int, kind: Input) -> int:
    """Channels of the photo behind an input: a grey one is made of colours."""
    return COLOURS if kind == "grey" else channels


def read_source(path: Path, channels: int, frame: Frame, kind: Input = "photo") -> Source:
    """Decode an image; heatmaps stay as small as they are.

    Args:
        path: Image file, or file of heatmaps.
        channels: Channels that the network sees.
        frame: Made for the size of the image; for heatmaps, of the image that they explain.
        kind: What the network looks at.

    Raises:
        InputError: The file is missing, unreadable, of another kind, of other channels, or of heatmaps of another size.
    """
    if kind in MAP_INPUTS:
        return _read_maps(path, channels, frame, kind)
    if kind == "grey":
        colours = read_image(path, COLOURS)
        return np.asarray(cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]
    return read_image(path, channels)


def scale(source: Source, frame: Frame, smooth: bool = True) -> NDArray[np.uint8]:
    """Give an image the size that it has in its frame; heatmaps go there straight from their cells.

    Args:
        source: As read; a picture may have the size already.
        frame: Where it will stand.
        smooth: As for `resize`; heatmaps, which grow, know no difference.

    Returns:
        uint8 (inner height, inner width, C).
    """
    if isinstance(source, StoredMaps):
        # Channel by channel in memory, which is how the network wants them: only the view has channels last.
        return render(source, (frame.inner_width, frame.inner_height)).transpose(1, 2, 0)
    return resize(source, frame.inner_width, frame.inner_height, smooth)


def bytes_of_maps(paths: Sequence[Path], frames: Sequence[Frame], channels: int, kind: Input) -> int:
    """Memory that the heatmaps of all images take as they are stored, told from the first.

    Args:
        paths: Files of heatmaps, at least one.
        frames: Of each.
        channels: Channels of each.
        kind: A kind of heatmap.

    Raises:
        InputError: The first file is unusable.
    """
    first = _read_maps(paths[0], channels, frames[0], kind)
    seen = first.frame
    size = max(seen.inner_width, seen.inner_height)
    whole = [fit(frame.width, frame.height, size) for frame in frames]
    share = first.values.nbytes / (seen.out_width * seen.out_height)
    return int(share * sum(frame.out_width * frame.out_height for frame in whole)) + OVERHEAD * len(whole)


def _read_maps(path: Path, channels: int, frame: Frame, kind: Input) -> StoredMaps:
    stored = read_maps(path, None if kind in AVERAGES else channels)
    if kind in AVERAGES:
        try:
            stored = average(stored, "mean" if kind == "mean" else "whole_face")
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    if (stored.frame.width, stored.frame.height) != (frame.width, frame.height):
        raise InputError(
            f"{path}: holds heatmaps of an image of {stored.frame.width} x {stored.frame.height} pixels; expected"
            f" {frame.width} x {frame.height}, so make them anew with 'uncover heatmaps'"
        )
    return replace(stored, about={})  # much text, for thousands of images
