"""Pictures on their way to the network: framed for it while the one before is looked at, in batches of one shape."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from uncover.footage.decode import Frame
from uncover.images.letterbox import Frame as Place
from uncover.images.letterbox import fit, letterbox
from uncover.threads import in_background

Item = TypeVar("Item")

MOST_PIXELS = 180_000_000
"""Of the originals of a batch, which wait with it: half a gigabyte. A few batches are under way at a time."""

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
    place: Place
    framed: NDArray[np.uint8] = field(repr=False)

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """uint8 (H, W, 3) RGB, the original."""
        return self.original.pixels


def frame_pictures(frames: Iterable[Frame], image_size: int, padding: int, threads: int = 0) -> Iterator[Picture]:
    """Put pictures into the frame of a network.

    Args:
        frames: Pictures.
        image_size: Longest side of the network's input, in pixels.
        padding: Value around it.
        threads: That do it, each with a picture of its own, which costs as many pictures of delay; 0 does it here.
    """
    jobs = (partial(_frame, frame, image_size, padding) for frame in frames)
    return in_background(jobs, threads, threads) if threads else (job() for job in jobs)


def _frame(frame: Frame, image_size: int, padding: int) -> Picture:
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


def stack(pictures: Sequence[Picture]) -> NDArray[np.uint8]:
    """The network's input of a batch, uint8 (B, 3, h, w)."""
    return np.stack([picture.framed for picture in pictures])
