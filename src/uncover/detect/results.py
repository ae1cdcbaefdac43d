"""What was found in all sources, written: tables, a summary, and pictures with the boxes drawn in."""

from __future__ import annotations

import csv
import errno
import json
import platform
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np

import uncover
from uncover.atomic import new_file
from uncover.detect.account import FAILED, Account
from uncover.detect.annotate import annotate_image, annotate_video
from uncover.detect.follow import Faces, faces_of
from uncover.detect.options import IMAGES, PER_SECOND, SUMMARY
from uncover.detect.run import Looking
from uncover.detect.tables import FaceTables, face_tables, write_coco, write_csv
from uncover.errors import InputError
from uncover.footage.address import is_live, printable
from uncover.footage.decode import Dropped, open_video
from uncover.footage.sound import FileClock, add_sound
from uncover.images.reading import COLOURS, read_image
from uncover.metrics.alike import CAP, MOST_BOXES
from uncover.progress import track
from uncover.rescue.per_second import COLUMNS as PER_SECOND_COLUMNS
from uncover.rescue.per_second import FoundBy, FrameFace, per_second

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of a disk that takes nothing any more."""


def write_results(looking: Looking) -> None:
    """Write everything that the options ask for into the folder."""
    out, options = looking.out, looking.options
    with face_tables(out, _about(looking)) as tables, new_file(out / PER_SECOND) as temporary:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ("source", *PER_SECOND_COLUMNS), lineterminator="\n")
            writer.writeheader()
            for name, address in looking.readable().items():
                faces = _counted(looking, tables, name, _drawn(looking, name, address))
                writer.writerows({"source": name, **asdict(row)} for row in per_second(map(_of_frame, faces)))
        _write_images(looking, tables)
    if options.csv:
        write_csv(out)
    if options.coco:
        write_coco(out)
    with new_file(out / SUMMARY) as temporary:
        temporary.write_text(json.dumps(_summary(looking), indent=2) + "\n", encoding="utf-8")


def _drawn(looking: Looking, name: str, address: str) -> Iterator[Faces]:
    """Faces of a video, which is drawn on the way where that is wished; a live one was drawn as it happened."""
    options = looking.options
    faces = faces_of(looking.parts_of(name), looking.names, options.temporal, options.bridge)
    if not options.annotated or is_live(address):
        yield from faces
        return
    # Whatever becomes of the copy, the tables get all faces.
    given: deque[Faces] = deque()
    account = looking.accounts[name]
    path, clock, whole = looking.annotated[name], FileClock(), False
    with _or_lost(account, "no annotated copy"), open_video(address) as video:
        drawn = annotate_video(video, _noted(faces, given), options.privacy, path, clock)
        for each in track(drawn, f"drawing {name}", account.frames or video.length):
            given.popleft()
            yield each
        whole = True
    yield from given
    yield from faces
    if options.sound and whole:
        with _or_lost(account, "no sound in its annotated copy"):
            add_sound(path, address, clock, options.until, video.starts)


@contextmanager
def _or_lost(account: Account, what: str) -> Iterator[None]:
    """Note what could not be written of one source, so that everything else still is; a full disk stops all."""
    import av

    try:
        yield
    except (InputError, Dropped, av.FFmpegError, OSError) as error:
        number = None if isinstance(error, InputError | Dropped) else error.errno
        if number in FULL or (type(error) is OSError and number != errno.ENAMETOOLONG):
            raise
        account.lost.append(printable(f"{what} ({error})"))


def _noted(faces: Iterator[Faces], given: deque[Faces]) -> Iterator[Faces]:
    for each in faces:
        given.append(each)
        yield each


def _counted(looking: Looking, tables: FaceTables, name: str, faces: Iterator[Faces]) -> Iterator[Faces]:
    account = looking.accounts[name]
    for each in faces:
        tables.add(name, each.seen.index, each)
        account.add(each)
        yield each
    account.close()


def _of_frame(faces: Faces) -> FrameFace:
    """What a second knows of a frame: the surest of its faces."""
    if not len(faces.boxes):
        return FrameFace(faces.seen.second)
    surest = int(np.argmax(faces.confidence))
    box = faces.boxes[surest].astype(np.float64)
    found_by: FoundBy = faces.found_by[surest]
    return FrameFace(faces.seen.second, box, float(faces.confidence[surest]), found_by)


def _write_images(looking: Looking, tables: FaceTables) -> None:
    images, options = looking.sources.images, looking.options
    if not images or looking.accounts[IMAGES].status == FAILED:
        return
    names = list(images)
    for faces in faces_of(looking.parts_of(IMAGES), looking.names, "off", options.bridge):
        name = names[faces.seen.index]
        tables.add(name, 0, faces)
        looking.accounts[IMAGES].add(faces)
        if options.annotated:
            with _or_lost(looking.accounts[IMAGES], f"no annotated copy of {name}"):
                pixels = read_image(images[name], COLOURS)
                annotate_image(pixels, faces, options.privacy, looking.annotated[name])


def _about(looking: Looking) -> dict[str, Any]:
    """How boxes were made."""
    spotter, options = looking.chosen.spotter, looking.options
    rescue = spotter.rescue
    return {
        "detector": looking.chosen.detector,
        "confidence": spotter.confidence,
        "rescue": None if rescue is None else rescue.name,
        "rescue_confidence": None if rescue is None else rescue.confidence,
        "rescue_is": looking.chosen.why,
        "temporal": options.temporal,
        "bridge": options.bridge,
        "image_size": spotter.detector.image_size,
        "nms_iou": spotter.detector.nms_iou,
        CAP: MOST_BOXES,
        "precision": spotter.detector.precision,
        "weights": looking.chosen.digests,
        "uncover": uncover.__version__,
    }


def _summary(looking: Looking) -> dict[str, Any]:
    first = looking.first_box
    return {
        "settings": _about(looking),
        "sources": {name: account.told() for name, account in looking.accounts.items()},
        "skipped": looking.skipped.reasons,
        "passed_over": [printable(str(path)) for path in looking.sources.others],
        "seconds_to_first_box": None if first is None else round(first, 2),
        "frames_per_second": None if looking.speed is None else round(looking.speed, 2),
        "machine": f"{platform.machine()}, {looking.chosen.spotter.detector.device}",
    }
