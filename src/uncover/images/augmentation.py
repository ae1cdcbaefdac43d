"""Augmentation of images and boxes by YOLOv5's rules (7.0.14, utils/augmentations.py), any channel count; mosaics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.config.detectors import Hyperparameters

Image = NDArray[np.uint8]
Boxes = NDArray[np.float64]
"""float64 (n, 5): class, x1 y1 x2 y2 in pixels of the image."""

SMALLEST_SIDE, LARGEST_ASPECT, SMALLEST_AREA = 2, 100, 0.1
"""A warped box stays if its sides exceed so many pixels, its aspect stays below this, and so much of it is left."""

EPSILON = 1e-16
MIXUP_BETA = 32.0
HUES = 180
LEVELS = np.arange(256, dtype=np.float64)
LEVELS.flags.writeable = False


@dataclass(frozen=True)
class Warp:
    """A movement of the plane.

    Attributes:
        matrix: float64 (3, 3), from pixels of the old image to pixels of the new one.
        scale: Its gain of size.
        width: Of the new image, in pixels.
        height: Likewise.
    """

    matrix: NDArray[np.float64]
    scale: float
    width: int
    height: int

    @property
    def projective(self) -> bool:
        """Whether parallels may meet."""
        return bool(self.matrix[2, 0] or self.matrix[2, 1])


def draw_warp(
    width: int, height: int, out_width: int, out_height: int, chance: np.random.Generator, by: Hyperparameters
) -> Warp:
    """Draw a perspective, rotation, scaling, shear and shift, in this order.

    Args:
        width: Of the old image, in pixels.
        height: Likewise.
        out_width: Of the new one.
        out_height: Likewise.
        chance: Eight numbers are taken.
        by: How far each may go.
    """
    centre = np.eye(3)
    centre[:2, 2] = -width / 2, -height / 2
    perspective = np.eye(3)
    perspective[2, 0] = chance.uniform(-by.perspective, by.perspective)
    perspective[2, 1] = chance.uniform(-by.perspective, by.perspective)
    turn = np.eye(3)
    angle = chance.uniform(-by.degrees, by.degrees)
    scale = chance.uniform(1 - by.scale, 1 + by.scale)
    turn[:2] = cv2.getRotationMatrix2D(center=(0, 0), angle=angle, scale=scale)
    shear = np.eye(3)
    shear[0, 1] = math.tan(math.radians(chance.uniform(-by.shear, by.shear)))
    shear[1, 0] = math.tan(math.radians(chance.uniform(-by.shear, by.shear)))
    shift = np.eye(3)
    shift[0, 2] = chance.uniform(0.5 - by.translate, 0.5 + by.translate) * out_width
    shift[1, 2] = chance.uniform(0.5 - by.translate, 0.5 + by.translate) * out_height
    return Warp(shift @ shear @ turn @ perspective @ centre, scale, out_width, out_height)


def warp_image(image: Image, warp: Warp, padding: int) -> Image:
    """Move the pixels; `padding` fills what nothing moves to. An image that would not change is returned as it is."""
    height, width, channels = image.shape
    size = (warp.width, warp.height)
    if size == (width, height) and np.array_equal(warp.matrix, np.eye(3)):
        return image
    border = (padding,) * 4  # OpenCV repeats the four for further channels
    if warp.projective:
        moved = cv2.warpPerspective(image, warp.matrix, dsize=size, borderValue=border)
    else:
        moved = cv2.warpAffine(image, warp.matrix[:2], dsize=size, borderValue=border)
    return np.asarray(moved, np.uint8).reshape(warp.height, warp.width, channels)


def warp_boxes(boxes: Boxes, warp: Warp) -> Boxes:
    """Move boxes: upright rectangles around the moved corners, clipped; those of which too little is left are dropped.

    Args:
        boxes: In pixels of the old image.
        warp: As drawn.

    Returns:
        float64 (m, 5), m <= n, in pixels of the new image.
    """
    if not len(boxes):
        return boxes
    corners = np.ones((len(boxes), 4, 3))
    corners[:, :, 0] = boxes[:, [1, 3, 3, 1]]
    corners[:, :, 1] = boxes[:, [2, 2, 4, 4]]
    moved = corners @ warp.matrix.T
    points = moved[..., :2] / moved[..., 2:] if warp.projective else moved[..., :2]
    limits = np.array([warp.width, warp.height], np.float64)
    xyxy = np.concatenate([points.min(axis=1).clip(0, limits), points.max(axis=1).clip(0, limits)], axis=1)
    before = (boxes[:, 3:] - boxes[:, 1:3]) * warp.scale
    after = xyxy[:, 2:] - xyxy[:, :2]
    aspect = np.maximum(after[:, 0] / (after[:, 1] + EPSILON), after[:, 1] / (after[:, 0] + EPSILON))
    share = after.prod(axis=1) / (before.prod(axis=1) + EPSILON)
    kept = (after > SMALLEST_SIDE).all(axis=1) & (share > SMALLEST_AREA) & (aspect < LARGEST_ASPECT)
    return np.column_stack([boxes[:, 0], xyxy])[kept]


def change_colours(image: Image, chance: np.random.Generator, by: Hyperparameters) -> Image:
    """Multiply hue, saturation and value by one number each, drawn around 1.

    Args:
        image: uint8 (H, W, 3), RGB.
        chance: Three numbers are taken, or none where all gains are 0.
        by: `hsv_h`, `hsv_s`, `hsv_v`.
    """
    gains = np.array([by.hsv_h, by.hsv_s, by.hsv_v])
    if not gains.any():
        return image
    hue, saturation, value = chance.uniform(-1, 1, 3) * gains + 1
    table = np.empty((1, 256, 3), np.uint8)
    table[0, :, 0] = (LEVELS * hue) % HUES
    table[0, :, 1] = np.clip(LEVELS * saturation, 0, 255)
    table[0, :, 2] = np.clip(LEVELS * value, 0, 255)
    changed = cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), table)
    return np.asarray(cv2.cvtColor(changed, cv2.COLOR_HSV2RGB, dst=changed), np.uint8)


def mirror(image: Image, boxes: Boxes, upside_down: bool, swaps: NDArray[np.int64] | None) -> tuple[Image, Boxes]:
    """Flip from left to right, or upside down.

    Args:
        image: uint8 (H, W, C).
        boxes: In its pixels.
        upside_down: Along which axis. Either way a left face becomes a right one: both are mirrors.
        swaps: What each class becomes in a mirror (`uncover.images.labelled.sides`); None leaves classes as they are,
            as upstream does.
    """
    height, width, channels = image.shape
    flipped = boxes.copy()
    low, high, side = (2, 4, height) if upside_down else (1, 3, width)
    flipped[:, low], flipped[:, high] = side - boxes[:, high], side - boxes[:, low]
    if swaps is not None:
        flipped[:, 0] = swaps[boxes[:, 0].astype(np.int64)]
    turned = np.asarray(cv2.flip(image, 0 if upside_down else 1), np.uint8)
    return turned.reshape(height, width, channels), flipped  # OpenCV drops a last axis of one


def mix(
    image: Image, boxes: Boxes, other: Image, others_boxes: Boxes, chance: np.random.Generator
) -> tuple[Image, Boxes]:
    """Blend two images of one shape, half and half more or less; the boxes of both stay."""
    share = chance.beta(MIXUP_BETA, MIXUP_BETA)
    blend = (image * share + other * (1 - share)).astype(np.uint8)
    return blend, np.concatenate([boxes, others_boxes])


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
