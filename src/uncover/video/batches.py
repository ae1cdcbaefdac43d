"""Input pipeline of the network: frames are read, letterboxed in threads, and batched by shape."""

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
"""Maximum pixels of the original frames of a batch: half a gigabyte. A few batches are in memory at a time."""

LARGE = 50_000_000 * COLOURS
"""Bytes of a large image, from which the number of threads that fit into memory is computed."""

POLL = 0.2
"""Seconds after which a waiting thread checks whether its results are still needed."""


@dataclass(frozen=True)
class Picture:
    """A frame or image, and the network's input made from it.

    Attributes:
        index: Its index in the video, or in the list of images.
        second: Its time in the video, in seconds; NaN for an image.
        original: The original frame.
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
        """The original, uint8 (H, W, 3) RGB."""
        return self.original.pixels


def frames_of_video(
    video: Video, last: DetectedFrame | None, until: float | None, dropped: list[str]
) -> Iterator[Frame]:
    """Frames of a video, resuming after the last processed one.

    Args:
        video: The video.
        last: The last processed frame; None to start from the beginning.
        until: Second after which to stop; None to read to the end.
        dropped: The reason is appended if the video ends too early.
    """
    start, first, corrupt = (0.0, 0, 0) if last is None else (last.second, last.index + 1, last.corrupt)
    frames = video.frames(start, first, corrupt)
    if last is not None:
        # The last processed frame is decoded again, and is skipped.
        frames = (frame for frame in frames if frame.second > last.second + 1e-6)
        frames = (frame.renumbered(number) for number, frame in zip(itertools.count(first), frames))
    try:
        for frame in frames:
            if until is not None and frame.second > until:
                return
            # Decoders read ahead, so a damaged frame just after a stop may be counted twice, but none is missed.
            frame.corrupt = video.corrupt
            yield frame
    except Dropped as reason:
        dropped.append(str(reason))


def frames_of_images(images: Mapping[str, Path], known: Container[int], skipped: dict[str, str]) -> Iterator[Frame]:
    """Images as frames without a time, read in one thread per core.

    Args:
        images: Image files by name.
        known: Indices of processed images, which are skipped.
        skipped: Filled with the reasons why images could not be read, by name.
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
    """Letterbox frames to the input size of a network.

    Args:
        frames: The frames.
        image_size: Longest side of the network's input, in pixels.
        padding: Pixel value of the borders.
        threads: Number of threads, one frame each, which delays the output by as many frames; 0 uses this thread.
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
    """Group consecutive frames of one shape into batches of at most `most`; the first batch is a single frame.

    A small first batch gives an early result. Batches of very large frames are smaller, to limit memory.
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
    """Iterate in a background thread, some items ahead; an exception is raised in place of the item that caused it.

    Args:
        items: The items to iterate over.
        depth: Maximum number of items in the queue, which limits memory.
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
            # Close the generator in the thread that runs it: it may have a thread of its own.
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
