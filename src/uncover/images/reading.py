"""Read image files, and convert them to the pixels of a network's input frame."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.config.detectors import MAP_INPUTS, Input
from uncover.data.photos import (
    FIRST_OF_SEVERAL,
    MANY_PIXELS,
    SWAPS_SIDES,
    PhotoError,
    PhotoInfo,
    inspect_photo,
    open_photo,
    read_upright_rgb,
)
from uncover.data.yolo import IMAGES
from uncover.errors import InputError
from uncover.image_files import ENDINGS, find_images, kinds, log_first_of_several, log_passed_over
from uncover.images.letterbox import Letterbox, fit, resize
from uncover.images.maps import (
    StoredMaps,
    average,
    decode_maps,
    is_description,
    open_tiff,
    orientation_of,
    read_maps,
    render,
    turn_upright,
)

DESCRIPTION = 270
"""TIFF tag with the description of the file."""

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG"
HEAD = 4096
"""Bytes within which a PNG declares that it is animated, unless it starts with a long profile."""
TIFF = frozenset({".tif", ".tiff"})
SEVERAL_BANDS = frozenset({"RGB", "RGBA", "RGBX", "CMYK", "LAB", "YCbCr", "P", "PA"})
"""Colour modes of pages that are photos; grey pages are the channels of one image."""
Image = NDArray[np.uint8] | str | os.PathLike[str]
"""Pixels, uint8 (H, W, 3) RGB, or the path of an image file."""

COLOURS = 3
FASTEST = frozenset({"JPEG", "MPO", "PNG", "WEBP"})
"""Formats that OpenCV decodes to the same pixels as Pillow, but faster or in parallel."""

Source = NDArray[np.uint8] | StoredMaps
"""Content of a file: an image, uint8 (H, W, C), or heatmaps at their stored size."""
AVERAGES = ("mean", "whole_face")
"""Inputs for which the heatmaps of the classes are read and averaged."""
OVERHEAD = 1000
"""Approximate memory in bytes of the Python objects around the heatmaps of one image."""
READERS = 4
"""Number of files read in parallel."""


def list_images(folder: Path) -> list[Path]:
    """Image files at any depth of a folder, sorted by relative path; hidden files are skipped.

    Other files, except labels and lists, are logged.

    Raises:
        InputError: The folder does not exist or contains no image.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected a folder of images")
    found, others = find_images(folder)
    if not found:
        there = f"; found {kinds(others)}" if others else ""
        raise InputError(f"{folder}: no image in it; expected files that end in {', '.join(sorted(ENDINGS))}{there}")
    log_passed_over(folder, others)
    return found


def log_animations(paths: Iterable[Path]) -> None:
    """Log which files contain several images, of which only the first is read; stacks of channels are excluded."""
    log_first_of_several({path: count_pictures(path) for path in paths})


def inspect_image(path: Path, channels: int) -> tuple[int, int]:
    """Width and height of an image, from its header; for heatmaps, of the image that they explain.

    Args:
        path: Image file.
        channels: Required number of channels.

    Raises:
        InputError: The file is missing, truncated, unreadable, or has other channels.
    """
    if _is_stack(path, channels):
        with open_tiff(path) as tiff:
            if is_description(tiff.pages.first.description):
                frame = decode_maps(path, tiff, channels).frame
                return frame.width, frame.height
            stack = tiff.series[0]
            height, width = _height_width(path, stack.shape, stack.dtype, channels)
            turned = orientation_of(tiff) in SWAPS_SIDES
        return (height, width) if turned else (width, height)
    info = _inspect_photo(path, channels)
    return info.width, info.height


def read_image(path: Path, channels: int) -> NDArray[np.uint8]:
    """Decode an image.

    Args:
        path: A photo (3 channels; grey is repeated, alpha is dropped, EXIF orientation is applied), a grey image (1
            channel), a TIFF of 8-bit channels, stored as (C, H, W) or (H, W, C), or heatmaps of `write_maps`, which
            are enlarged to the size of the image that they explain. Of several images, the first is read.
        channels: Required number of channels.

    Returns:
        uint8 (H, W, C), contiguous; three channels are red, green, blue.

    Raises:
        InputError: The file is missing, truncated, unreadable, too large, or has other channels.
    """
    if _is_stack(path, channels):
        return _read_stack(path, channels)
    info = _inspect_photo(path, channels)
    pixels = None
    # OpenCV decodes fastest, but Pillow handles colour modes and orientations on which readers differ.
    if info.plain and info.kind in FASTEST and info.width * info.height < MANY_PIXELS:
        kind = cv2.IMREAD_COLOR_RGB if channels == COLOURS else cv2.IMREAD_GRAYSCALE
        pixels = cv2.imdecode(np.fromfile(path, np.uint8), kind | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        try:
            pixels = read_upright_rgb(path)[..., :channels]
        except PhotoError as error:
            raise InputError(f"{error}; fix or remove the image") from None
        except Exception as error:  # Pillow's decoders raise many types
            reason = " ".join(str(error).split())
            raise InputError(f"{path}: cannot be decoded ({reason}); fix or remove the image") from None
    if pixels.shape[:2] != (info.height, info.width):
        raise InputError(
            f"{path}: has {pixels.shape[1]} x {pixels.shape[0]} pixels, but its header states {info.width} x"
            f" {info.height}; fix or remove the image"
        )
    return np.ascontiguousarray(pixels, np.uint8).reshape(info.height, info.width, channels)


def count_pictures(path: Path) -> int:
    """Number of images in a file; 1 if it cannot be opened or is a stack of channels."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
        # Most formats contain one image, and are not opened.
        chunks, pixels, _ = head.partition(b"IDAT")
        if head[:3] == JPEG or (head[:4] == PNG and pixels and b"acTL" not in chunks):
            return 1
        if path.suffix.lower() in TIFF and _is_stack(path, COLOURS):
            return 1
        with open_photo(path) as image:
            return 1 if image.format in FIRST_OF_SEVERAL else getattr(image, "n_frames", 1)
    except Exception:  # reported when the photo is read
        return 1


def _inspect_photo(path: Path, channels: int) -> PhotoInfo:
    try:
        info = inspect_photo(path)
    except PhotoError as error:
        raise InputError(f"{error}; fix or remove the image") from None
    if channels != COLOURS and (channels != 1 or info.mode != "L"):
        expected = "an 8-bit grey image" if channels == 1 else "a TIFF"
        raise InputError(f"{path}: is an image of mode {info.mode}; expected {channels} channels: {expected}")
    return info


def _is_stack(path: Path, channels: int) -> bool:
    """Whether a file is read as channels without colours: heatmaps, or one page per channel."""
    if path.suffix.lower() not in TIFF:
        return False
    if channels not in (1, COLOURS):
        return True
    try:
        with open_photo(path) as image:
            if is_description(getattr(image, "tag_v2", {}).get(DESCRIPTION, "")):
                return True
            try:
                return getattr(image, "n_frames", 1) > 1 and image.mode not in SEVERAL_BANDS
            except Exception:  # truncated between pages; the first alone would look like a photo
                return True
    except Exception:  # reported when the photo is read
        return False


def _read_stack(path: Path, channels: int) -> NDArray[np.uint8]:
    with open_tiff(path) as tiff:
        if is_description(tiff.pages.first.description):
            pictures = render(decode_maps(path, tiff, channels))
            return np.ascontiguousarray(pictures.transpose(1, 2, 0))
        stack = tiff.series[0]
        size = _height_width(path, stack.shape, stack.dtype, channels)
        pixels, orientation = stack.asarray(), orientation_of(tiff)
    if pixels.ndim == COLOURS and pixels.shape[1:] == size:
        pixels = pixels.transpose(1, 2, 0)
    return np.ascontiguousarray(turn_upright(pixels.reshape(*size, channels), orientation))


def _height_width(path: Path, shape: tuple[int, ...], dtype: Any, channels: int) -> tuple[int, int]:
    """Height and width of a stack. If both orders are possible, channels come first, as in stored heatmaps."""
    if dtype != np.uint8:
        raise InputError(f"{path}: contains {dtype} values; expected 8-bit channels (uint8)")
    if len(shape) == 2 and channels == 1:
        return shape[0], shape[1]
    if len(shape) == 3 and shape[0] == channels:
        return shape[1], shape[2]
    if len(shape) == 3 and shape[2] == channels:
        return shape[0], shape[1]
    raise InputError(f"{path}: contains an array of {' x '.join(map(str, shape))}; expected {channels} channels")


def channels_of_file(channels: int, kind: Input) -> int:
    """Number of channels of the photo behind an input: a grey input is made of colours."""
    return COLOURS if kind == "grey" else channels


def read_source(path: Path, channels: int, frame: Letterbox, kind: Input = "photo") -> Source:
    """Decode an image; heatmaps keep their stored size.

    Args:
        path: Image file, or heatmap file.
        channels: Number of channels of the network's input.
        frame: Frame made for the size of the image; for heatmaps, of the image that they explain.
        kind: Kind of input.

    Raises:
        InputError: The file is missing, unreadable, of another kind, or has other channels or heatmaps of another size.
    """
    if kind in MAP_INPUTS:
        return _read_maps(path, channels, frame, kind)
    if kind == "grey":
        colours = read_image(path, COLOURS)
        return np.asarray(cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]
    return read_image(path, channels)


def scale(source: Source, frame: Letterbox, smooth: bool = True) -> NDArray[np.uint8]:
    """Scale an image to its size in the frame; heatmaps are scaled directly from their cells.

    Args:
        source: Image as read; may already have its size.
        frame: Target frame.
        smooth: As for `resize`; no effect on heatmaps, which are enlarged.

    Returns:
        uint8 (inner height, inner width, C).
    """
    if isinstance(source, StoredMaps):
        # Channel by channel in memory, as the network expects them; only the view has channels last.
        return render(source, (frame.inner_width, frame.inner_height)).transpose(1, 2, 0)
    return resize(source, frame.inner_width, frame.inner_height, smooth)


def bytes_of_maps(paths: Sequence[Path], frames: Sequence[Letterbox], channels: int, kind: Input) -> int:
    """Memory of the stored heatmaps of all images, estimated from the first.

    Args:
        paths: Heatmap files, at least one.
        frames: Frame of each image.
        channels: Number of channels of each.
        kind: Kind of heatmap.

    Raises:
        InputError: The first file is unusable.
    """
    first = _read_maps(paths[0], channels, frames[0], kind)
    seen = first.frame
    size = max(seen.inner_width, seen.inner_height)
    whole = [fit(frame.width, frame.height, size) for frame in frames]
    share = first.values.nbytes / (seen.out_width * seen.out_height)
    return int(share * sum(frame.out_width * frame.out_height for frame in whole)) + OVERHEAD * len(whole)


def _read_maps(path: Path, channels: int, frame: Letterbox, kind: Input) -> StoredMaps:
    stored = read_maps(path, None if kind in AVERAGES else channels)
    if kind in AVERAGES:
        try:
            stored = average(stored, "mean" if kind == "mean" else "whole_face")
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    if (stored.frame.width, stored.frame.height) != (frame.width, frame.height):
        raise InputError(
            f"{path}: contains heatmaps of an image of {stored.frame.width} x {stored.frame.height} pixels; expected"
            f" {frame.width} x {frame.height}; make them again with 'uncover heatmaps'"
        )
    return replace(stored, about={})  # long text, for thousands of images


def named_images(given: Sequence[Path]) -> dict[str, Path]:
    """Image files by name: their path relative to the folder, or their bare name.

    Args:
        given: A data set (a folder with images/), a folder of images, or image files.

    Raises:
        InputError: There is no image, a folder is among files, or two files have the same name.
    """
    if len(given) == 1 and not given[0].is_file():
        folder = images_folder(given[0])
        return {path.relative_to(folder).as_posix(): path for path in list_images(folder)}
    named: dict[str, Path] = {}
    for path in given:
        if path.is_dir():
            raise InputError(f"{path}: is a folder among {len(given)} images; expected one folder, or files only")
        if path.name in named:
            raise InputError(f"{path}: has the name of {named[path.name]}, but results need unique names; rename one")
        named[path.name] = path
    return named


def images_folder(folder: Path) -> Path:
    """Folder of the images of a data set, or the folder itself if it has no subfolder `images`."""
    return folder / IMAGES if (folder / IMAGES).is_dir() else folder


def check_apart(given: Sequence[Path], out: Path) -> None:
    """Check that output is not written into a folder of input images, where the next run would read it.

    Args:
        given: As for `named_images`.
        out: Folder to write to.

    Raises:
        InputError: The output folder is among the images.
    """
    for folder in (images_folder(path).resolve() for path in given if path.is_dir()):
        if out.resolve().is_relative_to(folder):
            raise InputError(f"{out}: is among the images in {folder}; give a folder elsewhere")


def hash_files(paths: Iterable[Path]) -> set[str]:
    """sha256 of files, to compare photos regardless of their names."""
    with ThreadPoolExecutor(READERS) as pool:
        return set(pool.map(hash_file, paths))


def hash_file(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
