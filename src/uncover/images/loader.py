"""Data loader: augmented training images, reproducible for each epoch and position, and batches made by threads."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from uncover.config.detectors import Hyperparameters, Input
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE, to_xywh
from uncover.errors import InputError
from uncover.images.augmentation import (
    Boxes,
    Image,
    change_colours,
    cover_faces,
    draw_mosaic,
    draw_warp,
    lay_mosaic,
    mirror,
    mix,
    to_pixels,
    warp_boxes,
    warp_image,
)
from uncover.images.cache import ImageCache
from uncover.images.labelled import LabelledImages, sides
from uncover.images.letterbox import GREY, STRIDE, Letterbox, fit, letterbox, place
from uncover.images.reading import COLOURS
from uncover.threads import cores

logger = logging.getLogger(__name__)

MARGIN = 1e-3
"""Distance in pixels between a clipped box and the edge of the image, as in upstream."""

Batch = tuple[NDArray[np.uint8], NDArray[np.float32]]
AHEAD = 2
"""Number of batches made ahead of use."""
MOST_WORKERS = 8
ORDER = 1
"""Separates the random order of an epoch from the random augmentation of its images."""


class TrainingImages:
    """Labelled images, augmented as in upstream.

    Attributes:
        labelled: The images and their labels.
        rectangular: Whether batches are sorted by shape, without mosaics.
        batch: Images per step, on which the shapes of rectangular batches depend.
        order: int64 (N,), for rectangular batches: images in order of aspect ratio, from wide to high.
    """

    def __init__(
        self,
        labelled: LabelledImages,
        size: int,
        hyperparameters: Hyperparameters,
        *,
        rectangular: bool = False,
        flip_swaps_sides: bool = True,
        seed: int = 0,
        padding: int = GREY,
        cache: Literal["auto", "ram", "disk", "none"] = "auto",
        cache_folder: Path | None = None,
        channels: int = 3,
        batch: int = 16,
        processes: int = 1,
        report: Callable[[str], None] = logger.info,
        kind: Input = "photo",
        occlusion: float = 0.0,
    ) -> None:
        """
        Args:
            labelled: Images and labels.
            size: Longest side of the network's input, in pixels; a multiple of 32.
            hyperparameters: Parameters of the augmentation.
            rectangular: Whether each batch has one shape, sorted by aspect ratio; disables mosaics.
            flip_swaps_sides: Whether flips swap left and right classes.
            seed: Seed of all random numbers.
            padding: Value of empty pixels.
            cache: Where to cache decoded images; without enough room there, the next place is used (see
                `choose_place`).
            cache_folder: Folder of the cache on disk.
            channels: Number of channels of the images.
            batch: Images per step, over all processes.
            processes: Number of processes on this machine that share its memory.
            report: Called with messages for the user.
            kind: Kind of input.
            occlusion: Probability that part of a whole face is covered (see `cover_faces`).

        Raises:
            InputError: The settings are incompatible, or the first heatmaps are unusable.
        """
        self.labelled, self.rectangular, self.batch = labelled, rectangular, batch
        self._size, self._by, self._seed, self._padding = size, hyperparameters, seed, padding
        self._channels, self._occlusion = channels, occlusion
        self._everything = np.arange(len(labelled))
        self._check(report)
        mirrors = hyperparameters.fliplr > 0 or hyperparameters.flipud > 0
        self._swaps = sides(labelled.class_names) if flip_swaps_sides and mirrors else None
        self._frames = [fit(int(width), int(height), size, square=True) for width, height in labelled.sizes]
        self.order = self._everything
        if rectangular:
            self.order = np.argsort(labelled.sizes[:, 1] / labelled.sizes[:, 0], kind="stable")
            self._frames = _frames_of_batches(self._frames, self.order, batch)
        self._images = ImageCache(labelled.paths, self._frames, channels, cache, cache_folder, report, kind, processes)

    def __len__(self) -> int:
        return len(self.labelled)

    def shape(self, index: int) -> tuple[int, int, int]:
        """Channels, height and width of an image as `sample` gives it."""
        frame = self._frames[index]
        return self._channels, frame.out_height, frame.out_width

    def sample(
        self, index: int, epoch: int, draw: int = 0, pool: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """One training image; equal arguments always give the same image.

        Args:
            index: Number of the image.
            epoch: Number of the epoch.
            draw: How often the epoch has already drawn this image.
            pool: Images that mosaics draw from; None draws from all with equal probability.

        Returns:
            uint8 (C, H, W), contiguous, and float32 (n, 5): class, xc yc w h as shares.

        Raises:
            InputError: An image cannot be read.
        """
        chance = np.random.default_rng([self._seed, epoch, index, draw])
        by = self._by
        if not self.rectangular and chance.random() < by.mosaic:
            image, boxes = self._mosaic(index, chance, self._everything if pool is None else pool)
            if chance.random() < by.mixup:
                other = self._mosaic(
                    int(chance.integers(len(self))), chance, self._everything if pool is None else pool
                )
                image, boxes = mix(image, boxes, *other, chance)
        else:
            image, boxes = self._single(index, chance)
        height, width = image.shape[:2]
        boxes[:, 1:] = boxes[:, 1:].clip(0, np.tile([width - MARGIN, height - MARGIN], 2))
        if self._channels == COLOURS:
            image = change_colours(image, chance, by)
        for probability, upside_down in ((by.flipud, True), (by.fliplr, False)):
            if chance.random() < probability:
                image, boxes = mirror(image, boxes, upside_down, self._swaps)
        return np.ascontiguousarray(image.transpose(2, 0, 1)), _shares(boxes, width, height)

    def _mosaic(self, index: int, chance: np.random.Generator, pool: NDArray[np.int64]) -> tuple[Image, Boxes]:
        size = self._size
        chosen, centre = draw_mosaic(index, pool, size, chance)
        images = [self._picture(other, chance) for other in chosen]
        labels = [self.labelled.labels[other] for other in chosen]
        square, boxes = lay_mosaic(images, labels, centre, size, self._padding)
        warp = draw_warp(2 * size, 2 * size, size, size, chance, self._by)
        return warp_image(square, warp, self._padding), warp_boxes(boxes, warp)

    def _picture(self, index: int, chance: np.random.Generator) -> Image:
        """An image from the cache, with some faces covered if `occlusion` is set."""
        image = self._images[index]
        if not self._occlusion:
            return image
        boxes = to_pixels(self.labelled.labels[index], image.shape[1], image.shape[0], 0, 0)
        face = self.labelled.class_names.index(CLASS_NAMES[WHOLE_FACE])
        return cover_faces(image, boxes, chance, self._occlusion, face)

    def _single(self, index: int, chance: np.random.Generator) -> tuple[Image, Boxes]:
        frame = self._frames[index]
        image = letterbox(self._picture(index, chance), frame, self._padding)
        boxes = to_pixels(self.labelled.labels[index], frame.inner_width, frame.inner_height, frame.left, frame.top)
        warp = draw_warp(frame.out_width, frame.out_height, frame.out_width, frame.out_height, chance, self._by)
        return warp_image(image, warp, self._padding), warp_boxes(boxes, warp)

    def _check(self, report: Callable[[str], None]) -> None:
        by = self._by
        if self._size % STRIDE:
            raise InputError(f"image_size: {self._size} is not a multiple of {STRIDE}")
        if by.copy_paste > 0:
            raise InputError(
                f"copy_paste: {by.copy_paste:g} requires outlines of objects, but these labels are boxes; set it to 0"
            )
        if self._occlusion and (self._channels != COLOURS or CLASS_NAMES[WHOLE_FACE] not in self.labelled.class_names):
            raise InputError(
                f"occlusion: {self._occlusion:g} requires colour photos with labels of the class"
                f" {CLASS_NAMES[WHOLE_FACE]!r}; set it to 0"
            )
        if self.rectangular and by.mosaic > 0:
            report(
                f"rectangular: batches are not shuffled and hold no mosaics; mosaic: {by.mosaic:g}"
                + (f" and mixup: {by.mixup:g} have no effect" if by.mixup > 0 else " has no effect")
            )
        if self._channels != COLOURS and max(by.hsv_h, by.hsv_s, by.hsv_v) > 0:
            report(f"hsv_h, hsv_s, hsv_v: ignored, as images of {self._channels} channels have no colours")


def _frames_of_batches(frames: list[Letterbox], order: NDArray[np.int64], batch: int) -> list[Letterbox]:
    """Frames of one shape per batch: the smallest that fits all its images (upstream's rule without extra padding)."""
    shaped = list(frames)
    for start in range(0, len(order), batch):
        group = order[start : start + batch].tolist()
        width = max(frames[index].inner_width for index in group)
        height = max(frames[index].inner_height for index in group)
        out = (-(-width // STRIDE) * STRIDE, -(-height // STRIDE) * STRIDE)
        for index in group:
            own = frames[index]
            shaped[index] = place(own.width, own.height, own.inner_width, own.inner_height, *out)
    return shaped


def _shares(boxes: Boxes, width: int, height: int) -> NDArray[np.float32]:
    shares = to_xywh(boxes[:, 1:]) / (width, height, width, height)
    return np.concatenate([boxes[:, :1], shares], axis=1).astype(np.float32)


def epoch_order(
    images: TrainingImages, seed: int, epoch: int, weights: NDArray[np.floating] | None = None
) -> NDArray[np.int64]:
    """Order of the images in an epoch.

    Args:
        images: Training images; rectangular ones have a fixed order.
        seed: Seed of the training.
        epoch: Number of the epoch.
        weights: float (N,): draw images with replacement, with these weights (upstream's `image_weights`).

    Returns:
        int64 (N,): each image once, or as often as it was drawn.

    Raises:
        InputError: Weights are combined with rectangular batches.
    """
    count = len(images)
    if images.rectangular:
        if weights is not None:
            raise InputError("image_weights: draws images at random, but rectangular: fixes their order; use one")
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
    """Iterate over an epoch. The content of a batch does not depend on the number or speed of the workers.

    Args:
        images: Training images.
        order: As returned by `epoch_order`, the same in all processes.
        batch: Images per step, over all processes; the last batch may be smaller.
        epoch: Number of the epoch.
        workers: Number of threads; None uses half the processor's cores, at most 8.
        rank: Rank of this process.
        world_size: Number of processes. Each gets the same number of images per step: if they do not divide evenly, the
            first images of the step are used twice.

    Yields:
        uint8 (B, C, H, W), contiguous, and float32 (M, 6): image in batch, class, xc yc w h as shares.

    Raises:
        InputError: An image cannot be read.
    """
    if images.rectangular and (batch != images.batch or not np.array_equal(order, images.order)):
        raise ValueError("rectangular batches require the order and batch size of their training images")
    # Sorted, because a sample must not depend on when it is made.
    pool = np.sort(order)
    steps = _steps(order, batch, rank, world_size)
    threads = workers or max(1, min(MOST_WORKERS, cores() // 2))
    executor = ThreadPoolExecutor(threads, thread_name_prefix="images")
    coming: deque[_PendingBatch] = deque()
    try:
        for step in steps:
            coming.append(_PendingBatch.start(executor, images, step, epoch, pool))
            if len(coming) > AHEAD:
                yield coming.popleft().finish()
        while coming:
            yield coming.popleft().finish()
    finally:
        # Also if the consumer stops early or an image is unreadable: jobs not yet started are cancelled.
        executor.shutdown(wait=True, cancel_futures=True)


def _steps(order: NDArray[np.int64], batch: int, rank: int, world_size: int) -> Iterator[list[tuple[int, int]]]:
    """Images of each step of this process, each with the number of times that it was already drawn."""
    seen: dict[int, int] = {}
    draws = []
    for index in order.tolist():
        draws.append((index, seen.get(index, 0)))
        seen[index] = draws[-1][1] + 1
    for start in range(0, len(draws), batch):
        step = draws[start : start + batch]
        # All processes must take every step with equal shares, or gradients would deadlock or be weighted wrongly.
        each = -(-len(step) // world_size)
        padded = [step[place % len(step)] for place in range(each * world_size)]
        yield padded[rank::world_size]


@dataclass(frozen=True)
class _PendingBatch:
    """A batch in progress."""

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
    ) -> _PendingBatch:
        pixels = np.empty((len(step), *images.shape(step[0][0])), np.uint8)

        def make(row: int, index: int, draw: int) -> NDArray[np.float32]:
            pixels[row], labels = images.sample(index, epoch, draw, pool)
            return labels

        return cls(pixels, [executor.submit(make, row, index, draw) for row, (index, draw) in enumerate(step)])

    def finish(self) -> Batch:
        labels = [made.result() for made in self.labels]
        owners = np.repeat(np.arange(len(labels), dtype=np.float32), [len(own) for own in labels])
        return self.pixels, np.column_stack([owners, np.concatenate(labels)])
