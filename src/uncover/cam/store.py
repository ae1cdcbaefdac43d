"""Heatmap sets on disk: two files per image, the manifest of a set, and joining the shards of a set."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from uncover.atomic import check_writable, new_file
from uncover.cam import quality
from uncover.cam.heatmaps import MAP, Heatmaps
from uncover.cam.quality import are_inverted, are_saturated
from uncover.data.yolo import IMAGES
from uncover.errors import InputError
from uncover.images.inputs import RECORDS, Shard
from uncover.images.letterbox import Letterbox
from uncover.images.map_sets import MANIFEST, METADATA_KEY, read_rows
from uncover.images.maps import JOINT, StoredMaps, read_maps, store_maps, write_maps
from uncover.owner import check_shared

CLASSES = IMAGES
"""Folder of the maps of all classes, next to that of the joint ones; YOLO tools expect this name."""

SUFFIX = ".tif"
DIGITS = 2
"""Decimals of the boxes that are stored for the lint table: hundredths of a pixel or of a confidence are enough."""

PLACES = (CLASSES, JOINT, RECORDS)
"""Subfolders of a heatmap set."""

AGAIN = "run 'uncover heatmaps' again for all shards"
OTHER = {
    "class_names": "for other classes",
    "code": "by another version of uncover",
    "images": "from a different number of images",
    "model": "with other weights",
    "names": "from other images",
}
"""How records differ, by setting; other settings are named in the message."""


SCHEMA = pa.schema(
    {
        "image": pa.string(),
        "file": pa.string(),
        "width": pa.int64(),
        "height": pa.int64(),
        "sha256": pa.string(),
        "detections": pa.list_(pa.int64()),
        "status": pa.list_(pa.string()),
        "saturated": pa.list_(pa.bool_()),
        "inverted": pa.list_(pa.bool_()),
        "degenerate": pa.int64(),
    }
)


@dataclass(frozen=True)
class Files:
    """Content of the two files of an image.

    Attributes:
        classes: A channel per class; its metadata has the detections, with boxes in pixels of the frame.
        joint: One channel, which explains the sum of all scores.
    """

    classes: StoredMaps
    joint: StoredMaps

    @property
    def status(self) -> list[str]:
        """Status of each class's map, and last that of the joint map."""
        return [*self.classes.about["status"], *self.joint.about["status"]]


def check_set_name(name: str, given: str) -> None:
    """Check the name of a heatmap set, which becomes a folder beside other files of a set.

    Raises:
        InputError: It is not usable; the message begins with what was given.
    """
    if not re.fullmatch(r"[\w-][\w.-]*", name) or name in PLACES:
        raise InputError(f"{given}: expected the name of a folder, other than {', '.join(PLACES)}")


def check_set_folders(out: Path, folders: Iterable[Path]) -> None:
    """Check that heatmap sets can be written to these folders.

    Raises:
        InputError: A folder holds other files, or cannot be written to.
    """
    check_shared(out, "heatmaps")
    for folder in folders:
        check_writable(folder)
        check_shared(folder, "heatmaps", ("manifest.parquet", "lint.csv"))


def pack(
    heatmaps: Heatmaps,
    detections: NDArray[np.float32],
    frame: Letterbox,
    class_names: list[str],
    about: Mapping[str, Any],
) -> Files:
    """Convert heatmaps into the content of their files.

    Args:
        heatmaps: Heatmaps of one image.
        detections: float32 (n, 6), x1 y1 x2 y2 in pixels of the frame, confidence, class.
        frame: Position of the image in the network's input.
        class_names: Names by channel.
        about: Metadata on how they were made.
    """
    found = [[*(round(value, DIGITS) for value in row[:5]), int(row[5])] for row in detections.tolist()]
    classes = {"class_names": class_names, "detections": found, "degenerate": heatmaps.degenerate}
    status = list(heatmaps.status)
    return Files(
        store_maps(heatmaps.values[:-1], frame, {**about, **classes, "status": status[:-1]}),
        store_maps(
            heatmaps.values[-1:], frame, {**about, "class_names": [JOINT], "average": JOINT, "status": status[-1:]}
        ),
    )


def write_files(folder: Path, name: str, files: Files) -> None:
    """Write the two files of an image into a set's folder.

    The file of the classes is written last: if it exists, so does the other.
    """
    write_maps(folder / JOINT / name, files.joint)
    write_maps(folder / CLASSES / name, files.classes)


def find_files(folder: Path, name: str, channels: int, key: str) -> Files | None:
    """The two files of an image, if they exist, are readable and have this key."""
    try:
        files = Files(read_maps(folder / CLASSES / name, channels), read_maps(folder / JOINT / name, 1))
    except InputError:  # unreadable files are made again
        return None
    return files if {files.classes.about.get("key"), files.joint.about.get("key")} == {key} else None


def file_names(images: Iterable[str]) -> dict[str, str]:
    """Names of the files of images, by image name.

    Raises:
        InputError: Two images would share a file.
    """
    names: dict[str, str] = {}
    taken: dict[str, str] = {}
    for image in images:
        name = str(PurePosixPath(image).with_suffix(SUFFIX))
        if name in taken:
            raise InputError(
                f"{image}: its heatmaps would be {name}, like those of {taken[name]}; rename one of the images"
            )
        names[image], taken[name] = name, image
    return names


@dataclass(frozen=True)
class Row:
    """Manifest row of an image. For C classes, lists of C + 1 end with the joint map.

    Attributes:
        image: Name of the image.
        file: Name of its maps, below `images/` and `joint/`.
        width: Width of the image, in pixels.
        height: Height of the image, in pixels.
        sha256: sha256 of the image file.
        detections: C counts.
        status: C + 1: "map", or why it is blank.
        saturated: C + 1: whether the map is bright almost everywhere; None if it is blank.
        inverted: C + 1: whether values are lower inside the detections than around them; None if the map is blank or
            nothing was detected.
        degenerate: Number of detections left out because they have no area.
    """

    image: str
    file: str
    width: int
    height: int
    sha256: str
    detections: list[int]
    status: list[str]
    saturated: list[bool | None]
    inverted: list[bool | None]
    degenerate: int


@dataclass(frozen=True)
class Manifest:
    """Content of a heatmap set.

    Attributes:
        table: A `Row` per image, sorted by name.
        settings: How the maps were made: class_names, variant, method, layers, target, model (sha256 of the weights),
            image_size and more.
    """

    table: pd.DataFrame
    settings: dict[str, Any]


def describe(image: str, file: str, sha256: str, files: Files) -> Row:
    """Manifest row of an image, computed from its stored maps.

    Args:
        image: Name of the image.
        file: Name of its maps.
        sha256: sha256 of the image file.
        files: Its maps.
    """
    frame, status = files.classes.frame, files.status
    values = np.concatenate([files.classes.values, files.joint.values])
    found = np.array(files.classes.about["detections"], np.float64).reshape(-1, 6)
    channels = found[:, 5].astype(np.int64)
    detections = np.bincount(channels, minlength=len(values) - 1).tolist()
    drawn = [state == MAP for state in status]
    saturated = are_saturated(values).tolist()
    inverted = are_inverted(values, found[:, :4], channels, frame).tolist()
    known = [drawn and count > 0 for drawn, count in zip(drawn, [*detections, len(found)], strict=True)]
    return Row(
        image,
        file,
        frame.width,
        frame.height,
        sha256,
        detections,
        status,
        _where(drawn, saturated),
        _where(known, inverted),
        files.classes.about["degenerate"],
    )


def _where(known: list[bool], values: list[bool]) -> list[bool | None]:
    return [value if sure else None for sure, value in zip(known, values, strict=True)]


def tabulate(rows: Iterable[Row], settings: dict[str, Any]) -> Manifest:
    """A manifest of rows in any order."""
    ordered = sorted(rows, key=lambda row: row.image)
    return Manifest(pd.DataFrame([asdict(row) for row in ordered], columns=SCHEMA.names), settings)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest, or the record of a shard; the settings go into its metadata."""
    table = pa.Table.from_pandas(manifest.table, SCHEMA, preserve_index=False)
    about = json.dumps(manifest.settings, sort_keys=True, allow_nan=False).encode()
    with new_file(path) as temporary:
        pq.write_table(table.replace_schema_metadata({METADATA_KEY: about}), temporary)


def read_manifest(path: Path) -> Manifest:
    """Load a manifest, or the record of a shard.

    Raises:
        InputError: The file does not exist, is truncated, or is not a manifest.
    """
    return Manifest(*read_rows(path, SCHEMA.names))


@dataclass(frozen=True)
class Collected:
    """A complete heatmap set.

    Attributes:
        manifest: Manifest of all its images.
        lint: Lint table of its maps.
        removed: Number of removed files that belonged to no image of the set.
    """

    manifest: Manifest
    lint: pd.DataFrame
    removed: int


def collect(folder: Path, trained_on: Collection[str] | None = None) -> Collected:
    """Join the records of all shards; write `lint.csv` and `manifest.parquet`.

    Removes files of images that are no longer in the set.

    Args:
        folder: Folder of a heatmap set.
        trained_on: sha256 of the training images of the network, if known.

    Raises:
        InputError: A record is missing, records disagree, or maps that they list are missing.
    """
    joined = _join(_read_records(folder))
    removed = _tidy(folder, set(joined.table["file"]))
    table = quality.lint(joined.table, joined.settings["class_names"], trained_on)
    with new_file(folder / quality.FILE) as path:
        table.to_csv(path, index=False, lineterminator="\n")
    write_manifest(folder / MANIFEST, joined)
    return Collected(joined, table, removed)


def _read_records(folder: Path) -> dict[Path, Manifest]:
    """The records of all shards of a set, by file."""
    found = Shard.recorded(folder)
    if not found:
        there = "no record of a shard" if folder.is_dir() else "no such folder"
        raise InputError(f"{folder}: {there}; expected a heatmap set of 'uncover heatmaps', such as OUT/gradcampp")
    paths = [shard.record(folder) for shard in found]
    counts = {shard.count for shard in found}
    if len(counts) > 1:
        raise InputError(f"{paths[0]}: belongs to another split than {paths[-1]}; remove the records of one split")
    count = counts.pop()
    records = {}
    for number in range(1, count + 1):
        shard = Shard(number, count)
        if not shard.record(folder).is_file():
            raise InputError(f"{shard.record(folder)}: does not exist; run 'uncover heatmaps --shard {number}/{count}'")
        records[shard.record(folder)] = read_manifest(shard.record(folder))
    return records


def _join(records: Mapping[Path, Manifest]) -> Manifest:
    (first, reference), *others = records.items()
    # The number of shards does not affect the maps.
    common = {name: value for name, value in reference.settings.items() if name not in ("shard", "shards")}
    for path, record in others:
        own = {name: value for name, value in record.settings.items() if name not in ("shard", "shards")}
        for name in common | own:
            if common.get(name) != own.get(name):
                raise InputError(f"{path}: was made {OTHER.get(name, f'with other {name}')} than {first}; {AGAIN}")
    table = pd.concat([record.table for record in records.values()]).sort_values("image", ignore_index=True)
    if len(table) != common["images"] or table["image"].duplicated().any():
        raise InputError(f"{first}: all records together list {len(table)} of {common['images']} images; {AGAIN}")
    return Manifest(table, common)


def _tidy(folder: Path, files: AbstractSet[str]) -> int:
    """Remove maps of images that are no longer in the set, and temporary files of killed processes."""
    removed = 0
    for leftover in (*folder.glob(".*.tmp.parquet"), *folder.glob(f"{RECORDS}/.*.tmp.parquet")):
        leftover.unlink()
    for place in (folder / CLASSES, folder / JOINT):
        there = {path.relative_to(place).as_posix(): path for path in place.rglob(f"*{SUFFIX}")}
        missing = sorted(files - there.keys())
        if missing:
            raise InputError(f"{place / missing[0]}: does not exist, although its shard is complete; {AGAIN}")
        for name in there.keys() - files:
            there[name].unlink()
            removed += 1
        for path in sorted(place.rglob("*"), reverse=True):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    return removed
