"""Heatmap sets as input of detectors: a folder of heatmaps, and a manifest that assigns each file to an image."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from uncover.config.detectors import Input
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.data.yolo import IMAGES
from uncover.errors import InputError
from uncover.images.labelled import LabelledImages
from uncover.images.maps import JOINT, MAP, StoredMaps, read_maps
from uncover.images.reading import hash_file
from uncover.tables import read_table

logger = logging.getLogger(__name__)

MANIFEST = "manifest.parquet"
COLUMNS = ("image", "file", "width", "height", "status")
METADATA_KEY = b"uncover"

RECIPE = ("class_names", "variant", "method", "layers", "target", "model")
"""Settings that define the kind of heatmaps."""


@dataclass(frozen=True)
class MapSet:
    """A heatmap set.

    Attributes:
        folder: Folder with `images/`, `joint/` and `manifest.parquet`.
        table: A row per image: image (its name), file (of its heatmaps), width and height (of the image, in pixels),
            status (of each class's heatmap and of the joint one).
        settings: Settings of `uncover heatmaps`: class_names, variant, method, model and more.
    """

    folder: Path
    table: pd.DataFrame
    settings: dict[str, Any]

    @property
    def recipe(self) -> dict[str, Any]:
        """Settings that define the kind of heatmaps; must be equal for all sets of one detector."""
        return {name: self.settings.get(name) for name in RECIPE}

    @property
    def digest(self) -> str:
        """Digest of the manifest, which covers the files and settings of the set."""
        return hash_file(self.folder / MANIFEST)

    def place(self, kind: Input) -> Path:
        """Folder of the files for a kind of input: joint heatmaps, or heatmaps of the classes."""
        return self.folder / (JOINT if kind == "joint" else IMAGES)


class JointMaps(Mapping[str, StoredMaps]):
    """Joint heatmap of each image of a heatmap set, by the image's name; files are read on access."""

    def __init__(self, maps: MapSet) -> None:
        """
        Args:
            maps: The set.
        """
        self._place = maps.place("joint")
        self._files: dict[str, str] = dict(zip(maps.table["image"], maps.table["file"], strict=True))

    def __getitem__(self, image: str) -> StoredMaps:
        """Read the heatmap.

        Raises:
            InputError: The file is missing, truncated, or does not contain exactly one heatmap.
        """
        return read_maps(self._place / self._files[image], channels=1)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def is_map_set(folder: Path) -> bool:
    """Whether a folder is a heatmap set, including an unfinished one."""
    return (folder / JOINT).is_dir() and (folder / IMAGES).is_dir()


def read_map_set(folder: Path) -> MapSet:
    """Read the manifest of a heatmap set.

    Raises:
        InputError: There is no manifest, or it has no file for an image.
    """
    return MapSet(folder, *read_rows(folder / MANIFEST, COLUMNS))


def read_rows(path: Path, columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows and settings of a heatmap set's manifest, or of the record of a shard.

    Args:
        path: The file.
        columns: Required columns.

    Raises:
        InputError: The file does not exist, is truncated, or is not such a table.
    """
    table = read_table(path, columns, "heatmaps")
    try:
        settings = json.loads((pq.read_schema(path).metadata or {})[METADATA_KEY])
    except (KeyError, ValueError):
        settings = None
    if not isinstance(settings, dict) or not isinstance(settings.get("class_names"), list):
        raise InputError(f"{path}: has no settings of heatmaps; expected a table of 'uncover heatmaps'")
    return table, settings


def not_blank(statuses: pd.Series, class_names: Sequence[str]) -> dict[Input, NDArray[np.bool_]]:
    """For each kind of heatmap input, which images have a heatmap that is not blank.

    Args:
        statuses: Status of N images: of each class's heatmap, and of the joint one.
        class_names: Names of the classes.

    Returns:
        bool (N,) by kind. Without a class of the whole face, the kind of its heatmap alone is absent.
    """
    drawn = np.array([list(each) for each in statuses], np.str_).reshape(-1, len(class_names) + 1) == MAP
    some_class = drawn[:, :-1].any(axis=1)
    inputs: dict[Input, NDArray[np.bool_]] = {"classes": some_class, "joint": drawn[:, -1], "mean": some_class}
    if CLASS_NAMES[WHOLE_FACE] in class_names:
        inputs["whole_face"] = drawn[:, list(class_names).index(CLASS_NAMES[WHOLE_FACE])]
    return inputs


def explain(labelled: LabelledImages, maps: MapSet, kind: Input) -> LabelledImages:
    """Replace labelled images by their heatmaps.

    Args:
        labelled: The photos.
        maps: Their heatmaps; there may be those of further images.
        kind: Kind of heatmap.

    Returns:
        The same labels and sizes, with the paths of the heatmaps.

    Raises:
        InputError: An image has no heatmaps, or heatmaps for another size, or all of them are blank.
    """
    again = "make them with 'uncover heatmaps'"
    files = dict(zip(maps.table["image"], maps.table[["file", "width", "height"]].itertuples(index=False), strict=True))
    place, paths = maps.place(kind), []
    for photo, (width, height) in zip(labelled.paths, labelled.sizes.tolist(), strict=True):
        row = files.get(_name_of(photo))
        if row is None:
            raise InputError(f"{maps.folder}: contains no heatmaps of the image {photo}; {again}")
        if (row.width, row.height) != (width, height):
            raise InputError(
                f"{maps.folder}: its heatmaps of {photo} are for an image of {row.width} x {row.height} pixels, but it"
                f" has {width} x {height}; {again}"
            )
        path = place / row.file
        if not path.is_file():
            raise InputError(f"{path}: does not exist, though {MANIFEST} lists it for {photo}; {again}")
        paths.append(path)
    _check_not_blank(labelled, maps, kind)
    return replace(labelled, paths=paths)


def _check_not_blank(labelled: LabelledImages, maps: MapSet, kind: Input) -> None:
    rows = maps.table.set_index("image")["status"].loc[[_name_of(photo) for photo in labelled.paths]]
    drawn = not_blank(rows, maps.settings["class_names"]).get(kind, np.ones(len(rows), np.bool_))
    if not drawn.any():
        raise InputError(
            f"{maps.folder}: all {len(rows)} heatmaps ({kind}) are blank, because the detector found nothing to"
            " explain. Train it longer, lower heatmaps.confidence, or use target T1"
        )
    if blank := int((~drawn).sum()):
        logger.info(f"{maps.folder}: {blank} of {len(rows)} heatmaps ({kind}) are blank; they are kept with labels")


def check_alike(maps: Sequence[MapSet]) -> None:
    """Check that one detector may use several heatmap sets.

    Raises:
        InputError: They were made with different settings; the error names one.
    """
    first, *others = maps
    for other in others:
        for name, value in other.recipe.items():
            if value != first.recipe[name]:
                raise InputError(
                    f"{other.folder}: its heatmaps differ in {name} from those of {first.folder};"
                    " make both with one call of 'uncover heatmaps'"
                )


def _name_of(photo: Path) -> str:
    """Name of a photo in results: its path below the last folder `images`, or its bare name."""
    places = [place for place, part in enumerate(photo.parts[:-1]) if part == IMAGES]
    return PurePath(*photo.parts[places[-1] + 1 :]).as_posix() if places else photo.name
