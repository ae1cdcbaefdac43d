"""Faces in videos, streams and images. An interrupted call is resumed; a finished one is not repeated.

For each source: decode -> letterbox (`batches`) -> detect -> rescue (`detection`) -> store on disk (`detected_frames`);
after that for all sources: -> track (`faces`) -> draw (`annotate`) -> write (`results`). Stored detections remain, so
that a call that differs only in its outputs processes no frame again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

import uncover
from uncover.atomic import alone_in
from uncover.errors import InputError, keeping
from uncover.metrics.predictions import CAP, MOST_BOXES
from uncover.process import since_start
from uncover.progress import track
from uncover.text_files import printable
from uncover.video.annotate import LiveDrawing
from uncover.video.batches import Picture, frames_of_images, frames_of_video
from uncover.video.decode import Video, open_video
from uncover.video.detected_frames import DetectedFrame, End, Parts
from uncover.video.detection import Networks, detect_frames, labels_of
from uncover.video.faces import FaceLabels
from uncover.video.model import Model, find_whole_face
from uncover.video.options import BETWEEN_LINES, DetectOptions
from uncover.video.preview import Preview
from uncover.video.results import (
    BOXES_FILE,
    COCO_FILE,
    CSV_FILE,
    FRAMES_FILE,
    PER_SECOND,
    SUMMARY,
    ImageSource,
    VideoSource,
    write_coco,
    write_csv,
    write_results,
    write_summary,
)
from uncover.video.sources import Sources, is_live
from uncover.video.statistics import COMPLETE, CUT_OFF, FAILED, SourceStatistics

logger = logging.getLogger(__name__)

PARTS, ANNOTATED = ".parts", "annotated"
"""Subfolders of the output folder; the second one is also the key of annotated copies in `MADE`."""

MADE, TABLES = "made", "tables"
"""Key in the summary: outputs, each with a digest of everything it depends on; and the key of the tables that are
always written."""

OF_TABLES = (BOXES_FILE, FRAMES_FILE, PER_SECOND, SUMMARY)
MORE_TABLES = {"csv": (CSV_FILE, write_csv), "coco": (COCO_FILE, write_coco)}
"""File and writer of further formats of these tables."""

IMAGES = "images"
"""Name of all images together."""

JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")
"""Suffixes of JPEG files; copies of other images get the first one."""


@dataclass(frozen=True)
class Outcome:
    """Result for all sources.

    Attributes:
        statistics: Statistics of each video, and of the images together, by name.
        skipped: Why an image could not be read, by name.
        finished: A line if all outputs, or all boxes, already existed; otherwise empty.
    """

    statistics: Mapping[str, SourceStatistics]
    skipped: Mapping[str, str]
    finished: str = ""

    @property
    def whole(self) -> bool:
        """Whether everything could be read, and nothing had to be corrected."""
        return all(each.whole for each in self.statistics.values())


class Stopwatch:
    """Measures how fast this process detects faces.

    Attributes:
        frames: Processed frames.
        seconds: Time from the first decoded to the last processed frame.
        first_face: Seconds from the start of the process to the first face; None before.
    """

    def __init__(self, labels: FaceLabels) -> None:
        self._labels = labels
        self.frames, self.seconds = 0, 0.0
        self.first_face: float | None = None

    @property
    def speed(self) -> float | None:
        """Frames per second."""
        return self.frames / self.seconds if self.seconds and self.frames else None

    def watch(self, detected: Iterator[tuple[Picture, DetectedFrame]]) -> Iterator[tuple[Picture, DetectedFrame]]:
        """The same frames, while time is measured."""
        began = time.monotonic()
        try:
            for picture, frame in detected:
                self.frames += 1
                if self.first_face is None and self._labels.counts(frame).any():
                    self.first_face = since_start()
                yield picture, frame
        finally:
            self.seconds += time.monotonic() - began


def detect_sources(
    sources: Sources,
    networks: Networks,
    options: DetectOptions,
    out: Path,
    code: str,
    begins: Callable[[], None],
    preview: Preview | None = None,
) -> Outcome:
    """Detect in all sources, then write the results; existing outputs of an earlier call are not made again.

    Args:
        sources: Videos, streams and images.
        networks: Detector and rescue.
        options: Options of detection and outputs.
        out: Output folder.
        code: Digest of the program code; frames of other code are not reused.
        begins: Called before the first frame, unless everything exists already.
        preview: Shows frames while they are processed; None for no window.

    Raises:
        InputError: No source could be read.
        OutOfMemory: A batch does not fit into memory. Detected frames are kept: the same call with another batch size
            resumes after them.
    """
    labels = labels_of(networks)
    stopwatch = Stopwatch(labels)
    if networks.detector.device.type == "cpu":
        # The other cores decode; with one thread per core for the network, both would wait for each other.
        torch.set_num_threads(max(1, torch.get_num_threads() // 2))
    copies = annotated_paths(out, sources)

    def parts_of(addresses: Sequence[str]) -> Parts:
        return Parts(out / PARTS / _key(addresses, networks, options.until, code))

    with alone_in(out / PARTS, logger.info), keeping(lambda: stopwatch.frames > 0):
        videos = [
            VideoSource(name, address, parts_of([address]), copies[name]) for name, address in sources.videos.items()
        ]
        images = None
        if sources.images:
            images = ImageSource(sources.images, parts_of([str(path) for path in sources.images.values()]), copies)
        wanted = _wanted([*videos, *([] if images is None else [images])], options)
        before = _read_summary(out)
        missing = _missing(out, wanted, before.get(MADE) or {}, copies.values())
        live = any(is_live(address) for address in sources.videos.values())
        if TABLES not in missing and not live:
            if ANNOTATED not in missing:
                return Outcome({}, {}, _write_more_tables(out, missing, wanted, before))
            options = replace(options, csv="csv" in missing, coco="coco" in missing)
        elif not live:
            options = replace(options, annotated=ANNOTATED in missing)
        begins()
        for video in videos:
            detect_video(video, networks, options, labels, stopwatch, preview)
        if images is not None:
            detect_images(images, networks, options.batch, stopwatch, preview)
        statistics = {video.name: video.statistics for video in videos}
        statistics |= {} if images is None else {IMAGES: images.statistics}
        skipped = {} if images is None else images.skipped
        if all(each.status == FAILED for each in statistics.values()):
            raise InputError("; ".join(each.reason for each in statistics.values()))
        settings = settings_of(networks, options)
        write_results(out, videos, images, labels, options, settings)
        first, speed = stopwatch.first_face, stopwatch.speed
        timed = {
            "seconds_to_first_box": None if first is None else round(first, 2),
            "frames_per_second": None if speed is None else round(speed, 2),
        }
        if not stopwatch.frames:
            # Includes the time of frames that were processed by earlier calls.
            timed = {name: before.get(name) for name in timed}
        whole = all(each.whole for each in statistics.values())
        kept = before.get(MADE) or {} if (before.get(MADE) or {}).get(TABLES) == wanted[TABLES] else {}
        summary = {
            "settings": settings,
            "sources": {name: each.told() for name, each in statistics.items()},
            "given": sources.given(),
            "skipped": skipped,
            "passed_over": [printable(str(path)) for path in sources.others],
            **timed,
            "machine": f"{platform.machine()}, {networks.detector.device}",
            MADE: {**kept, **wanted} if whole else {},
        }
        write_summary(out, summary)
        _forget_others(out, [*videos, *([] if images is None else [images])])
    return Outcome(statistics, skipped)


def detect_video(
    source: VideoSource,
    networks: Networks,
    options: DetectOptions,
    labels: FaceLabels,
    stopwatch: Stopwatch,
    preview: Preview | None = None,
) -> None:
    """Decode, detect and store the frames of a video that are not stored yet; records how that ended."""
    parts, statistics = source.parts, source.statistics
    if parts.end is None:
        try:
            with open_video(source.address) as video:
                if video.live:
                    parts.clear()
                dropped: list[str] = []
                frames = frames_of_video(video, None if video.live else parts.last(), options.until, dropped)
                # Close it before the video, which its thread may be reading.
                with closing(detect_frames(frames, networks, options.batch, video.live)) as detected:
                    length = None if video.live or options.until is not None else video.length
                    _keep(
                        stopwatch.watch(track(detected, source.name, length, BETWEEN_LINES)),
                        source,
                        video,
                        options,
                        labels,
                        preview,
                    )
                last = parts.last()
                reason = dropped[0] if dropped else ""
                if not reason and last is not None and options.until is None:
                    reason = video.shortfall(last.index + 1, last.second)
                parts.finish(End(video.corrupt, reason, video.mended, video.notes))
        except InputError as error:
            last = parts.last()
            if last is None:
                statistics.status, statistics.reason = FAILED, str(error)
                return
            parts.finish(End(last.corrupt, str(error)))
    end = parts.end
    assert end is not None
    statistics.corrupt, statistics.reason = end.corrupt, end.reason
    statistics.mended, statistics.notes = end.mended, end.notes
    statistics.status = CUT_OFF if end.reason else COMPLETE


def _keep(
    detected: Iterator[tuple[Picture, DetectedFrame]],
    source: VideoSource,
    video: Video,
    options: DetectOptions,
    labels: FaceLabels,
    preview: Preview | None,
) -> None:
    """Store frames as they come. A live stream is drawn while it is processed, and can be ended by the user."""
    bridge = options.bridge if options.temporal != "off" else None
    draws = video.live and options.annotated
    live = LiveDrawing(source.copy, video, labels, options.privacy, bridge, options.shape) if draws else None
    with live or nullcontext() as drawing:
        try:
            for picture, frame in detected:
                source.parts.add(frame)
                if preview is not None:
                    preview.show(picture, frame)
                if drawing is not None:
                    drawing.add(picture, frame)
        except KeyboardInterrupt:
            if not video.live:
                raise
            logger.info(f"{source.name}: interrupted; writing the results so far")
        finally:
            source.parts.flush()


def detect_images(
    source: ImageSource, networks: Networks, batch: int, stopwatch: Stopwatch, preview: Preview | None = None
) -> None:
    """Same for images; images that could not be read before are tried again."""
    parts, statistics = source.parts, source.statistics
    frames = frames_of_images(source.files, {frame.index for frame in parts}, source.skipped)
    try:
        # Close it in any case, so that its thread does not continue to read.
        with closing(detect_frames(frames, networks, batch)) as detected:
            for picture, frame in stopwatch.watch(track(detected, IMAGES, len(source.files), BETWEEN_LINES)):
                parts.add(frame)
                if preview is not None:
                    preview.show(picture, frame)
    finally:
        parts.flush()
    if parts.last() is None:
        statistics.status, statistics.reason = FAILED, next(iter(source.skipped.values()))
        return
    statistics.corrupt = len(source.skipped)


def settings_of(networks: Networks, options: DetectOptions) -> dict[str, Any]:
    """Settings of the boxes, for tables and summary."""
    detector, rescue = networks.detector, networks.rescue
    return {
        "detector": networks.name,
        "confidence": networks.confidence,
        "rescue": None if rescue is None else rescue.name,
        "rescue_confidence": None if rescue is None else rescue.confidence,
        "rescue_is": networks.why,
        "temporal": options.temporal,
        "bridge": options.bridge,
        "image_size": detector.image_size,
        "nms_iou": detector.nms_iou,
        CAP: MOST_BOXES,
        "precision": detector.precision,
        "weights": networks.digests,
        "uncover": uncover.__version__,
    }


def _key(addresses: Sequence[str], networks: Networks, until: float | None, code: str) -> str:
    """Key of the parts of a source; it changes with the source and with everything that changes boxes."""
    detector, rescue = networks.detector, networks.rescue
    how = {
        "files": [_identity(address) for address in addresses],
        "weights": networks.digests,
        "confidence": networks.confidence,
        "face": find_whole_face(detector.header) if isinstance(detector, Model) else detector.about,
        "rescue": None if rescue is None else [rescue.name, rescue.confidence],
        "image_size": detector.image_size,
        "nms_iou": detector.nms_iou,
        "precision": detector.precision,
        "until": until,
        "covered": networks.covered,
        "code": code,
    }
    return _digest(how)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _wanted(sources: Sequence[VideoSource | ImageSource], options: DetectOptions) -> dict[str, str]:
    """Requested outputs, each with a digest of everything it depends on."""
    names = [list(each.files) if isinstance(each, ImageSource) else each.name for each in sources]
    temporal = [options.temporal] if options.temporal == "off" else [options.temporal, options.bridge]
    tables = _digest([names, [each.parts.folder.name for each in sources], temporal])
    wanted = {TABLES: tables}
    wanted |= {name: tables for name in MORE_TABLES if getattr(options, name)}
    if options.annotated:
        wanted[ANNOTATED] = _digest([tables, options.privacy, options.shape, options.sound])
    return wanted


def _missing(out: Path, wanted: Mapping[str, str], made: Mapping[str, str], copies: Iterable[Path]) -> set[str]:
    """Requested outputs that do not exist or depend on something else."""
    files = {TABLES: [out / name for name in OF_TABLES], ANNOTATED: list(copies)}
    files |= {name: [out / file] for name, (file, _) in MORE_TABLES.items()}
    there = {name for name in wanted if all(path.is_file() for path in files[name])}
    return {name for name, digest in wanted.items() if name not in there or made.get(name) != digest}


def _write_more_tables(out: Path, missing: set[str], wanted: Mapping[str, str], summary: dict[str, Any]) -> str:
    """Write the outputs that can be made from the tables; returns a line on it."""
    if not missing:
        return f"{out}: all outputs exist with these settings; nothing to do"
    written = [MORE_TABLES[name] for name in sorted(missing)]
    for _, write in written:
        write(out)
    write_summary(out, {**summary, MADE: {**summary[MADE], **wanted}})
    return f"{out}: the boxes exist already; wrote {', '.join(file for file, _ in written)}"


def _read_summary(out: Path) -> dict[str, Any]:
    """The summary of an earlier call; empty if there is none."""
    try:
        summary = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return summary if isinstance(summary, dict) else {}


def _forget_others(out: Path, sources: Sequence[VideoSource | ImageSource]) -> None:
    """Remove detected frames that no later call can reuse: those of other settings, and of streams."""
    kept = {each.parts.folder for each in sources if isinstance(each, ImageSource) or not is_live(each.address)}
    for folder in (out / PARTS).iterdir():
        if folder not in kept:
            shutil.rmtree(folder)


def annotated_paths(out: Path, sources: Sources) -> dict[str, Path]:
    """Paths of the annotated copies of videos and images by name: MP4 and JPEG files, one per source.

    A name with such a suffix keeps it; others get one (`x.png.jpg`), with a number if that name is taken.
    """
    paths: dict[str, Path] = {}
    taken: set[str] = set()
    endings = dict.fromkeys(sources.videos, (".mp4",)) | dict.fromkeys(sources.images, JPEG)
    # Unchanged names go first, so that others cannot take them.
    for name, own in sorted(endings.items(), key=lambda item: not item[0].lower().endswith(item[1])):
        place = name.replace("://", "/")
        stem = place if place.lower().endswith(own) else f"{place}{own[0]}"
        candidates = (stem, *(f"{place} ({number}){own[0]}" for number in range(2, len(endings) + 2)))
        # Some file systems are case-insensitive.
        path = next(each for each in candidates if each.lower() not in taken)
        taken.add(path.lower())
        paths[name] = out / ANNOTATED / path
    return paths


def _identity(address: str) -> list[object]:
    """Values that distinguish a file from a later one with the same name, without reading it."""
    path = Path(address)
    if not path.is_file():
        return [address]
    stat = path.stat()
    return [str(path.absolute()), stat.st_size, stat.st_mtime_ns]
