"""Batches of training images, made by threads while the network works on earlier ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.images.training import TrainingImages
from uncover.threads import cores

Batch = tuple[NDArray[np.uint8], NDArray[np.float32]]
AHEAD = 2
"""Batches that are made before anyone asks for them."""

MOST_WORKERS = 8
ORDER = 1
"""Keeps the chance that orders an epoch apart from the chance that augments its images."""


def epoch_order(
    images: TrainingImages, seed: int, epoch: int, weights: NDArray[np.floating] | None = None
) -> NDArray[np.int64]:
    """The order in which an epoch goes through the images.

    Args:
        images: Training images; rectangular ones have one order only.
        seed: Of the training.
        epoch: Number of the epoch.
        weights: float (N,): draw images with replacement, by these weights (upstream's `image_weights`).

    Returns:
        int64 (N,): each image once, or as often as it was drawn.

    Raises:
        InputError: Weights and rectangular batches at once.
    """
    count = len(images)
    if images.rectangular:
        if weights is not None:
            raise InputError("image_weights: draws images by chance, rectangular: fixes their order; leave one out")
        return images.order
    chance = np.random.default_rng([seed, epoch, count, ORDER])
    if weights is None:
        return chance.permutation(count)
    total = float(np.sum(weights))
    shares = np.full(count, 1 / count) if total <= 0 else np.asarray(weights, np.float64) / total
    return chance.choice(count, size=count, p=shares)


def iterate_batches(
    images: TrainingImages,
    order: NDArray[np.int64],
    batch: int,
    epoch: int,
    workers: int | None = None,
    rank: int = 0,
    world_size: int = 1,
) -> Generator[Batch]:
    """Go through an epoch. What a batch holds depends neither on workers nor on their haste.

    Args:
        images: Training images.
        order: As `epoch_order` gives it, the same in all processes.
        batch: Images per step, over all processes; the last batch may be smaller.
        epoch: Number of the epoch.
        workers: Threads; None takes half the processor's cores, at most 8.
        rank: Of this process.
        world_size: Number of processes. Each gets as many images of a step as any other: where they do not come out
            even, the step's first images are given out twice.

    Yields:
        uint8 (B, C, H, W), contiguous, and float32 (M, 6): image in batch, class, xc yc w h as shares.

    Raises:
        InputError: An image cannot be read.
    """
    if images.rectangular and (batch != images.batch or not np.array_equal(order, images.order)):
        raise ValueError("rectangular batches have the shapes of their own order and size only")
    # Sorted, because what a sample is may not depend on when its turn comes.
    pool = np.sort(order)
    steps = _steps(order, batch, rank, world_size)
    threads = workers or max(1, min(MOST_WORKERS, cores() // 2))
    executor = ThreadPoolExecutor(threads, thread_name_prefix="images")
    coming: deque[_Making] = deque()
    try:
        for step in steps:
            coming.append(_Making.start(executor, images, step, epoch, pool))
            if len(coming) > AHEAD:
                yield coming.popleft().finish()
        while coming:
            yield coming.popleft().finish()
    finally:
        # Also when the consumer stops early, or an image is unreadable: what has not begun never begins.
        executor.shutdown(wait=True, cancel_futures=True)


def _steps(order: NDArray[np.int64], batch: int, rank: int, world_size: int) -> Iterator[list[tuple[int, int]]]:
    """The images of each step of this process, each with the number of times that it was drawn before."""
    seen: dict[int, int] = {}
    draws = []
    for index in order.tolist():
        draws.append((index, seen.get(index, 0)))
        seen[index] = draws[-1][1] + 1
    for start in range(0, len(draws), batch):
        step = draws[start : start + batch]
        # All processes must take every step, with equal shares of it, or gradients would wait or weigh wrongly.
        each = -(-len(step) // world_size)
        padded = [step[place % len(step)] for place in range(each * world_size)]
        yield padded[rank::world_size]


@dataclass(frozen=True)
class _Making:
    """A batch under way."""

    pixels: NDArray[np.uint8]
    labels: list[Future[NDArray[np.float32]]]

    @classmethod
    def start(
        cls,
        executor: ThreadPoolExecutor,
        images: TrainingImages,
        step: list[tuple[int, int]],
        epoch: int,
        pool: NDArray[np.int64],
    ) -> _Making:
        pixels = np.empty((len(step), *images.shape(step[0][0])), np.uint8)

        def make(row: int, index: int, draw: int) -> NDArray[np.float32]:
            pixels[row], labels = images.sample(index, epoch, draw, pool)
            return labels

        return cls(pixels, [executor.submit(make, row, index, draw) for row, (index, draw) in enumerate(step)])

    def finish(self) -> Batch:
        labels = [made.result() for made in self.labels]
        owners = np.repeat(np.arange(len(labels), dtype=np.float32), [len(own) for own in labels])
        return self.pixels, np.column_stack([owners, np.concatenate(labels)])
