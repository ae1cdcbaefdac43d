"""Inputs of a trained detector: photos or heatmaps, all or a shard of them, with validated options."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from uncover.config.detectors import MAP_INPUTS, Input
from uncover.config.values import check_number
from uncover.errors import InputError
from uncover.images.letterbox import STRIDE
from uncover.images.map_sets import MapSet, is_map_set, read_map_set
from uncover.images.maps import read_maps
from uncover.images.reading import (
    AVERAGES,
    COLOURS,
    TIFF,
    channels_of_file,
    inspect_image,
    log_animations,
    named_images,
)

logger = logging.getLogger(__name__)

RECORDS = "shards"
Item = TypeVar("Item")

EXPECTED = "give a heatmap set of 'uncover heatmaps', such as OUT/gradcampp"


@dataclass(frozen=True)
class Shard:
    """A shard of a set: every count-th image.

    Attributes:
        number: Number of the shard, from 1.
        count: Number of shards.
    """

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a command-line value, e.g. "2/4".

        Raises:
            InputError: The value is invalid.
        """
        match = re.fullmatch(r"(\d+)/(\d+)", text)
        if not match or not 1 <= int(match[1]) <= int(match[2]):
            raise InputError(f"--shard {text}: expected shard number and number of shards, such as 2/4")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def all(cls, count: int) -> list[Self]:
        """All shards of a set."""
        return [cls(number, count) for number in range(1, count + 1)]

    def take(self, items: Sequence[Item]) -> Sequence[Item]:
        """Select the shard's items of a set."""
        return items[self.number - 1 :: self.count]

    def __str__(self) -> str:
        return f"{self.number}-of-{self.count}"

    @classmethod
    def recorded(cls, folder: Path) -> list[Self]:
        """Shards with a record in the folder of a set, in order."""
        # No glob pattern, which would also match records being written under a temporary name.
        matches = (re.fullmatch(r"(\d+)-of-(\d+)\.parquet", path.name) for path in folder.glob(f"{RECORDS}/*"))
        return sorted((cls(int(match[1]), int(match[2])) for match in matches if match), key=str)

    @classmethod
    def complete(cls, folder: Path) -> int | None:
        """Number of shards of a set, if all their records are in its folder."""
        found = cls.recorded(folder)
        counts = {shard.count for shard in found}
        return found[0].count if len(counts) == 1 and len(found) == found[0].count else None

    @classmethod
    def forget(cls, folder: Path, but: int | None = None) -> None:
        """Remove the records of a set's shards, except those of a split into `but` shards."""
        for shard in cls.recorded(folder):
            if shard.count != but:
                shard.record(folder).unlink(missing_ok=True)

    def record(self, folder: Path) -> Path:
        """Path of its record in the folder of a set."""
        return folder / RECORDS / f"{self}.parquet"

    def settings(self) -> dict[str, int]:
        """Settings that are stored in its predictions; empty for the whole set."""
        return {"shard": self.number, "shards": self.count} if self.count > 1 else {}


def check_inference_options(
    confidence: float | None, nms_iou: float | None, batch: int, image_size: int | None
) -> None:
    """Check the limits of options; None means that an option was not given.

    Raises:
        InputError: An option is out of its limits; the error names it.
    """
    check_number("--confidence", confidence, 0, 1)
    check_number("--nms-iou", nms_iou, 0, 1)
    check_number("--batch", batch, 1)
    check_number("--image-size", image_size, STRIDE)
    if image_size is not None and image_size % STRIDE:
        raise InputError(f"--image-size {image_size}: expected a multiple of {STRIDE}")


WHOLE = Shard()


@dataclass(frozen=True)
class Inputs:
    """N images.

    Attributes:
        names: Names in results; for heatmaps in a set, the names of the photos that they explain.
        paths: Files of the images, or of their heatmaps.
        sizes: int64 (N, 2), width and height in pixels; for heatmaps, of the photos that they explain.
    """

    names: list[str]
    paths: list[Path]
    sizes: NDArray[np.int64]

    def first(self, count: int) -> Inputs:
        """At most the first `count` images."""
        return Inputs(self.names[:count], self.paths[:count], self.sizes[:count])


def find_inputs(
    given: Sequence[Path],
    kind: Input,
    channels: int,
    maps: Mapping[str, Any] | None = None,
    shard: Shard = WHOLE,
) -> Inputs:
    """Find the inputs of a detector.

    Args:
        given: A data set or heatmap set, a folder of images or of heatmap files, or such files.
        kind: Kind of input that the detector was trained on.
        channels: Number of channels of the detector's input.
        maps: For a detector of heatmaps: settings of the heatmaps that it was trained on.
        shard: Shard of the images to return; may be empty if there are many shards.

    Raises:
        InputError: There is no input, one is unreadable, or its kind is wrong.
    """
    folder = given[0] if len(given) == 1 and is_map_set(given[0]) else None
    if kind in MAP_INPUTS:
        if folder:
            return _in_set(folder, kind, maps or {}, shard)
        return _in_files(given, kind, channels, maps or {}, shard)
    if folder and channels_of_file(channels, kind) == COLOURS:
        raise InputError(f"{folder}: is a heatmap set, but these weights require photos; give the data set")
    names, paths = _share(named_images(given), shard)
    sizes = [inspect_image(path, channels_of_file(channels, kind)) for path in paths]
    log_animations(paths)
    return Inputs(names, paths, np.array(sizes, np.int64).reshape(-1, 2))


def _share(images: Mapping[str, Path], shard: Shard) -> tuple[list[str], list[Path]]:
    names = list(shard.take(list(images)))
    return names, [images[name] for name in names]


def _in_set(folder: Path, kind: Input, trained_on: Mapping[str, Any], shard: Shard) -> Inputs:
    maps = read_map_set(folder)
    _check_recipe(maps, trained_on)
    table, place = maps.table, maps.place(kind)
    if not len(table):
        raise InputError(f"{folder}: lists no image; {EXPECTED}")
    table = table.iloc[list(shard.take(range(len(table))))]
    paths = [place / file for file in table["file"]]
    return Inputs(table["image"].tolist(), paths, table[["width", "height"]].to_numpy(np.int64))


def _in_files(given: Sequence[Path], kind: Input, channels: int, trained_on: Mapping[str, Any], shard: Shard) -> Inputs:
    names, paths = _share(named_images(given), shard)
    stored = len(trained_on["class_names"]) if kind in AVERAGES and "class_names" in trained_on else None
    frames = []
    for path in paths:
        if path.suffix.lower() not in TIFF:
            raise InputError(f"{path}: contains no heatmaps, which these weights require (input: {kind}); {EXPECTED}")
        frames.append(read_maps(path, stored if kind in AVERAGES else channels).frame)
    sizes = [(frame.width, frame.height) for frame in frames]
    return Inputs(names, paths, np.array(sizes, np.int64).reshape(-1, 2))


def _check_recipe(maps: MapSet, trained_on: Mapping[str, Any]) -> None:
    other = [name for name, value in maps.recipe.items() if name in trained_on and trained_on[name] != value]
    if "class_names" in other:
        raise InputError(
            f"{maps.folder}: has heatmaps of {', '.join(maps.settings['class_names'])}; expected those of"
            f" {', '.join(trained_on['class_names'])}, which the weights were trained on"
        )
    if other:
        words = ", ".join(other)
        logger.info(f"note: {maps.folder}: its heatmaps differ in {words} from those of the detector's training")
