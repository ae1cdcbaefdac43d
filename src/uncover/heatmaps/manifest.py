"""The manifest of a heatmap set: a row per image, which its shards record and `collect` joins."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from uncover.atomic import new_file
from uncover.heatmaps.files import Files
from uncover.heatmaps.heatmaps import MAP
from uncover.heatmaps.measures import are_inverted, are_saturated
from uncover.images.map_sets import METADATA_KEY, read_rows

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
class Row:
    """What a manifest says of an image. C classes; lists of C + 1 have the joint map last.

    Attributes:
        image: Its name.
        file: Name of its maps, below `images/` and `joint/`.
        width: Of the image, in pixels.
        height: Likewise.
        sha256: Of the image's file.
        detections: C counts.
        status: C + 1: "map", or why it is blank.
        saturated: C + 1: whether it is bright almost everywhere; None where it is blank.
        inverted: C + 1: whether it is darker inside of what was detected than around it; None where it is blank, or
            nothing was detected.
        degenerate: Detections left out because they have no area.
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
    """What a heatmap set holds.

    Attributes:
        table: A `Row` per image, in order of their names.
        settings: How the maps were made: class_names, variant, method, layers, target, model (sha256 of the weights),
            image_size and more.
    """

    table: pd.DataFrame
    settings: dict[str, Any]


def describe(image: str, file: str, sha256: str, files: Files) -> Row:
    """The row of an image, read off its stored maps.

    Args:
        image: Its name.
        file: Name of its maps.
        sha256: Of the image's file.
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
    """A manifest of rows, which may come in any order."""
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
        InputError: It does not exist, is cut off, or is none.
    """
    return Manifest(*read_rows(path, SCHEMA.names))
