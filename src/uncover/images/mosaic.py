"""Four images in one, around a centre drawn by chance: YOLOv5's mosaic (7.0.14, utils/dataloaders.py)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from uncover.images.augment import Boxes, Image

TILES = 4


def draw_mosaic(
    index: int, pool: NDArray[np.int64], size: int, chance: np.random.Generator
) -> tuple[list[int], tuple[int, int]]:
    """Draw what a mosaic is made of.

    Args:
        index: An image that is in it.
        pool: Where the three others are drawn from, with replacement.
        size: Side of the network's input, in pixels.
        chance: Source of the numbers.

    Returns:
        Images for top left, top right, bottom left and bottom right, and the x, y where they meet in a square of
        twice the size.
    """
    y, x = (int(chance.uniform(size / 2, 2 * size - size / 2)) for _ in range(2))
    chosen = [index, *pool[chance.integers(len(pool), size=TILES - 1)].tolist()]
    chance.shuffle(chosen)
    return chosen, (x, y)


def lay_mosaic(
    images: Sequence[Image], labels: Sequence[NDArray[np.float32]], centre: tuple[int, int], size: int, padding: int
) -> tuple[Image, Boxes]:
    """Lay four images around a point, each with a corner on it; what leaves the square is cut off.

    Args:
        images: uint8 (h, w, C) each, for top left, top right, bottom left and bottom right.
        labels: Of each, float32 (n, 5): class, xc yc w h as shares of the image.
        centre: The point x, y in the square, in pixels.
        size: Half the side of the square.
        padding: Value where no image is.

    Returns:
        uint8 (2 size, 2 size, C), and all boxes in its pixels, clipped to it.
    """
    side, (x, y) = 2 * size, centre
    square = np.full((side, side, images[0].shape[2]), padding, np.uint8)
    boxes = []
    for tile, (image, own) in enumerate(zip(images, labels, strict=True)):
        height, width = image.shape[:2]
        left, top = x - width * (tile % 2 == 0), y - height * (tile < 2)
        x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + width, side), min(top + height, side)
        square[y1:y2, x1:x2] = image[y1 - top : y2 - top, x1 - left : x2 - left]
        boxes.append(to_pixels(own, width, height, left, top))
    together = np.concatenate(boxes)
    together[:, 1:].clip(0, side, out=together[:, 1:])
    return square, together


def to_pixels(labels: NDArray[np.float32], width: int, height: int, left: int = 0, top: int = 0) -> Boxes:
    """Labels of an image as boxes in a larger one.

    Args:
        labels: float32 (n, 5): class, xc yc w h as shares.
        width: Of the image, in pixels.
        height: Likewise.
        left: Where it begins in the larger one.
        top: Likewise.
    """
    given = labels.astype(np.float64)
    centres = given[:, 1:3] * (width, height) + (left, top)
    halves = given[:, 3:5] * (width / 2, height / 2)
    return np.concatenate([given[:, :1], centres - halves, centres + halves], axis=1)
