"""The writing step: tables, seconds, a summary, and pictures with the boxes drawn in, source by source."""

from __future__ import annotations

import csv
import errno
import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from uncover.atomic import new_file
from uncover.errors import InputError
from uncover.images.reading import COLOURS, read_image
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

PER_SECOND, SUMMARY = "per_second.csv", "summary.json"
"""Below the folder that is written into."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of a disk that takes nothing any more."""

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


@dataclass(frozen=True)
class VideoSource:
    """A video, or a live stream.

    Attributes:
        name: Under which results know it.
        address: Path or address.
        parts: What was detected in it.
        copy: Where its annotated copy goes.
        statistics: What became of it.
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
        files: By the name under which results know them; frames are numbered in this order.
        parts: What was detected in them.
        copies: Where annotated copies go, by name.
        statistics: What became of them.
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
    """Track and write what was detected in all sources.

    Args:
        out: Folder to write into.
        videos: Those of which nothing could be read are left out.
        images: None where there are none.
        labels: What boxes are marked as, and which count.
        options: What to write.
        settings: How the boxes were made; goes into the metadata of the tables.
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
    """The same, while a video is drawn where that is asked for; a live one was drawn as it happened."""
    if not options.annotated or is_live(video.address):
        yield from faces
        return
    # Whatever becomes of the copy, the tables get all faces.
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
    """Note what could not be written of one source, so that everything else still is; a full disk stops all."""
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
    """The same, while each goes into the tables and the statistics."""
    for each in faces:
        tables.add(video.name, each.frame.index, each)
        video.statistics.add(each)
        yield each
    video.statistics.close()


def _surest(faces: FrameFaces) -> FrameFace:
    """What a second knows of a frame: the surest of its faces."""
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
            numbers = {name: round(row[name], 3) for name in CORNERS} | {"confidence": round(row["confidence"], 4)}
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
    box = [round(value, 3) for value in (x1, y1, x2 - x1, y2 - y1)]
    told = {"id": number, "image_id": image, "category_id": CATEGORY["id"], "bbox": box, "iscrowd": 0}
    told["area"] = round((x2 - x1) * (y2 - y1), 3)
    return told | {"score": round(row["confidence"], 4), "found_by": row["found_by"], "method": row["method"]}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(AT_ONCE):
            yield from batch.to_pylist()
