"""Heatmap sets as detectors find them: a folder of maps, and a manifest that says which image each file explains."""

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
"""Settings that make maps of one kind."""


@dataclass(frozen=True)
class MapSet:
    """A heatmap set.

    Attributes:
        folder: With `images/`, `joint/` and `manifest.parquet`.
        table: A row per image: image (its name), file (of its maps), width and height (of the image, in pixels), status
            (of each class's map and of the joint one).
        settings: How the maps were made, as `uncover heatmaps` says it: class_names, variant, method, model and more.
    """

    folder: Path
    table: pd.DataFrame
    settings: dict[str, Any]

    @property
    def recipe(self) -> dict[str, Any]:
        """What makes maps of this kind: equal for sets that one detector may look at."""
        return {name: self.settings.get(name) for name in RECIPE}

    @property
    def digest(self) -> str:
        """Of the manifest: of what there is, and how it was made."""
        return hash_file(self.folder / MANIFEST)

    def place(self, kind: Input) -> Path:
        """Folder of the files that a kind of input is made of: the joint maps, or those of the classes."""
        return self.folder / (JOINT if kind == "joint" else IMAGES)


class JointMaps(Mapping[str, StoredMaps]):
    """The joint map of each image of a heatmap set, by the image's name; a file is read when it is asked for."""

    def __init__(self, maps: MapSet) -> None:
        """
        Args:
            maps: The set.
        """
        self._place = maps.place("joint")
        self._files: dict[str, str] = dict(zip(maps.table["image"], maps.table["file"], strict=True))

    def __getitem__(self, image: str) -> StoredMaps:
        """Read it.

        Raises:
            InputError: The file is missing, cut off, or none of one map.
        """
        return read_maps(self._place / self._files[image], channels=1)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def is_map_set(folder: Path) -> bool:
    """Whether a folder is a heatmap set, or one that is being made."""
    return (folder / JOINT).is_dir() and (folder / IMAGES).is_dir()


def read_map_set(folder: Path) -> MapSet:
    """Read the manifest of a heatmap set.

    Raises:
        InputError: There is none, or it says of no image where its maps are.
    """
    return MapSet(folder, *read_rows(folder / MANIFEST, COLUMNS))


def read_rows(path: Path, columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows of a heatmap set's manifest, or of the record of a shard, and how the maps were made.

    Args:
        path: The file.
        columns: That it must have.

    Raises:
        InputError: It does not exist, is cut off, or is none.
    """
    table = read_table(path, columns, "heatmaps")
    try:
        settings = json.loads((pq.read_schema(path).metadata or {})[METADATA_KEY])
    except (KeyError, ValueError):
        settings = None
    if not isinstance(settings, dict) or not isinstance(settings.get("class_names"), list):
        raise InputError(f"{path}: does not say how its maps were made; expected a table of 'uncover heatmaps'")
    return table, settings


def not_blank(statuses: pd.Series, class_names: Sequence[str]) -> dict[Input, NDArray[np.bool_]]:
    """For each kind of input that heatmaps make, where there is something to look at.

    Args:
        statuses: Of N images: of each class's map, and of the joint one.
        class_names: Of the classes.

    Returns:
        bool (N,) by kind. Without a class of the whole face, nobody can look at its map alone.
    """
    drawn = np.array([list(each) for each in statuses], np.str_).reshape(-1, len(class_names) + 1) == MAP
    some_class = drawn[:, :-1].any(axis=1)
    inputs: dict[Input, NDArray[np.bool_]] = {"classes": some_class, "joint": drawn[:, -1], "mean": some_class}
    if CLASS_NAMES[WHOLE_FACE] in class_names:
        inputs["whole_face"] = drawn[:, list(class_names).index(CLASS_NAMES[WHOLE_FACE])]
    return inputs


def explain(labelled: LabelledImages, maps: MapSet, kind: Input) -> LabelledImages:
    """Labelled images, looked at by way of their heatmaps.

    Args:
        labelled: The photos.
        maps: Their heatmaps; there may be those of further images.
        kind: Of heatmap.

    Returns:
        The same labels and sizes; the paths are those of the maps.

    Raises:
        InputError: An image has no maps, or maps of another size, or all of them are blank.
    """
    again = "make them with 'uncover heatmaps'"
    files = dict(zip(maps.table["image"], maps.table[["file", "width", "height"]].itertuples(index=False), strict=True))
    place, paths = maps.place(kind), []
    for photo, (width, height) in zip(labelled.paths, labelled.sizes.tolist(), strict=True):
        row = files.get(_name_of(photo))
        if row is None:
            raise InputError(f"{maps.folder}: no heatmaps of the image {photo}; {again}")
        if (row.width, row.height) != (width, height):
            raise InputError(
                f"{maps.folder}: its heatmaps of {photo} are of an image of {row.width} x {row.height} pixels; that is"
                f" {width} x {height}, so {again}"
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
            f"{maps.folder}: all {len(rows)} heatmaps ({kind}) are blank: the detector found nothing that they could"
            " explain; expected some with a map. Train it longer, lower heatmaps.confidence, or take target T1"
        )
    if blank := int((~drawn).sum()):
        logger.info(f"{maps.folder}: {blank} of {len(rows)} heatmaps ({kind}) are blank; they stay, with their labels")


def check_alike(maps: Sequence[MapSet]) -> None:
    """Make sure that one detector may look at several heatmap sets.

    Raises:
        InputError: They were made differently; the message says in what.
    """
    first, *others = maps
    for other in others:
        for name, value in other.recipe.items():
            if value != first.recipe[name]:
                raise InputError(
                    f"{other.folder}: its heatmaps have another {name} than those of {first.folder};"
                    " make both with one call of 'uncover heatmaps'"
                )


def _name_of(photo: Path) -> str:
    """Name under which results know a photo: its path below the last folder `images`, or its bare name."""
    places = [place for place, part in enumerate(photo.parts[:-1]) if part == IMAGES]
    return PurePath(*photo.parts[places[-1] + 1 :]).as_posix() if places else photo.name
