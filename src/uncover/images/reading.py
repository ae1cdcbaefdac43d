"""Image files of a known number of channels: photos, grey maps, stacks of maps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from uncover.datasets.photos import PhotoError, inspect_photo, read_upright_rgb
from uncover.errors import InputError
from uncover.images.maps import decode_maps, is_description
from uncover.images.render import render
from uncover.images.tiffs import open_tiff

DESCRIPTION = 270
"""TIFF's number of the tag that says what is in a file."""

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"})
TIFF = frozenset({".tif", ".tiff"})
COLOURS = 3


def list_images(folder: Path) -> list[Path]:
    """Image files at any depth of a folder, sorted by their path inside it; hidden ones are passed over.

    Raises:
        InputError: There is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected one of images")
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent, name)
            for name in names
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES
        ]
    if not found:
        raise InputError(f"{folder}: no image in it; expected files that end in {', '.join(sorted(SUFFIXES))}")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def inspect_image(path: Path, channels: int) -> tuple[int, int]:
    """Width and height of an image, from its header; those of heatmaps are those of the image that they explain.

    Args:
        path: Image file.
        channels: Channels that it must have.

    Raises:
        InputError: It is missing, cut off, unreadable, or of other channels.
    """
    if _is_stack(path, channels):
        with open_tiff(path) as tiff:
            if is_description(tiff.pages.first.description):
                frame = decode_maps(path, tiff, channels).frame
                return frame.width, frame.height
            stack = tiff.series[0]
            height, width = _height_width(path, stack.shape, stack.dtype, channels)
        return width, height
    info = _inspect_photo(path, channels)
    return info.width, info.height


def read_image(path: Path, channels: int) -> NDArray[np.uint8]:
    """Decode an image.

    Args:
        path: A photo (3 channels; greys are tripled, EXIF orientation is applied), a grey image (1 channel), or a TIFF
            of 8-bit channels, stored as (C, H, W) or (H, W, C), or heatmaps as `write_maps` stores them: they are
            enlarged to the size of the image that they explain.
        channels: Channels that it must have.

    Returns:
        uint8 (H, W, C), contiguous; three channels are red, green, blue.

    Raises:
        InputError: It is missing, cut off, unreadable, or of other channels.
    """
    if _is_stack(path, channels):
        return _read_stack(path, channels)
    info = _inspect_photo(path, channels)
    # OpenCV decodes fastest, but colour modes and orientations that readers disagree about are the other's business.
    kind = cv2.IMREAD_COLOR_RGB if channels == COLOURS else cv2.IMREAD_GRAYSCALE
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), kind) if info.plain else None
    if pixels is None:
        try:
            pixels = read_upright_rgb(path)[..., :channels]
        except Exception as error:  # whatever Pillow's decoders raise
            raise InputError(f"{path}: cannot be decoded ({error}); mend or remove the image") from None
    return np.ascontiguousarray(pixels, np.uint8).reshape(info.height, info.width, channels)


def _inspect_photo(path: Path, channels: int) -> Any:
    try:
        info = inspect_photo(path)
    except PhotoError as error:
        raise InputError(f"{error}; mend or remove the image") from None
    if channels != COLOURS and (channels != 1 or info.mode != "L"):
        expected = "an 8-bit grey image" if channels == 1 else "a TIFF"
        raise InputError(f"{path}: is a picture of mode {info.mode}; expected {channels} channels: {expected}")
    return info


def _is_stack(path: Path, channels: int) -> bool:
    if path.suffix.lower() not in TIFF:
        return False
    if channels != COLOURS:
        return True
    try:
        image = Image.open(path)
    except Exception:  # whatever is wrong, the reader of photos words it
        return False
    with image:
        if is_description(getattr(image, "tag_v2", {}).get(DESCRIPTION, "")):
            return True
        try:
            return getattr(image, "n_frames", 1) > 1
        except Exception:  # cut off between its pages; the first alone would pass for a photo
            return True


def _read_stack(path: Path, channels: int) -> NDArray[np.uint8]:
    with open_tiff(path) as tiff:
        if is_description(tiff.pages.first.description):
            pictures = render(decode_maps(path, tiff, channels))
            return np.ascontiguousarray(pictures.transpose(1, 2, 0))
        stack = tiff.series[0]
        size = _height_width(path, stack.shape, stack.dtype, channels)
        pixels = stack.asarray()
    if pixels.ndim == COLOURS and pixels.shape[1:] == size:
        pixels = pixels.transpose(1, 2, 0)
    return np.ascontiguousarray(pixels).reshape(*size, channels)


def _height_width(path: Path, shape: tuple[int, ...], dtype: Any, channels: int) -> tuple[int, int]:
    """Height and width of a stack; channels come first where both ends could be they, which is how maps are stored."""
    if dtype != np.uint8:
        raise InputError(f"{path}: holds {dtype} values; expected 8-bit channels (uint8)")
    if len(shape) == 2 and channels == 1:
        return shape[0], shape[1]
    if len(shape) == 3 and shape[0] == channels:
        return shape[1], shape[2]
    if len(shape) == 3 and shape[2] == channels:
        return shape[0], shape[1]
    raise InputError(f"{path}: holds an array of {' x '.join(map(str, shape))}; expected {channels} channels")
