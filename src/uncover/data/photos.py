"""Inspect photos by their headers (size, colour mode, orientation, completeness), and decode them."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from uncover.image_files import NOT_READ
from uncover.process import free_memory

ORIENTATION_TAG = 0x0112
BITS_TAG, PHOTOMETRIC_TAG, PLANES_TAG = 258, 262, 284
WHITE_IS_ZERO, IN_PLANES = 0, 2
UPRIGHT = 1
SWAPS_SIDES = frozenset({5, 6, 7, 8})
PLAIN_MODES = frozenset({"RGB", "L", "P", "1", "LA", "RGBA"})
"""Modes that every reader converts to the same 8-bit colours; alpha is always dropped."""
PLAIN_TIFF_MODES = frozenset({"RGB", "L"})
"""The same for TIFFs, which readers decode in different ways."""
PLAIN_KINDS = frozenset({"BMP", "JPEG", "MPO", "PNG", "TIFF", "WEBP"})
"""Formats that every YOLO tool supports."""
FIRST_OF_SEVERAL = frozenset({"MPO"})
"""Formats with one main image, which comes first: the others are another view for stereo, or previews."""
JPEG_END = b"\xff\xd9"
PNG_END = b"IEND\xaeB`\x82"
TAIL, BRANDS = 64, 64

MOST_PIXELS = 1_000_000_000
"""Largest photo that is read. A small file may declare a size that fills the memory; larger scans need tiling."""
MANY_PIXELS = 100_000_000
"""Number of pixels above which the available memory is checked before decoding."""
BYTES_A_PIXEL = 12
"""Approximate peak memory of decoding: Pillow's copy, an upright or converted copy, and ours."""

# Pillow's own limit is below the size of phone photos; ours is checked when a photo is opened.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS


class PhotoError(ValueError):
    """A photo that cannot be used; `reason` is a short code."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class PhotoInfo:
    """Size and format of a photo.

    Attributes:
        width: Width in pixels of the upright photo, i.e. after its EXIF orientation is applied. Landmarks and boxes
            refer to this frame.
        height: Height in pixels of the upright photo.
        mode: Pillow's name of the colour mode in the file, e.g. "RGB", "L", "CMYK" or "I;16"; for TIFFs with other
            than 8 bits per colour, with the number of bits, e.g. "RGB;16".
        orientation: EXIF orientation, 1 to 8.
        kind: Pillow's name of the format, e.g. "JPEG", whatever the suffix.
        pictures: Number of images in the file, e.g. of an animation; the first one is the photo.
    """

    width: int
    height: int
    mode: str
    orientation: int
    kind: str = "JPEG"
    pictures: int = 1

    @property
    def plain(self) -> bool:
        """Whether every reader decodes the file to the same pixels, so that a link to it is enough."""
        modes = PLAIN_TIFF_MODES if self.kind == "TIFF" else PLAIN_MODES
        return self.kind in PLAIN_KINDS and self.orientation == UPRIGHT and self.mode in modes and self.pictures == 1


@contextmanager
def open_photo(path: Path) -> Iterator[Image.Image]:
    """Open a photo of any format, detected from its content. Pixels are not decoded; Pillow's warnings are hidden.

    Raises:
        PhotoError: It is larger than `MOST_PIXELS`, or is HEIC and pillow-heif cannot be imported.
        OSError: It cannot be opened; Pillow raises other exceptions as well.
    """
    # Opened as a file object: by name, Pillow memory-maps uncompressed TIFFs and scrambles orientations 5 to 8.
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        formats = _formats(path, file)
        try:
            with Image.open(file, formats=formats) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise Image.DecompressionBombError
                yield image
        except Image.DecompressionBombError:
            raise PhotoError(
                "too_many_pixels",
                f"photo {path} is larger than the limit of {MOST_PIXELS // 10**6} megapixels; shrink it, or cut"
                " it into parts",
            ) from None


def _formats(path: Path, file: BinaryIO) -> tuple[str, ...] | None:
    """Formats for Pillow to try, None for all. The plugin for phone formats imports slowly, so only when needed."""
    head = file.read(BRANDS)
    file.seek(0)
    if head[4:8] != b"ftyp":
        return None
    brands = head[8 : int.from_bytes(head[:4], "big")]
    if b"avif" in brands or b"avis" in brands:  # pillow-heif accepts some of them, but cannot decode them
        return ("AVIF",)
    try:
        import pillow_heif
    except ImportError as error:
        raise PhotoError(
            "unreadable_photo",
            f"photo {path} is HEIC, which requires pillow-heif; its import failed ({error}); install it, or"
            " convert the photo to JPEG",
        ) from None
    if "HEIF" not in Image.OPEN:
        pillow_heif.register_heif_opener()
    return None


def inspect_photo(path: Path) -> PhotoInfo:
    """Read a photo's header and check that the file is complete.

    Pixels are decoded only if the quick check of the end of the file is inconclusive.

    Raises:
        PhotoError: The file is missing, empty, truncated, too large or not an image.
    """
    if not os.path.isfile(path):  # Path.is_file raises for names that no file can have
        raise PhotoError("missing_photo", f"photo {path} does not exist")
    if path.stat().st_size == 0:
        raise PhotoError("empty_photo", f"photo {path} is empty")
    try:
        with open_photo(path) as image:
            orientation = image.getexif().get(ORIENTATION_TAG, UPRIGHT)
            width, height, mode, kind = image.width, image.height, image.mode, image.format or ""
            if kind == "TIFF":
                mode = _mode_of_tiff(path, image)
            pictures = 1 if kind in FIRST_OF_SEVERAL else getattr(image, "n_frames", 1)
            if not _ends_as_it_should(path, kind):
                _check_room(path, width, height)
                image.load()
    except PhotoError:
        raise
    except UnidentifiedImageError:
        advice = "; convert it to JPEG or PNG" if path.suffix.lower() in NOT_READ else ""
        raise PhotoError("unreadable_photo", f"photo {path} is not an image in a supported format{advice}") from None
    except Exception as error:  # Pillow's decoders raise many types, e.g. TypeError for corrupt TIFFs
        reason = "truncated_photo" if "truncated" in str(error).lower() else "unreadable_photo"
        raise PhotoError(reason, f"photo {path} cannot be decoded: {_line(error)}") from None
    orientation = orientation if orientation in range(1, 9) else UPRIGHT
    # For TIFFs, Pillow reports the upright size; for other formats, the stored size.
    if orientation in SWAPS_SIDES and kind != "TIFF":
        width, height = height, width
    return PhotoInfo(width, height, mode, orientation, kind, pictures)


def _mode_of_tiff(path: Path, image: Image.Image) -> str:
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    bits = set(tags.get(BITS_TAG, (1,)))
    if max(bits) > 8 and len(image.getbands()) > 1 and tags.get(PLANES_TAG) == IN_PLANES:
        # Pillow decodes such planes as 8-bit, which gives noise.
        raise PhotoError(
            "unreadable_photo",
            f"photo {path} is a planar TIFF with {max(bits)} bits per colour; save it with 8 bits",
        )
    return image.mode if image.mode not in PLAIN_TIFF_MODES or bits == {8} else f"{image.mode};{max(bits)}"


def _ends_as_it_should(path: Path, kind: str | None) -> bool:
    if kind in ("HEIF", "AVIF"):
        return _boxes_are_whole(path)
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        tail = file.read()
    if kind in ("JPEG", "MPO"):
        return tail.rstrip(b"\x00\r\n ").endswith(JPEG_END)
    if kind == "PNG":
        return tail.endswith(PNG_END)
    return False


def _boxes_are_whole(path: Path) -> bool:
    """Whether the boxes of an ISO media file end at the end of the file."""
    size, place = path.stat().st_size, 0
    with path.open("rb") as file:
        while place + 8 <= size:
            file.seek(place)
            length, _ = struct.unpack(">I4s", file.read(8))
            if length == 1:
                length = int.from_bytes(file.read(8), "big")
            if length < 8:  # 0 means up to the end of the file
                return False
            place += length
    return place == size


def read_upright_rgb(path: Path) -> NDArray[np.uint8]:
    """Decode a photo that `inspect_photo` accepts to upright RGB.

    16-bit greys are scaled to 8 bits; Pillow alone would clip them at 255. Alpha is dropped.

    Returns:
        uint8 (height, width, 3), RGB, EXIF orientation applied.

    Raises:
        PhotoError: It has more pixels than the limit, or there is not enough memory.
    """
    from PIL import ImageOps

    with open_photo(path) as image:
        _check_room(path, image.width, image.height)
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode.startswith("I") or image.mode == "F":
            values = np.asarray(image, np.float64)
            top = 65535.0 if image.mode.startswith("I") else max(float(values.max()), 1.0)
            if getattr(image, "tag_v2", {}).get(PHOTOMETRIC_TAG) == WHITE_IS_ZERO:
                values = top - values  # for 8 bits Pillow inverts
            grey = np.clip(np.rint(values / top * 255), 0, 255).astype(np.uint8)
            return np.repeat(grey[..., None], 3, axis=2)
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _check_room(path: Path, width: int, height: int) -> None:
    if width * height < MANY_PIXELS:
        return
    needed, free = width * height * BYTES_A_PIXEL, free_memory()
    if needed > free:
        raise PhotoError(
            "too_many_pixels",
            f"photo {path} of {width} x {height} pixels requires about {needed / 1e9:.1f} GB of memory to decode;"
            f" {free / 1e9:.1f} GB are free; shrink it",
        )


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
