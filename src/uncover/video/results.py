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

from uncover.atomic import new_file
from uncover.errors import InputError
from uncover.images.reading import COLOURS, read_image
from uncover.progress import track
from uncover.text_files import printable
from uncover.tracking.per_second import COLUMNS as PER_SECOND_COLUMNS
from uncover.tracking.per_second import FoundBy, FrameFace, per_second
from uncover.video.annotate import annotate_image, annotate_video
from uncover.video.decode import Dropped, open_video
from uncover.video.options import DetectOptions
from uncover.video.sound import FileClock, add_sound
from uncover.video.sources import is_live
from uncover.video.statistics import FAILED, SourceStatistics
from uncover.video.stored import Parts
from uncover.video.tables import FaceTables, face_tables, write_coco, write_csv
from uncover.video.track import FrameFaces, Labels, track_faces

PER_SECOND, SUMMARY = "per_second.csv", "summary.json"
"""Below the folder that is written into."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of a disk that takes nothing any more."""


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
    labels: Labels,
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
        drawn = annotate_video(opened, _noted(faces, given), options.privacy, video.copy, clock)
        for each in track(drawn, f"drawing {video.name}", statistics.frames or opened.length):
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


def _write_images(images: ImageSource, labels: Labels, options: DetectOptions, tables: FaceTables) -> None:
    names = list(images.files)
    for faces in track_faces(images.parts, labels, "off", options.bridge):
        name = names[faces.frame.index]
        tables.add(name, 0, faces)
        images.statistics.add(faces)
        if options.annotated:
            with _or_lost(images.statistics, f"no annotated copy of {name}"):
                pixels = read_image(images.files[name], COLOURS)
                annotate_image(pixels, faces, options.privacy, images.copies[name])
