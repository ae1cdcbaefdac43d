"""Frames on their way to the network: read, letterboxed in threads of their own, and put into batches of one shape."""

from __future__ import annotations

import itertools
import math
import queue
import threading
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.images.cache import readers
from uncover.images.letterbox import Letterbox, fit, letterbox
from uncover.images.reading import COLOURS, read_image
from uncover.text_files import printable
from uncover.threads import in_background
from uncover.video.decode import Dropped, Frame, Video
from uncover.video.detected_frames import DetectedFrame

Item = TypeVar("Item")

MOST_PIXELS = 180_000_000
"""Of the originals of a batch, which wait with it: half a gigabyte. A few batches are under way at a time."""

LARGE = 50_000_000 * COLOURS
"""Bytes of a large image, by which the threads that read images share what memory there is."""

POLL = 0.2
"""Seconds after which a thread that waits looks whether anybody still wants what it makes."""


@dataclass(frozen=True)
class Picture:
    """A picture, and what the network will see of it.

    Attributes:
        index: Its number in the video, or in the list of images.
        second: When it is shown; NaN for an image.
        original: The picture itself.
        place: Where the original stands in the network's input.
        framed: uint8 (3, h, w), the network's input.
    """

    index: int
    second: float
    original: Frame = field(repr=False)
    place: Letterbox
    framed: NDArray[np.uint8] = field(repr=False)

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """uint8 (H, W, 3) RGB, the original."""
        return self.original.pixels


def frames_of_video(
    video: Video, last: DetectedFrame | None, until: float | None, dropped: list[str]
) -> Iterator[Frame]:
    """Frames of a video, from where the work was stopped.

    Args:
        video: To read.
        last: The last detected frame; None begins anew.
        until: Second after which to stop; None reads to the end.
        dropped: Gets the reason if the video ends too early.
    """
    start, first, corrupt = (0.0, 0, 0) if last is None else (last.second, last.index + 1, last.corrupt)
    frames = video.frames(start, first, corrupt)
    if last is not None:
        # The last detected frame comes again, and has its number already.
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


def frames_of_images(images: Mapping[str, Path], known: Container[int], skipped: dict[str, str]) -> Iterator[Frame]:
    """Images as frames without a time. As many are read at once as there are cores.

    Args:
        images: Files by name.
        known: Numbers of those that are done; they are left out.
        skipped: Gets why an image could not be read, by its name.
    """

    def read(index: int, name: str, path: Path) -> Frame | None:
        try:
            return Frame(index, np.nan, read_image(path, COLOURS))
        except InputError as error:
            skipped[name] = printable(str(error))
            return None

    threads = readers(LARGE)
    asked = ((index, *item) for index, item in enumerate(images.items()) if index not in known)
    for frame in in_background((partial(read, *each) for each in asked), threads, threads):
        if frame is not None:
            yield frame


def letterboxed(frames: Iterable[Frame], image_size: int, padding: int, threads: int = 0) -> Iterator[Picture]:
    """Fit frames into the input of a network.

    Args:
        frames: Pictures.
        image_size: Longest side of the network's input, in pixels.
        padding: Value around it.
        threads: That do it, each with a picture of its own, which costs as many pictures of delay; 0 does it here.
    """
    return prepared(frames, partial(_letterbox, image_size=image_size, padding=padding), threads)


def prepared(frames: Iterable[Frame], prepare: Callable[[Frame], Picture], threads: int = 0) -> Iterator[Picture]:
    """Make frames ready for a detector; `threads` is as for `letterboxed`."""
    jobs = (partial(prepare, frame) for frame in frames)
    return in_background(jobs, threads, threads) if threads else (job() for job in jobs)


def _letterbox(frame: Frame, image_size: int, padding: int) -> Picture:
    place = fit(*frame.size, image_size)
    shrunk = frame.shrunk(place.inner_width, place.inner_height)
    framed = letterbox(frame.pixels if shrunk is None else shrunk, place, padding).transpose(2, 0, 1)
    return Picture(frame.index, frame.second, frame, place, np.ascontiguousarray(framed))


def in_batches(pictures: Iterable[Picture], most: int) -> Iterator[list[Picture]]:
    """Pictures of one shape that follow each other, at most so many at a time; the first comes alone.

    Whoever watches wants to see the first box soon, and it says early that all works. Of huge pictures fewer come at a
    time, for memory's sake.
    """
    batch: list[Picture] = []
    wanted, held = 1, 0
    for picture in pictures:
        pixels = math.prod(picture.original.size)
        full = len(batch) == wanted or held + pixels > MOST_PIXELS
        if batch and (full or batch[0].framed.shape != picture.framed.shape):
            yield batch
            batch, wanted, held = [], most, 0
        batch.append(picture)
        held += pixels
        if wanted == 1:
            yield batch
            batch, wanted, held = [], most, 0
    if batch:
        yield batch


def ahead(items: Iterable[Item], depth: int) -> Generator[Item]:
    """Make items in a thread of their own, a few more than are asked for; errors come out where the item would have.

    Args:
        items: What to go through.
        depth: Items that wait at most, which bounds the memory.
    """
    waiting: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: Item | None, error: BaseException | None = None) -> bool:
        while not stopped.is_set():
            try:
                waiting.put((item, error), timeout=POLL)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(None, StopIteration())
        except BaseException as error:
            put(None, error)
        finally:
            # Here, where it runs: what it reads from may have a thread of its own.
            if isinstance(items, Generator):
                items.close()

    worker = threading.Thread(target=work, name="reading ahead", daemon=True)
    worker.start()
    try:
        while True:
            item, error = waiting.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        worker.join()
