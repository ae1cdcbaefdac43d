"""What was found, on disk: a row per box and per frame, written as it comes, so that memory does not grow."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from uncover.atomic import new_file
from uncover.metrics.predictions import CORNERS
from uncover.video.track import FrameFaces

BOXES = pa.schema(
    [
        ("source", pa.string()),
        ("frame", pa.int64()),
        ("second", pa.float64()),
        *((corner, pa.float32()) for corner in CORNERS),
        ("confidence", pa.float32()),
        ("found_by", pa.string()),
        ("method", pa.string()),
    ]
)
FRAMES = pa.schema(
    [
        ("source", pa.string()),
        ("frame", pa.int64()),
        ("second", pa.float64()),
        ("width", pa.int64()),
        ("height", pa.int64()),
    ]
)
BOXES_FILE, FRAMES_FILE, CSV_FILE, COCO_FILE = "boxes.parquet", "frames.parquet", "boxes.csv", "boxes.json"
AT_ONCE = 4096
"""Rows that are held before they are written."""

METADATA_KEY = b"uncover"
CATEGORY = {"id": 1, "name": "face"}


class _Rows:
    """Rows of a Parquet file, written some thousand at a time."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema)
        self._waiting: list[dict[str, object]] = []

    def add(self, row: dict[str, object]) -> None:
        self._waiting.append(row)
        if len(self._waiting) == AT_ONCE:
            self._write()

    def close(self) -> None:
        self._write()
        self._writer.close()

    def _write(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_pylist(self._waiting, self._schema))
            self._waiting = []


class FaceTables:
    """The two tables of a detection."""

    def __init__(self, boxes: _Rows, frames: _Rows) -> None:
        self._boxes, self._frames = boxes, frames

    def add(self, source: str, frame: int, faces: FrameFaces) -> None:
        """Add a frame.

        Args:
            source: Name of the video, or of the image.
            frame: Its number in the video; 0 for an image.
            faces: Found in it.
        """
        shown = faces.frame
        second = None if shown.second != shown.second else shown.second
        of_frame: dict[str, object] = {"source": source, "frame": frame, "second": second}
        self._frames.add(of_frame | {"width": shown.width, "height": shown.height})
        found = faces.faces
        boxes = zip(found.boxes.tolist(), found.confidence.tolist(), faces.found_by, faces.methods, strict=True)
        for corners, confidence, found_by, method in boxes:
            named = dict(zip(CORNERS, corners, strict=True))
            self._boxes.add(of_frame | named | {"confidence": confidence, "found_by": found_by, "method": method})


@contextmanager
def face_tables(folder: Path, about: Mapping[str, Any]) -> Iterator[FaceTables]:
    """Write `boxes.parquet` and `frames.parquet`; under their final names they are whole.

    Args:
        folder: To write into.
        about: How the boxes were made; goes into the metadata of both.
    """
    metadata = {METADATA_KEY: json.dumps(dict(about), sort_keys=True).encode()}
    with new_file(folder / BOXES_FILE) as boxes_path, new_file(folder / FRAMES_FILE) as frames_path:
        boxes = _Rows(boxes_path, BOXES.with_metadata(metadata))
        frames = _Rows(frames_path, FRAMES.with_metadata(metadata))
        try:
            yield FaceTables(boxes, frames)
        finally:
            boxes.close()
            frames.close()


def write_csv(folder: Path) -> None:
    """Write `boxes.csv` of `boxes.parquet`."""
    with new_file(folder / CSV_FILE) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, BOXES.names, lineterminator="\n")
        writer.writeheader()
        for row in _rows(folder / BOXES_FILE):
            numbers = {name: _short(row[name], 3) for name in CORNERS} | {"confidence": _short(row["confidence"], 4)}
            writer.writerow(row | numbers)


def write_coco(folder: Path) -> None:
    """Write `boxes.json`: COCO's format, an image per frame, a score per box.

    The format: https://cocodataset.org/#format-data; boxes are x, y, width, height in pixels.
    """
    with new_file(folder / COCO_FILE) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(f'{{"categories": [{json.dumps(CATEGORY)}], "images": [')
        for number, row in enumerate(_rows(folder / FRAMES_FILE)):
            file.write(("," if number else "") + "\n" + json.dumps({"id": number, "file_name": row["source"], **row}))
        file.write('], "annotations": [')
        # Both tables are in one order, so that one walk finds the frame of each box.
        frames = enumerate(_rows(folder / FRAMES_FILE))
        place = (-1, ("", -1))
        for number, row in enumerate(_rows(folder / BOXES_FILE)):
            while place[1] != (row["source"], row["frame"]):
                image, frame = next(frames)
                place = (image, (frame["source"], frame["frame"]))
            file.write(("," if number else "") + "\n" + json.dumps(_annotation(number, place[0], row)))
        file.write("]}\n")


def _annotation(number: int, image: int, row: dict[str, Any]) -> dict[str, Any]:
    x1, y1, x2, y2 = (row[corner] for corner in CORNERS)
    box = [_short(value, 3) for value in (x1, y1, x2 - x1, y2 - y1)]
    told = {"id": number, "image_id": image, "category_id": CATEGORY["id"], "bbox": box, "iscrowd": 0}
    told["area"] = _short((x2 - x1) * (y2 - y1), 3)
    return told | {"score": _short(row["confidence"], 4), "found_by": row["found_by"], "method": row["method"]}


def _short(value: float, digits: int) -> float:
    """Of a single-precision number, no more digits than mean something."""
    return round(value, digits)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(AT_ONCE):
            yield from batch.to_pylist()
