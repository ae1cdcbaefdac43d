"""Write the results: tables, seconds, a summary, and annotated copies, source by source."""

from __future__ import annotations

import csv
import errno
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from uncover.atomic import new_file
from uncover.errors import InputError
from uncover.images.reading import COLOURS, read_image
from uncover.metrics.detections import Detections
from uncover.metrics.predictions import CORNERS
from uncover.progress import track
from uncover.text_files import printable
from uncover.tracking.per_second import COLUMNS as PER_SECOND_COLUMNS
from uncover.tracking.per_second import FoundBy, FrameFace, per_second
from uncover.video.annotate import annotate_image, annotate_video
from uncover.video.decode import Dropped, open_video
from uncover.video.detected_frames import Parts
from uncover.video.faces import FaceLabels, FrameFaces, track_faces
from uncover.video.options import BETWEEN_LINES, DetectOptions
from uncover.video.sound import FileClock, add_sound
from uncover.video.sources import is_live
from uncover.video.statistics import FAILED, SourceStatistics

if TYPE_CHECKING:
    import pandas as pd

PER_SECOND, SUMMARY = "per_second.csv", "summary.json"
"""Files in the output folder."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of a disk that cannot be written to any more."""

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
"""Number of rows that are collected before they are written."""

METADATA_KEY = b"uncover"
CATEGORY = {"id": 1, "name": "face"}


@dataclass(frozen=True)
class VideoSource:
    """A video file or a live stream.

    Attributes:
        name: Name in the results.
        address: Path or address.
        parts: Its detected frames.
        copy: Path of its annotated copy.
        statistics: Its statistics.
    """

    name: str
    address: str
    parts: Parts
    copy: Path
    statistics: SourceStatistics = field(default_factory=SourceStatistics)


@dataclass(frozen=True)
class ImageSource:
    """All images together.

    Attributes:
        files: Files by name in the results; frames are numbered in this order.
        parts: Their detected frames.
        copies: Paths of annotated copies, by name.
        statistics: Their statistics.
        skipped: Why an image could not be read, by name.
    """

    files: Mapping[str, Path]
    parts: Parts
    copies: Mapping[str, Path]
    statistics: SourceStatistics = field(default_factory=SourceStatistics)
    skipped: dict[str, str] = field(default_factory=dict)


def write_results(
    out: Path,
    videos: list[VideoSource],
    images: ImageSource | None,
    labels: FaceLabels,
    options: DetectOptions,
    settings: Mapping[str, Any],
) -> None:
    """Track faces in all sources and write the results.

    Args:
        out: Output folder.
        videos: Videos; those that could not be read are left out.
        images: Images; None if there are none.
        labels: Labels and thresholds of boxes.
        options: Outputs to write.
        settings: Settings of the boxes, for the metadata of the tables.
    """
    with face_tables(out, settings) as tables, new_file(out / PER_SECOND) as temporary:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ("source", *PER_SECOND_COLUMNS), lineterminator="\n")
            writer.writeheader()
            for video in videos:
                if video.statistics.status == FAILED:
                    continue
                tracked = track_faces(video.parts, labels, options.temporal, options.bridge)
                drawn = _drawn(tracked, video, options)
                stored = _stored(drawn, video, tables)
                seconds = per_second(_surest(each) for each in stored)
                writer.writerows({"source": video.name, **asdict(row)} for row in seconds)
        if images is not None and images.statistics.status != FAILED:
            _write_images(images, labels, options, tables)
    if options.csv:
        write_csv(out)
    if options.coco:
        write_coco(out)


def write_summary(out: Path, summary: Mapping[str, Any]) -> None:
    """Write `summary.json`."""
    with new_file(out / SUMMARY) as temporary:
        temporary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def _drawn(faces: Iterator[FrameFaces], video: VideoSource, options: DetectOptions) -> Iterator[FrameFaces]:
    """The same faces, while an annotated copy is drawn if requested; that of a live stream exists already."""
    if not options.annotated or is_live(video.address):
        yield from faces
        return
    # Whatever happens to the copy, the tables get all faces.
    given: deque[FrameFaces] = deque()
    statistics, clock, whole = video.statistics, FileClock(), False
    with _or_lost(statistics, "no annotated copy"), open_video(video.address) as opened:
        drawn = annotate_video(opened, _noted(faces, given), options.privacy, video.copy, clock, options.shape)
        for each in track(drawn, f"drawing {video.name}", statistics.frames or opened.length, BETWEEN_LINES):
            given.popleft()
            yield each
        whole = True
    yield from given
    yield from faces
    if options.sound and whole:
        with _or_lost(statistics, "no sound in its annotated copy"):
            add_sound(video.copy, video.address, clock, options.until, opened.starts)


@contextmanager
def _or_lost(statistics: SourceStatistics, what: str) -> Iterator[None]:
    """Record what could not be written of one source and continue with the others; a full disk stops everything."""
    try:
        yield
    except (InputError, Dropped, av.FFmpegError, OSError) as error:
        number = None if isinstance(error, InputError | Dropped) else error.errno
        if number in FULL or (type(error) is OSError and number != errno.ENAMETOOLONG):
            raise
        statistics.lost.append(printable(f"{what} ({error})"))


def _noted(faces: Iterator[FrameFaces], given: deque[FrameFaces]) -> Iterator[FrameFaces]:
    for each in faces:
        given.append(each)
        yield each


def _stored(faces: Iterator[FrameFaces], video: VideoSource, tables: FaceTables) -> Iterator[FrameFaces]:
    """The same faces, while they are added to tables and statistics."""
    for each in faces:
        tables.add(video.name, each.frame.index, each)
        video.statistics.add(each)
        yield each
    video.statistics.close()


def _surest(faces: FrameFaces) -> FrameFace:
    """A frame in the table of seconds: its most confident face."""
    found = faces.faces
    if not len(found):
        return FrameFace(faces.frame.second)
    surest = int(np.argmax(found.confidence))
    found_by: FoundBy = faces.found_by[surest]
    box = found.boxes[surest].astype(np.float64)
    return FrameFace(faces.frame.second, box, float(found.confidence[surest]), found_by)


def _write_images(images: ImageSource, labels: FaceLabels, options: DetectOptions, tables: FaceTables) -> None:
    names = list(images.files)
    found = track_faces(images.parts, labels, "off", options.bridge)
    for faces in track(found, "drawing images", len(names), BETWEEN_LINES) if options.annotated else found:
        name = names[faces.frame.index]
        tables.add(name, 0, faces)
        images.statistics.add(faces)
        if options.annotated:
            with _or_lost(images.statistics, f"no annotated copy of {name}"):
                pixels = read_image(images.files[name], COLOURS)
                annotate_image(pixels, faces, options.privacy, images.copies[name], options.shape)


class _Rows:
    """Rows of a Parquet file, written in groups."""

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
            frame: Number in the video; 0 for an image.
            faces: Faces of the frame.
        """
        shown = faces.frame
        second = None if shown.second != shown.second else shown.second
        of_frame: dict[str, object] = {"source": source, "frame": frame, "second": second}
        self._frames.add(of_frame | {"width": shown.width, "height": shown.height})
        for row in _box_rows(of_frame, faces.faces, faces.found_by, faces.methods):
            self._boxes.add(row)


def _box_rows(
    of_frame: Mapping[str, object], faces: Detections, found_by: Iterable[str], methods: Iterable[str]
) -> Iterator[dict[str, object]]:
    """Rows of the table of boxes, of one frame."""
    for corners, confidence, mark, method in zip(
        faces.boxes.tolist(), faces.confidence.tolist(), found_by, methods, strict=True
    ):
        named = dict(zip(CORNERS, corners, strict=True))
        yield {**of_frame, **named, "confidence": confidence, "found_by": mark, "method": method}


def as_table(
    frames: Iterable[tuple[str, int, float | None, Detections, Sequence[str]]], all_frames: bool = False
) -> pd.DataFrame:
    """Boxes of frames as `boxes.parquet` has them.

    Args:
        frames: Of each: source, number, second, faces with what found them (`found_by`), and the method of each face.
        all_frames: Also return a row for each frame without a face; its box is missing.
    """
    rows: list[dict[str, object]] = []
    for source, frame, second, faces, methods in frames:
        of_frame = {"source": source, "frame": frame, "second": second}
        found_by = [] if faces.found_by is None else faces.found_by.tolist()
        rows += _box_rows(of_frame, faces, found_by, methods)
        rows += [of_frame] * (all_frames and not len(faces))
    return pa.Table.from_pylist(rows, BOXES).to_pandas()


@contextmanager
def face_tables(folder: Path, about: Mapping[str, Any]) -> Iterator[FaceTables]:
    """Write `boxes.parquet` and `frames.parquet`; files with their final names are complete.

    Args:
        folder: Output folder.
        about: Settings of the boxes, for the metadata of both.
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
    """Convert `boxes.parquet` into `boxes.csv`."""
    with new_file(folder / CSV_FILE) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, BOXES.names, lineterminator="\n")
        writer.writeheader()
        for row in _rows(folder / BOXES_FILE):
            numbers = {name: round(row[name], 3) for name in CORNERS} | {"confidence": round(row["confidence"], 4)}
            writer.writerow(row | numbers)


def write_coco(folder: Path) -> None:
    """Write `boxes.json` in COCO format, with an image per frame and a score per box.

    Format: https://cocodataset.org/#format-data; boxes are x, y, width, height in pixels.
    """
    with new_file(folder / COCO_FILE) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(f'{{"categories": [{json.dumps(CATEGORY)}], "images": [')
        for number, row in enumerate(_rows(folder / FRAMES_FILE)):
            file.write(("," if number else "") + "\n" + json.dumps({"id": number, "file_name": row["source"], **row}))
        file.write('], "annotations": [')
        # Both tables have the same order, so one pass finds the frame of each box.
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
    box = [round(value, 3) for value in (x1, y1, x2 - x1, y2 - y1)]
    told = {"id": number, "image_id": image, "category_id": CATEGORY["id"], "bbox": box, "iscrowd": 0}
    told["area"] = round((x2 - x1) * (y2 - y1), 3)
    return told | {"score": round(row["confidence"], 4), "found_by": row["found_by"], "method": row["method"]}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(AT_ONCE):
            yield from batch.to_pylist()
