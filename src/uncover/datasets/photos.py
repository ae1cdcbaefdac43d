"""What a photo is, from its header: size, colour mode, orientation, and whether it is all there."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

ORIENTATION_TAG = 0x0112
UPRIGHT = 1
SWAPS_SIDES = frozenset({5, 6, 7, 8})
PLAIN_MODES = frozenset({"RGB", "L", "P", "1", "LA", "RGBA"})
"""Modes that every reader turns into the same 8-bit colours; alpha is dropped by all of them."""
JPEG_END = b"\xff\xd9"
PNG_END = b"IEND\xaeB`\x82"
TAIL = 64


class PhotoError(ValueError):
    """A photo that cannot be used; `reason` is a short code."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class PhotoInfo:
    """Size and kind of a photo.

    Attributes:
        width: Pixels of the upright photo, its EXIF orientation applied (the frame of all landmarks and boxes).
        height: Likewise.
        mode: Pillow's name of the colour mode in the file, such as "RGB", "L", "CMYK" or "I;16".
        orientation: EXIF orientation, 1 to 8.
    """

    width: int
    height: int
    mode: str
    orientation: int

    @property
    def plain(self) -> bool:
        """Whether every reader sees the same pixels in the file, so that a link to it serves."""
        return self.orientation == UPRIGHT and self.mode in PLAIN_MODES


def inspect_photo(path: Path) -> PhotoInfo:
    """Read a photo's header and make sure that the file does not end early.

    Pixels are decoded only where the cheap look at the file's end leaves a doubt.

    Raises:
        PhotoError: The file is missing, empty, truncated or no image.
    """
    if not os.path.isfile(path):  # unlike Path.is_file, it takes names that no file can have
        raise PhotoError("missing_photo", f"photo {path} does not exist")
    if path.stat().st_size == 0:
        raise PhotoError("empty_photo", f"photo {path} is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                orientation = image.getexif().get(ORIENTATION_TAG, UPRIGHT)
                width, height, mode, kind = image.width, image.height, image.mode, image.format
                if not _ends_as_it_should(path, kind):
                    image.load()
    except UnidentifiedImageError:
        raise PhotoError("unreadable_photo", f"photo {path} is not an image in a format we know") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PhotoError("unreadable_photo", f"photo {path} claims an absurd size") from None
    except Exception as error:  # whatever Pillow's decoders raise: a spoilt TIFF may end in a TypeError
        reason = "truncated_photo" if "truncated" in str(error).lower() else "unreadable_photo"
        raise PhotoError(reason, f"photo {path} cannot be decoded: {error}") from None
    orientation = orientation if orientation in range(1, 9) else UPRIGHT
    if orientation in SWAPS_SIDES:
        width, height = height, width
    return PhotoInfo(width, height, mode, orientation)


def _ends_as_it_should(path: Path, kind: str | None) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        tail = file.read()
    if kind == "JPEG":
        return tail.rstrip(b"\x00\r\n ").endswith(JPEG_END)
    if kind == "PNG":
        return tail.endswith(PNG_END)
    return False


def read_upright_rgb(path: Path) -> NDArray[np.uint8]:
    """Decode any photo that `inspect_photo` accepts into what a person sees.

    16-bit greys are scaled to 8 bits; Pillow alone would cut them off at 255.

    Returns:
        uint8 (height, width, 3), RGB, EXIF orientation applied.
    """
    from PIL import ImageOps

    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I") or upright.mode == "F":
            values = np.asarray(upright, np.float64)
            top = 65535.0 if upright.mode.startswith("I") else max(float(values.max()), 1.0)
            grey = np.clip(np.rint(values / top * 255), 0, 255).astype(np.uint8)
            return np.repeat(grey[..., None], 3, axis=2)
        return np.asarray(upright.convert("RGB"))
