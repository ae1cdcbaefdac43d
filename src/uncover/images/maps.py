"""Heatmaps on disk (TIFF), as small as the network made them, and drawn at the size of a picture."""

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
"""A channel's maximum, as it is stored."""
FORMAT = "uncover maps"
"""Key of the description that marks a file as one of these."""
JOINT = "joint"
"""Folder and name of the maps of all detections together."""
MAP, NO_DETECTION = "map", "no detection"
"""What a channel may be, among others; all but the first are blank."""
Size = Literal["original", "letterbox"] | tuple[int, int]
TRUNCATED = (-0.499, 254.501)
"""Range of maps that are rounded afterwards: the result is that of cutting off the decimals of 0 to 255. The last
thousandth makes sure that a map's maximum is 255."""


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


@dataclass(frozen=True)
class StoredMaps:
    """Maps of one image, as a file holds them.

    Attributes:
        values: uint16 (C, h, w): shares of the channel's maximum, times 65535. The grid covers the whole frame.
        scales: float32 (C,): the channels' maxima; 0 where a channel is blank.
        frame: Where the original image stands in what the network saw.
        about: How the maps were made, fit for JSON: `class_names` has a name per channel, `status` what each one is.
    """

    values: NDArray[np.uint16]
    scales: NDArray[np.float32]
    frame: Letterbox
    about: dict[str, Any]

    def native(self) -> NDArray[np.float32]:
        """The maps as they were before they were stored, float32 (C, h, w), to half a share of 65535."""
        return (self.values * (self.scales.astype(np.float64) / FULL)[:, None, None]).astype(np.float32)


def store_maps(maps: NDArray[np.float32], frame: Letterbox, about: dict[str, Any]) -> StoredMaps:
    """Maps as they are written.

    Args:
        maps: float32 (C, h, w), finite and not negative, over the whole frame.
        frame: Where the original image stands in what the network saw.
        about: See `StoredMaps`.
    """
    scales = maps.max((1, 2))
    shares = maps / np.where(scales > 0, scales, 1).astype(np.float64)[:, None, None]
    return StoredMaps(np.rint(shares * FULL).astype(np.uint16), scales.astype(np.float32), frame, about)


def write_maps(path: Path, stored: StoredMaps) -> None:
    """Write maps; under the final name the file is whole.

    Raises:
        InputError: `path` is a folder.
    """
    import tifffile

    # As text, a float32 is short and comes back as it was.
    scales = [float(str(scale)) for scale in stored.scales]
    content = {"scales": scales, "frame": asdict(stored.frame), "about": stored.about}
    # The shape comes first: by that tifffile knows the pages for one array. Given it as metadata, it would write these
    # words itself, but take a grid that is one cell wide for a single page.
    description = json.dumps({"shape": stored.values.shape, FORMAT: content})
    with new_file(path) as temporary:
        # Differences of neighbours (TIFF's predictor) take more room here: few cells, and zeros among them.
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
    """Read what `write_maps` wrote.

    Args:
        path: Of the file.
        channels: That it must have; any number if not given.

    Raises:
        InputError: It is missing, cut off, unreadable, another kind of file, or of other channels.
    """
    with open_tiff(path) as tiff:
        return decode_maps(path, tiff, channels)


def decode_maps(path: Path, tiff: TiffFile, channels: int | None = None) -> StoredMaps:
    """As `read_maps`, of a file that `open_tiff` opened."""
    text = tiff.pages.first.description
    if not is_description(text):
        raise InputError(f"{path}: holds no heatmaps; expected a file that `uncover heatmaps` wrote")
    described = json.loads(text)
    shape, content = tuple(described["shape"]), described[FORMAT]
    if channels not in (None, shape[0]):
        raise InputError(f"{path}: holds heatmaps of {shape[0]} channels; expected {channels}")
    # Of a file that is cut off between its pages, tifffile would only say that an array cannot be reshaped.
    if len(tiff.pages) != shape[0]:
        raise InputError(f"{path}: is cut off after {len(tiff.pages)} of {shape[0]} channels; make it anew")
    values = tiff.series[0].asarray(maxworkers=1)
    if values.dtype != np.uint16:
        raise InputError(f"{path}: holds {values.dtype} values; expected heatmaps of 16 bits (uint16); make it anew")
    scales = np.array(content["scales"], np.float32).reshape(shape[0])
    return StoredMaps(values.reshape(shape), scales, Letterbox(**content["frame"]), content["about"])


def is_description(text: str) -> bool:
    """Whether the description of a TIFF's first page is that of a file of maps."""
    return f'"{FORMAT}": {{' in text


def average(stored: StoredMaps, kind: Literal["mean", "whole_face"]) -> StoredMaps:
    """One map for all classes, made of those of the classes; the joint map is not made here but by the engine.

    Args:
        stored: A channel per class.
        kind: "mean": of the classes' maps, each from 0 to 1, blank ones included; "whole_face": that class's own.

    Returns:
        One channel.

    Raises:
        InputError: No class is the whole face.
    """
    names, whole = stored.about["class_names"], CLASS_NAMES[WHOLE_FACE]
    if kind == "mean":
        maps = _spread(stored.values).mean(0, dtype=np.float64, keepdims=True).astype(np.float32)
        chosen = np.argsort(-stored.scales, kind="stable").tolist()
    elif whole in names:
        chosen = [names.index(whole)]
        maps = stored.native()[chosen]
    else:
        raise InputError(f"no map of the class {whole!r} among {', '.join(names)}; choose another average")
    about = {**stored.about, "class_names": [kind], "average": kind}
    if "status" in about:
        # That of the strongest map; where all are blank, a reason says more than that there was nothing to explain.
        found = (about["status"][channel] for channel in chosen)
        about["status"] = [next((status for status in found if status != NO_DETECTION), NO_DETECTION)]
    return store_maps(maps, stored.frame, about)


def _spread(values: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Channels (C, h, w), each from 0 to 1; constant ones are 0, as grad-cam has it."""
    low = values.min((1, 2), keepdims=True)
    return (values - low) / np.maximum(values.max((1, 2), keepdims=True) - low, 1).astype(np.float32)


def render(stored: StoredMaps, size: Size = "original") -> NDArray[np.uint8]:
    """Maps as pictures.

    Each map is enlarged to the frame, between the centres of its cells, and scaled so that its lowest pixel is 0 and
    its highest 255, decimals cut off: what grad-cam does at full size, to one level. Padding is removed before the
    scaling, so that what a network sees beside the photo neither shows nor counts.

    Args:
        stored: Of one image.
        size: "original" and (width, height), in pixels: the image alone, at its own size or at that. "letterbox": the
            whole frame as the network saw it, padding included. To a (width, height) that the whole frame scales to
            evenly, maps are enlarged straight away; otherwise by way of the frame.

    Returns:
        uint8 (C, H, W). A blank map is 0 everywhere, and so is a constant one, which points nowhere.
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
    # A channel's maximum cancels out, so the shares will do. Channel by channel, a map stays in the processor's cache.
    for cells, picture in zip(stored.values, pictures, strict=True):
        heat = cv2.resize(cells.astype(np.float32), whole, interpolation=cv2.INTER_LINEAR)[rows, columns]
        if heat.shape != (height, width):
            heat = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR)
        cv2.normalize(heat, picture, *TRUNCATED, cv2.NORM_MINMAX, cv2.CV_8U)
    return pictures


def _scaled_evenly(frame: Letterbox, width: int, height: int) -> tuple[tuple[int, int], int, int] | None:
    """Size of the frame, and left and top of its image, where the image gets another size; None if they are uneven."""
    across = divmod(frame.out_width * width, frame.inner_width), divmod(frame.left * width, frame.inner_width)
    down = divmod(frame.out_height * height, frame.inner_height), divmod(frame.top * height, frame.inner_height)
    if any(rest for _, rest in (*across, *down)):
        return None
    return (across[0][0], down[0][0]), across[1][0], down[1][0]
