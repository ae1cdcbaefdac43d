"""Store heatmaps as TIFF at the network's resolution, and render them at the size of an image."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.data.photos import ORIENTATION_TAG, UPRIGHT
from uncover.errors import InputError
from uncover.images.letterbox import Letterbox

if TYPE_CHECKING:
    from tifffile import TiffFile

FULL = np.iinfo(np.uint16).max
"""Stored value of a channel's maximum."""
FORMAT = "uncover maps"
"""Key of the TIFF description that identifies these files."""
JOINT = "joint"
"""Folder and name of the joint heatmap of all detections."""
MAP, NO_DETECTION = "map", "no detection"
"""Some values of a channel's status; all but the first mean a blank heatmap."""
Size = Literal["original", "letterbox"] | tuple[int, int]
TRUNCATED = (-0.499, 254.501)
"""Range of heatmaps before rounding: the result equals truncation of 0 to 255. The last thousandth ensures that the
maximum is 255."""


@contextmanager
def open_tiff(path: Path) -> Iterator[TiffFile]:
    """Open a TIFF file for reading; errors of its decoders become an `InputError`.

    Raises:
        InputError: The file is missing, truncated or unreadable.
    """
    import tifffile

    # tifffile also logs oddities of a file; relevant ones are raised.
    tifffile.logger().setLevel(logging.CRITICAL)
    try:
        with tifffile.TiffFile(path) as tiff:
            yield tiff
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such image") from None
    except Exception as error:  # struct.error, ValueError, zlib.error and more
        raise InputError(f"{path}: cannot be decoded ({' '.join(str(error).split())}); fix or remove it") from None


def orientation_of(tiff: TiffFile) -> int:
    """EXIF orientation of its first page, 1 to 8; invalid values mean upright."""
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


@dataclass(frozen=True)
class StoredMaps:
    """Heatmaps of one image, as stored in a file.

    Attributes:
        values: uint16 (C, h, w): share of the channel's maximum, times 65535. The grid covers the whole frame.
        scales: float32 (C,): the channels' maxima; 0 if a channel is blank.
        frame: Position of the original image in the network's input.
        about: Settings of the heatmaps, serialisable as JSON: `class_names` and `status` have an entry per channel.
    """

    values: NDArray[np.uint16]
    scales: NDArray[np.float32]
    frame: Letterbox
    about: dict[str, Any]

    def native(self) -> NDArray[np.float32]:
        """Heatmaps before storage, float32 (C, h, w), accurate to half of 1/65535 of the maximum."""
        return (self.values * (self.scales.astype(np.float64) / FULL)[:, None, None]).astype(np.float32)


def store_maps(maps: NDArray[np.float32], frame: Letterbox, about: dict[str, Any]) -> StoredMaps:
    """Convert heatmaps to their stored form.

    Args:
        maps: float32 (C, h, w), finite and not negative, over the whole frame.
        frame: Position of the original image in the network's input.
        about: See `StoredMaps`.
    """
    scales = maps.max((1, 2))
    shares = maps / np.where(scales > 0, scales, 1).astype(np.float64)[:, None, None]
    return StoredMaps(np.rint(shares * FULL).astype(np.uint16), scales.astype(np.float32), frame, about)


def write_maps(path: Path, stored: StoredMaps) -> None:
    """Write heatmaps; the file has its final name only when it is complete.

    Raises:
        InputError: `path` is a folder.
    """
    import tifffile

    # As text, a float32 is short and is read back exactly.
    scales = [float(str(scale)) for scale in stored.scales]
    content = {"scales": scales, "frame": asdict(stored.frame), "about": stored.about}
    # The shape comes first, because tifffile uses it to read the pages as one array. Given as metadata, tifffile would
    # write the same text, but store a grid that is one cell wide as a single page.
    description = json.dumps({"shape": stored.values.shape, FORMAT: content})
    with new_file(path) as temporary:
        # TIFF's predictor (differences of neighbours) enlarges these files: few cells, with zeros among them.
        tifffile.imwrite(
            temporary,
            stored.values,
            photometric="minisblack",
            compression="zlib",
            maxworkers=1,
            software=False,
            metadata=None,
            description=description,
        )


def read_maps(path: Path, channels: int | None = None) -> StoredMaps:
    """Read a file of `write_maps`.

    Args:
        path: Path of the file.
        channels: Required number of channels; None permits any.

    Raises:
        InputError: The file is missing, truncated, unreadable, not from `write_maps`, or has other channels.
    """
    with open_tiff(path) as tiff:
        return decode_maps(path, tiff, channels)


def decode_maps(path: Path, tiff: TiffFile, channels: int | None = None) -> StoredMaps:
    """As `read_maps`, for a file opened with `open_tiff`."""
    text = tiff.pages.first.description
    if not is_description(text):
        raise InputError(f"{path}: contains no heatmaps; expected a file of `uncover heatmaps`")
    described = json.loads(text)
    shape, content = tuple(described["shape"]), described[FORMAT]
    if channels not in (None, shape[0]):
        raise InputError(f"{path}: contains heatmaps of {shape[0]} channels; expected {channels}")
    # For a file that is truncated between pages, tifffile only reports that an array cannot be reshaped.
    if len(tiff.pages) != shape[0]:
        raise InputError(f"{path}: is truncated after {len(tiff.pages)} of {shape[0]} channels; make it again")
    values = tiff.series[0].asarray(maxworkers=1)
    if values.dtype != np.uint16:
        raise InputError(f"{path}: contains {values.dtype} values; expected 16-bit heatmaps (uint16); make it again")
    scales = np.array(content["scales"], np.float32).reshape(shape[0])
    return StoredMaps(values.reshape(shape), scales, Letterbox(**content["frame"]), content["about"])


def is_description(text: str) -> bool:
    """Whether the description of a TIFF's first page is that of a heatmap file."""
    return f'"{FORMAT}": {{' in text


def average(stored: StoredMaps, kind: Literal["mean", "whole_face"]) -> StoredMaps:
    """Combine the heatmaps of the classes into one; the joint heatmap is computed by the engine instead.

    Args:
        stored: A channel per class.
        kind: "mean": mean of the classes' heatmaps, each scaled from 0 to 1, including blank ones; "whole_face": the
            heatmap of that class.

    Returns:
        One channel.

    Raises:
        InputError: There is no class of the whole face.
    """
    names, whole = stored.about["class_names"], CLASS_NAMES[WHOLE_FACE]
    if kind == "mean":
        maps = _spread(stored.values).mean(0, dtype=np.float64, keepdims=True).astype(np.float32)
        chosen = np.argsort(-stored.scales, kind="stable").tolist()
    elif whole in names:
        chosen = [names.index(whole)]
        maps = stored.native()[chosen]
    else:
        raise InputError(f"no heatmap of the class {whole!r} among {', '.join(names)}; choose another average")
    about = {**stored.about, "class_names": [kind], "average": kind}
    if "status" in about:
        # Status of the strongest heatmap; if all are blank, prefer a reason to "nothing to explain".
        found = (about["status"][channel] for channel in chosen)
        about["status"] = [next((status for status in found if status != NO_DETECTION), NO_DETECTION)]
    return store_maps(maps, stored.frame, about)


def _spread(values: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Scale channels (C, h, w) to 0 to 1 each; constant ones become 0, as in grad-cam."""
    low = values.min((1, 2), keepdims=True)
    return (values - low) / np.maximum(values.max((1, 2), keepdims=True) - low, 1).astype(np.float32)


def render(stored: StoredMaps, size: Size = "original") -> NDArray[np.uint8]:
    """Render heatmaps as images.

    Each heatmap is enlarged to the frame, interpolated between the centres of its cells, and scaled such that its
    lowest pixel is 0 and its highest 255, truncated: the result of grad-cam at full size, to one level. Padding is
    removed before the scaling, so that it has no effect.

    Args:
        stored: Heatmaps of one image.
        size: "original" or (width, height), in pixels: the image without padding, at its own or another size.
            "letterbox": the whole frame, padding included. If the whole frame scales evenly to (width, height), the
            heatmaps are enlarged directly, otherwise via the frame.

    Returns:
        uint8 (C, H, W). A blank or constant heatmap is 0 everywhere.
    """
    frame = stored.frame
    whole = (frame.out_width, frame.out_height)
    if size == "letterbox":
        rows, columns, (width, height) = slice(None), slice(None), whole
    else:
        rows = slice(frame.top, frame.top + frame.inner_height)
        columns = slice(frame.left, frame.left + frame.inner_width)
        width, height = (frame.width, frame.height) if size == "original" else size
        if size != "original" and (even := _scaled_evenly(frame, width, height)) is not None:
            whole, left, top = even
            rows, columns = slice(top, top + height), slice(left, left + width)
    pictures = np.zeros((len(stored.values), height, width), np.uint8)
    # The channel's maximum cancels out, so the shares suffice. One channel at a time fits in the processor's cache.
    for cells, picture in zip(stored.values, pictures, strict=True):
        heat = cv2.resize(cells.astype(np.float32), whole, interpolation=cv2.INTER_LINEAR)[rows, columns]
        if heat.shape != (height, width):
            heat = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR)
        cv2.normalize(heat, picture, *TRUNCATED, cv2.NORM_MINMAX, cv2.CV_8U)
    return pictures


def _scaled_evenly(frame: Letterbox, width: int, height: int) -> tuple[tuple[int, int], int, int] | None:
    """Size of the scaled frame, and left and top of its image, if the image is resized; None if they are uneven."""
    across = divmod(frame.out_width * width, frame.inner_width), divmod(frame.left * width, frame.inner_width)
    down = divmod(frame.out_height * height, frame.inner_height), divmod(frame.top * height, frame.inner_height)
    if any(rest for _, rest in (*across, *down)):
        return None
    return (across[0][0], down[0][0]), across[1][0], down[1][0]
