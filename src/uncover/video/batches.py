"""From decoded frames to batches: frames are read, letterboxed in threads, and grouped by shape."""

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
"""Maximum bytes of the original frames of a batch: 0.5 GB. A few batches are in progress at a time."""

LARGE = 50_000_000 * COLOURS
"""Bytes of a large image, which limit the number of threads that read images."""

POLL = 0.2
"""Interval in seconds at which a waiting thread checks whether its output is still needed."""


@dataclass(frozen=True)
class Picture:
    """A frame or image with the network's input.

    Attributes:
        index: Number in the video, or in the list of images.
        second: Time in the video; NaN for an image.
        original: The frame itself.
        place: Position of the original in the network's input.
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
    """Frames of a video, from the point where an earlier call was interrupted.

    Args:
        video: Video to read.
        last: Last detected frame; None starts at the beginning.
        until: Second at which to stop; None reads to the end.
        dropped: Receives the reason if the video ends too early.
    """
    start, first, corrupt = (0.0, 0, 0) if last is None else (last.second, last.index + 1, last.corrupt)
    frames = video.frames(start, first, corrupt)
    if last is not None:
        # The last detected frame is read again; it has its number already.
        frames = (frame for frame in frames if frame.second > last.second + 1e-6)
        frames = (frame.renumbered(number) for number, frame in zip(itertools.count(first), frames))
    try:
        for frame in frames:
            if until is not None and frame.second > until:
                return
            # Decoders read some frames ahead, so damage right after an interruption may be counted twice, but never
            # missed.
            frame.corrupt = video.corrupt
            yield frame
    except Dropped as reason:
        dropped.append(str(reason))


def frames_of_images(images: Mapping[str, Path], known: Container[int], skipped: dict[str, str]) -> Iterator[Frame]:
    """Images as frames without a time, read by one thread per core.

    Args:
        images: Files by name.
        known: Indices of finished images, which are left out.
        skipped: Receives the reason, by name, if an image cannot be read.
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
        frames: Frames.
        image_size: Longest side of the network's input, in pixels.
        padding: Value around the frame.
        threads: Number of threads; each adds a delay of one frame. 0 uses the calling thread.
    """
    return prepared(frames, partial(_letterbox, image_size=image_size, padding=padding), threads)


def prepared(frames: Iterable[Frame], prepare: Callable[[Frame], Picture], threads: int = 0) -> Iterator[Picture]:
    """Prepare frames for a detector; `threads` as for `letterboxed`."""
    jobs = (partial(prepare, frame) for frame in frames)
    return in_background(jobs, threads, threads) if threads else (job() for job in jobs)


def _letterbox(frame: Frame, image_size: int, padding: int) -> Picture:
    place = fit(*frame.size, image_size)
    shrunk = frame.shrunk(place.inner_width, place.inner_height)
    framed = letterbox(frame.pixels if shrunk is None else shrunk, place, padding).transpose(2, 0, 1)
    return Picture(frame.index, frame.second, frame, place, np.ascontiguousarray(framed))


def in_batches(pictures: Iterable[Picture], most: int) -> Iterator[list[Picture]]:
    """Group consecutive frames of equal shape, at most `most` at a time; the first frame is a group of its own.

    So the first result is available early. Groups of very large frames are smaller, to limit memory.
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
    """Produce items in a background thread, a few more than requested; errors are raised in place of the item.

    Args:
        items: Items to iterate over.
        depth: Maximum number of waiting items, which bounds the memory.
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
            # Close it in this thread, because its source may use a thread of its own.
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
