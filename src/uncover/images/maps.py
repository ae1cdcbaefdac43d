"""Heatmaps on disk, as small as the network made them; readers enlarge them to the size that they need.

A file is a TIFF of one uint16 page per channel. A value is its share of the channel's maximum; the maxima, the place of
the image in the network's input and how the maps were made stand in the first page's description, as JSON.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.errors import InputError
from uncover.images.letterbox import Frame
from uncover.images.tiffs import open_tiff
from uncover.parts.classes import CLASS_NAMES, WHOLE_FACE

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
    frame: Frame
    about: dict[str, Any]

    def native(self) -> NDArray[np.float32]:
        """The maps as they were before they were stored, float32 (C, h, w), to half a share of 65535."""
        return (self.values * (self.scales.astype(np.float64) / FULL)[:, None, None]).astype(np.float32)


def store_maps(maps: NDArray[np.float32], frame: Frame, about: dict[str, Any]) -> StoredMaps:
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
    return StoredMaps(values.reshape(shape), scales, Frame(**content["frame"]), content["about"])


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
