"""TIFF files of any number of channels, with errors that a user can act on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from uncover.datasets.photos import ORIENTATION_TAG, UPRIGHT
from uncover.errors import InputError

if TYPE_CHECKING:
    from tifffile import TiffFile


@contextmanager
def open_tiff(path: Path) -> Iterator[TiffFile]:
    """A TIFF file, open for reading; whatever its decoders raise inside is worded for the user.

    Raises:
        InputError: It is missing, cut off or unreadable.
    """
    import tifffile

    # It also remarks on whatever is odd in a file; what matters of that is raised.
    tifffile.logger().setLevel(logging.CRITICAL)
    try:
        with tifffile.TiffFile(path) as tiff:
            yield tiff
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such image") from None
    except Exception as error:  # struct.error, ValueError, zlib.error and more
        raise InputError(f"{path}: cannot be decoded ({' '.join(str(error).split())}); mend or remove it") from None


def orientation_of(tiff: TiffFile) -> int:
    """EXIF orientation of its first page, 1 to 8; what means nothing is upright."""
    tag = tiff.pages.first.tags.get(ORIENTATION_TAG)
    return int(tag.value) if tag is not None and tag.value in range(1, 9) else UPRIGHT


def turn_upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Apply an EXIF orientation.

    Args:
        pixels: uint8 (H, W, C), as stored.
        orientation: 1 to 8.

    Returns:
        A view, uint8 (H, W, C), or (W, H, C) for orientations 5 to 8.
    """
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
