"""Augment images and boxes: YOLOv5's rules (7.0.14, utils/augmentations.py) for any channel count; cover faces.

Covering parts of faces teaches a detector of whole faces that a face continues under a mask, hat, hand or blanket. The
box is still that of the whole face, to be inferred from its visible parts and edges.
"""

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
"""Limits for keeping a warped box: its sides in pixels, its aspect ratio, and the remaining share of its area."""

EPSILON = 1e-16
MIXUP_BETA = 32.0
HUES = 180
LEVELS = np.arange(256, dtype=np.float64)

TILES = 4
SMALLEST_COVERED = 8
"""Shorter side, in pixels, of the smallest face that is covered; too little of smaller faces would remain visible."""
COVER_KINDS = ("mask", "hat", "side", "blob")
COVER_SHARES = (0.55, 0.15, 0.15, 0.15)
"""Relative frequency of each kind: masks and blankets over the lower half are most common in practice."""
CLOTH = ((235, 240, 245), (150, 190, 215), (40, 40, 45), (245, 215, 220), (120, 150, 120))
"""RGB of common fabrics; other covers have any colour."""
FROM_THE_PHOTO = 0.35
"""Share of covers that are a piece of the same photo, with its own texture and light."""
LEVELS.flags.writeable = False


@dataclass(frozen=True)
class Warp:
    """A projective transformation of the image plane.

    Attributes:
        matrix: float64 (3, 3), from pixels of the old image to pixels of the new one.
        scale: Its change of scale.
        width: Width of the new image, in pixels.
        height: Height of the new image, in pixels.
    """

    matrix: NDArray[np.float64]
    scale: float
    width: int
    height: int

    @property
    def projective(self) -> bool:
        """Whether it is not affine."""
        return bool(self.matrix[2, 0] or self.matrix[2, 1])


def draw_warp(
    width: int, height: int, out_width: int, out_height: int, chance: np.random.Generator, by: Hyperparameters
) -> Warp:
    """Draw a perspective, rotation, scaling, shear and shift, in this order.

    Args:
        width: Width of the old image, in pixels.
        height: Height of the old image, in pixels.
        out_width: Width of the new image.
        out_height: Height of the new image.
        chance: Random generator; eight numbers are drawn.
        by: Limits of each transformation.
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
    """Warp an image; `padding` fills empty pixels. An image that would not change is returned as it is."""
    height, width, channels = image.shape
    size = (warp.width, warp.height)
    if size == (width, height) and np.array_equal(warp.matrix, np.eye(3)):
        return image
    border = (padding,) * 4  # OpenCV repeats the four values for further channels
    if warp.projective:
        moved = cv2.warpPerspective(image, warp.matrix, dsize=size, borderValue=border)
    else:
        moved = cv2.warpAffine(image, warp.matrix[:2], dsize=size, borderValue=border)
    return np.asarray(moved, np.uint8).reshape(warp.height, warp.width, channels)


def warp_boxes(boxes: Boxes, warp: Warp) -> Boxes:
    """Warp boxes: upright bounding boxes of the warped corners, clipped; boxes with too little left are dropped.

    Args:
        boxes: In pixels of the old image.
        warp: The transformation.

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
    """Multiply hue, saturation and value by one random factor each.

    Args:
        image: uint8 (H, W, 3), RGB.
        chance: Random generator; three numbers are drawn, or none if all gains are 0.
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
    """Flip left to right, or upside down.

    Args:
        image: uint8 (H, W, C).
        boxes: Boxes in its pixels.
        upside_down: The axis. Both flips turn a left face into a right one, as both are reflections.
        swaps: Class that each class becomes when flipped (`uncover.images.labelled.sides`); None keeps the classes, as
            in upstream.
    """
    height, width, channels = image.shape
    flipped = boxes.copy()
    low, high, side = (2, 4, height) if upside_down else (1, 3, width)
    flipped[:, low], flipped[:, high] = side - boxes[:, high], side - boxes[:, low]
    if swaps is not None:
        flipped[:, 0] = swaps[boxes[:, 0].astype(np.int64)]
    turned = np.asarray(cv2.flip(image, 0 if upside_down else 1), np.uint8)
    return turned.reshape(height, width, channels), flipped  # OpenCV drops a last axis of length 1


def mix(
    image: Image, boxes: Boxes, other: Image, others_boxes: Boxes, chance: np.random.Generator
) -> tuple[Image, Boxes]:
    """Blend two images of equal shape with a random weight around one half; the boxes of both are kept."""
    share = chance.beta(MIXUP_BETA, MIXUP_BETA)
    blend = (image * share + other * (1 - share)).astype(np.uint8)
    return blend, np.concatenate([boxes, others_boxes])


def draw_mosaic(
    index: int, pool: NDArray[np.int64], size: int, chance: np.random.Generator
) -> tuple[list[int], tuple[int, int]]:
    """Draw the images and the centre of a mosaic.

    Args:
        index: Image that the mosaic contains.
        pool: Images from which the three others are drawn, with replacement.
        size: Side of the network's input, in pixels.
        chance: Random generator.

    Returns:
        Images for top left, top right, bottom left and bottom right, and the x, y of their common corner in a square of
        twice the size.
    """
    y, x = (int(chance.uniform(size / 2, 2 * size - size / 2)) for _ in range(2))
    chosen = [index, *pool[chance.integers(len(pool), size=TILES - 1)].tolist()]
    chance.shuffle(chosen)
    return chosen, (x, y)


def lay_mosaic(
    images: Sequence[Image], labels: Sequence[NDArray[np.float32]], centre: tuple[int, int], size: int, padding: int
) -> tuple[Image, Boxes]:
    """Place four images around a point, each with a corner on it, and crop them to the square.

    Args:
        images: uint8 (h, w, C) each, for top left, top right, bottom left and bottom right.
        labels: Labels of each image, float32 (n, 5): class, xc yc w h as shares of the image.
        centre: The common point x, y in the square, in pixels.
        size: Half the side of the square.
        padding: Value of empty pixels.

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
    """Convert labels of an image to boxes in a larger image.

    Args:
        labels: float32 (n, 5): class, xc yc w h as shares.
        width: Width of the image, in pixels.
        height: Height of the image, in pixels.
        left: Left edge of the image in the larger one.
        top: Top edge of the image in the larger one.
    """
    given = labels.astype(np.float64)
    centres = given[:, 1:3] * (width, height) + (left, top)
    halves = given[:, 3:5] * (width / 2, height / 2)
    return np.concatenate([given[:, :1], centres - halves, centres + halves], axis=1)


def cover_faces(image: Image, boxes: Boxes, chance: np.random.Generator, probability: float, face: int) -> Image:
    """Cover parts of faces.

    Args:
        image: uint8 (H, W, 3); not changed.
        boxes: (n, 5) class, x1 y1 x2 y2 in pixels.
        chance: Random generator.
        probability: Probability that a face is covered.
        face: Class id of whole faces; other boxes are skipped.

    Returns:
        uint8 (H, W, 3), a new array if any face is covered.
    """
    covered = image
    for _, x1, y1, x2, y2 in boxes[boxes[:, 0] == face]:
        if chance.random() >= probability or min(x2 - x1, y2 - y1) < SMALLEST_COVERED:
            continue
        if covered is image:
            covered = image.copy()
        outline = _outline(chance, np.array([x1, y1]), np.array([x2 - x1, y2 - y1]))
        _paint(covered, outline, chance)
    return covered


def _outline(
    chance: np.random.Generator, corner: NDArray[np.floating], size: NDArray[np.floating]
) -> NDArray[np.int32]:
    """int32 (n, 2), the corners of a cover in pixels."""
    kind = chance.choice(COVER_KINDS, p=COVER_SHARES)
    u = chance.uniform
    if kind == "mask":
        top, dip, left, right = u(0.4, 0.62), u(-0.12, 0.02), u(-0.04, 0.12), 1 - u(-0.04, 0.12)
        chin = u(0.95, 1.08)
        shares = [
            (left, top), (0.5, top + dip), (right, top), (right - u(0, 0.06), 0.78), (u(0.6, 0.75), chin),
            (u(0.25, 0.4), chin), (left + u(0, 0.06), 0.78),
        ]  # fmt: skip
    elif kind == "hat":
        edge = u(0.15, 0.45)
        shares = [(-0.15, -0.2), (1.15, -0.2), (1.1, edge), (0.5, edge + u(-0.1, 0.1)), (-0.1, edge)]
    elif kind == "side":
        edge, over = u(0.25, 0.55), u(-0.1, 0.1)
        shares = [(-0.15, -0.1), (edge + over, -0.1), (edge - over, 1.1), (-0.15, 1.1)]
        if chance.random() < 0.5:
            shares = [(1 - x, y) for x, y in shares]
    else:
        centre, radius, turn = u(0.15, 0.85, 2), u(0.15, 0.35, 2), u(0, np.pi)
        angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        around = np.column_stack([np.cos(angles), np.sin(angles)]) * radius
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        shares = (centre + around @ rotation).tolist()
    return np.rint(corner + np.array(shares) * size).astype(np.int32)


def _paint(image: Image, outline: NDArray[np.int32], chance: np.random.Generator) -> None:
    """Fill an outline with cloth, skin or another colour, in the light of the photo."""
    height, width = image.shape[:2]
    x1, y1 = np.maximum(outline.min(0), 0)
    x2, y2 = np.minimum(outline.max(0) + 1, (width, height))
    if x2 <= x1 or y2 <= y1:
        return
    inside = np.zeros((y2 - y1, x2 - x1), np.uint8)
    cv2.fillPoly(inside, [outline - (x1, y1)], 255)
    soft = cv2.blur(inside, (3, 3))[..., None] / np.float32(255)
    under = image[y1:y2, x1:x2].astype(np.float32)
    cover = _texture(image, y2 - y1, x2 - x1, chance)
    # Half of the brightness of the place, so that covers in dark photos are dark.
    light = 0.5 + 0.5 * under.mean() / 128
    image[y1:y2, x1:x2] = np.clip(under * (1 - soft) + cover * min(light, 1.2) * soft, 0, 255).astype(np.uint8)


def _texture(image: Image, height: int, width: int, chance: np.random.Generator) -> NDArray[np.float32]:
    """float32 (height, width, 3), values of 0 to 255."""
    if chance.random() < FROM_THE_PHOTO:
        top = int(chance.integers(0, image.shape[0] - height + 1))
        left = int(chance.integers(0, image.shape[1] - width + 1))
        return image[top : top + height, left : left + width].astype(np.float32)
    colour = chance.choice(CLOTH) if chance.random() < 0.5 else chance.integers(0, 256, 3)
    # Folds: a few broad waves of brightness.
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    wave = np.sin(rows / max(height, 1) * chance.uniform(2, 14) + columns / max(width, 1) * chance.uniform(-5, 5))
    shade = 1 + chance.uniform(0, 0.18) * wave
    grain = chance.normal(0, chance.uniform(0, 8), (height, width, 1))
    return (np.asarray(colour, np.float32) * shade[..., None] + grain).astype(np.float32)
