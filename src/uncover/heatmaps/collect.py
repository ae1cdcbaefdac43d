"""Join the shards of a heatmap set: its manifest, its lint table, and nothing in its folder that is not of the set."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from uncover.atomic import new_file
from uncover.errors import InputError
from uncover.heatmaps import lint
from uncover.heatmaps.files import CLASSES, SUFFIX
from uncover.heatmaps.manifest import Manifest, read_manifest, write_manifest
from uncover.images.map_sets import MANIFEST
from uncover.images.maps import JOINT
from uncover.images.shard import RECORDS, Shard

PLACES = (CLASSES, JOINT, RECORDS)
"""What stands in the folder of a heatmap set, beside its tables."""

AGAIN = "run 'uncover heatmaps' again for all shards"
OTHER = {
    "class_names": "for other classes",
    "code": "by another version of uncover",
    "images": "of more or fewer images",
    "model": "with other weights",
    "names": "of other images",
}
"""How records differ, by setting; of others the name says it."""


@dataclass(frozen=True)
class Collected:
    """A heatmap set.

    Attributes:
        manifest: Of all its images.
        lint: What is wrong with its maps.
        removed: How many files were of no image of the set.
    """

    manifest: Manifest
    lint: pd.DataFrame
    removed: int


def collect(folder: Path, trained_on: Collection[str] | None = None) -> Collected:
    """Join the records of all shards; write `lint.csv` and `manifest.parquet`.

    Files of images that are no longer in the set are removed.

    Args:
        folder: Of a heatmap set.
        trained_on: sha256 of the images that the network was trained on, if they are known.

    Raises:
        InputError: A record is missing, records disagree, or maps that they list are missing.
    """
    joined = _join(_read_records(folder))
    removed = _tidy(folder, set(joined.table["file"]))
    table = lint.lint(joined, trained_on)
    with new_file(folder / lint.FILE) as path:
        table.to_csv(path, index=False, lineterminator="\n")
    write_manifest(folder / MANIFEST, joined)
    return Collected(joined, table, removed)


def _read_records(folder: Path) -> dict[Path, Manifest]:
    """The records of all shards of a set, by their files."""
    found = Shard.recorded(folder)
    if not found:
        there = "holds no record of a shard" if folder.is_dir() else "no such folder"
        raise InputError(f"{folder}: {there}; expected a heatmap set of 'uncover heatmaps', such as OUT/gradcampp")
    paths = [shard.record(folder) for shard in found]
    counts = {shard.count for shard in found}
    if len(counts) > 1:
        raise InputError(f"{paths[0]}: is of another split than {paths[-1]}; remove the records of the one not meant")
    count = counts.pop()
    records = {}
    for number in range(1, count + 1):
        shard = Shard(number, count)
        if not shard.record(folder).is_file():
            raise InputError(
                f"{shard.record(folder)}: does not exist; make it with 'uncover heatmaps --shard {number}/{count}'"
            )
        records[shard.record(folder)] = read_manifest(shard.record(folder))
    return records


def _join(records: Mapping[Path, Manifest]) -> Manifest:
    (first, reference), *others = records.items()
    common = {name: value for name, value in reference.settings.items() if name != "shard"}
    for path, record in others:
        own = {name: value for name, value in record.settings.items() if name != "shard"}
        for name in common | own:
            if common.get(name) != own.get(name):
                raise InputError(f"{path}: was made {OTHER.get(name, f'with other {name}')} than {first}; {AGAIN}")
    table = pd.concat([record.table for record in records.values()]).sort_values("image", ignore_index=True)
    if len(table) != common["images"] or table["image"].duplicated().any():
        raise InputError(f"{first}: it and the other records list {len(table)} of {common['images']} images; {AGAIN}")
    return Manifest(table, common)


def _tidy(folder: Path, files: AbstractSet[str]) -> int:
    """Remove maps of images that are no longer in the set, and what a killed process left of a file."""
    removed = 0
    for leftover in (*folder.glob(".*.tmp.parquet"), *folder.glob(f"{RECORDS}/.*.tmp.parquet")):
        leftover.unlink()
    for place in (folder / CLASSES, folder / JOINT):
        there = {path.relative_to(place).as_posix(): path for path in place.rglob(f"*{SUFFIX}")}
        missing = sorted(files - there.keys())
        if missing:
            raise InputError(f"{place / missing[0]}: does not exist, though its shard is done; {AGAIN}")
        for name in there.keys() - files:
            there[name].unlink()
            removed += 1
        for path in sorted(place.rglob("*"), reverse=True):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    return removed
