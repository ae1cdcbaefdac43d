"""One source, frame by frame: what is spotted in each, from where the work was stopped."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from uncover.detect.parts import Parts, Seen
from uncover.detect.pictures import Picture, ahead, frame_pictures, in_batches
from uncover.detect.spotter import Detected, Spotter
from uncover.errors import InputError
from uncover.footage.address import printable
from uncover.footage.decode import Dropped, Frame, Video
from uncover.images.cache import readers
from uncover.images.reading import COLOURS, read_image
from uncover.threads import cores, in_background

DEPTH = 2
"""Batches that wait for the network at most."""

LARGE = 50_000_000 * COLOURS
"""Bytes of a large image, by which the threads that read images share what memory there is."""


@dataclass
class Skipped:
    """Images that could not be read, and why, by name."""

    reasons: dict[str, str] = field(default_factory=dict)


def look(spotter: Spotter, frames: Iterable[Frame], batch: int, live: bool = False) -> Generator[tuple[Picture, Seen]]:
    """Look at frames. One thread decodes, one runs the detector, and here the rescue looks again.

    Args:
        spotter: Detector and rescue.
        frames: What to look at.
        batch: Frames at a time, at most.
        live: Whether frames come as they happen. Others are put into the network's frame by as many threads as there
            are cores, which waits for the frames that come after them.
    """
    model = spotter.detector
    pictures = frame_pictures(frames, model.image_size, model.header.padding, 0 if live else cores())

    def detect() -> Generator[Detected]:
        with closing(ahead(in_batches(pictures, batch), DEPTH)) as batches:
            for pictures_at_once in batches:
                yield spotter.detect(pictures_at_once)

    with closing(ahead(detect(), 1)) as halves:
        for half in halves:
            for picture, spotted in zip(half.pictures, spotter.look_again(half), strict=True):
                place, frame = picture.place, picture.original
                size = place.width, place.height
                yield picture, Seen(picture.index, picture.second, *size, spotted, frame.corrupt, frame.joint)


def frames_of_video(video: Video, parts: Parts, until: float | None, dropped: list[str]) -> Iterator[Frame]:
    """Frames of a video that are not in its parts yet.

    Args:
        video: To read.
        parts: What has been looked at.
        until: Second after which to stop; None reads to the end.
        dropped: Gets the reason if the video ends too early.
    """
    last = None if video.live else parts.last()
    start, first, corrupt = (0.0, 0, 0) if last is None else (last.second, last.index + 1, last.corrupt)
    frames = video.frames(start, first, corrupt)
    if last is not None:
        # The frame that was looked at last comes again, and has its number already.
        frames = (frame for frame in frames if frame.second > last.second + 1e-6)
        frames = (frame.renumbered(number) for number, frame in zip(itertools.count(first), frames))
    try:
        for frame in frames:
            if until is not None and frame.second > until:
                return
            # Decoders are some pictures ahead of what they give, so damage just after a stop may count twice; none is
            # forgotten.
            frame.corrupt = video.corrupt
            yield frame
    except Dropped as reason:
        dropped.append(str(reason))


def frames_of_images(images: Mapping[str, Path], parts: Parts, skipped: Skipped) -> Iterator[Frame]:
    """Images that are not in their parts yet, as frames without a time; those that could not be read are tried again.

    While one is looked at, others are read, as many at once as there are cores.

    Args:
        images: Files by name.
        parts: What has been looked at.
        skipped: Gets those that cannot be read.
    """
    known = {seen.index for seen in parts}

    def read(index: int, name: str, path: Path) -> Frame | None:
        try:
            return Frame(index, np.nan, read_image(path, COLOURS))
        except InputError as error:
            skipped.reasons[name] = printable(str(error))
            return None

    threads = readers(LARGE)
    asked = ((index, *item) for index, item in enumerate(images.items()) if index not in known)
    for frame in in_background((partial(read, *each) for each in asked), threads, threads):
        if frame is not None:
            yield frame
