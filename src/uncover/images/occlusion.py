"""Training faces that something covers: a mask, a hat, a hand, a blanket drawn over part of the box.

A detector of whole faces learns from them that a face goes on under what covers it. The box stays that of the whole
face: its edges, and what is left to see, have to do.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.images.augmentation import Boxes, Image

SMALLEST = 8
"""Shorter side, in pixels, from which a face is covered; of smaller ones nothing would be left."""

KINDS = ("mask", "hat", "side", "blob")
SHARES = (0.55, 0.15, 0.15, 0.15)
"""How often each kind is drawn: masks and blankets cover the lower half far more often than anything the upper."""

CLOTH = ((235, 240, 245), (150, 190, 215), (40, 40, 45), (245, 215, 220), (120, 150, 120))
"""RGB of usual fabrics; every other cover has any colour."""

FROM_THE_PHOTO = 0.35
"""Share of covers that are a piece of the same photo, with its own texture and light."""


def cover_faces(image: Image, boxes: Boxes, chance: np.random.Generator, probability: float, face: int) -> Image:
    """Cover parts of faces.

    Args:
        image: uint8 (H, W, 3); is not changed.
        boxes: (n, 5) class, x1 y1 x2 y2 in pixels.
        chance: Source of randomness.
        probability: That a face is covered.
        face: Class number of whole faces; other boxes are passed over.

    Returns:
        uint8 (H, W, 3), another array if anything is covered.
    """
    covered = image
    for _, x1, y1, x2, y2 in boxes[boxes[:, 0] == face]:
        if chance.random() >= probability or min(x2 - x1, y2 - y1) < SMALLEST:
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
    kind = chance.choice(KINDS, p=SHARES)
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
    """Fill an outline with cloth, skin or whatever, in the light of the photo."""
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
    # The light of the place, by half: covers in the dark are dark.
    light = 0.5 + 0.5 * under.mean() / 128
    image[y1:y2, x1:x2] = np.clip(under * (1 - soft) + cover * min(light, 1.2) * soft, 0, 255).astype(np.uint8)


def _texture(image: Image, height: int, width: int, chance: np.random.Generator) -> NDArray[np.float32]:
    """float32 (height, width, 3), values of 0 to 255."""
    if chance.random() < FROM_THE_PHOTO:
        top = int(chance.integers(0, image.shape[0] - height + 1))
        left = int(chance.integers(0, image.shape[1] - width + 1))
        return image[top : top + height, left : left + width].astype(np.float32)
    colour = chance.choice(CLOTH) if chance.random() < 0.5 else chance.integers(0, 256, 3)
    # Folds: a few broad waves of light.
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    wave = np.sin(rows / max(height, 1) * chance.uniform(2, 14) + columns / max(width, 1) * chance.uniform(-5, 5))
    shade = 1 + chance.uniform(0, 0.18) * wave
    grain = chance.normal(0, chance.uniform(0, 8), (height, width, 1))
    return (np.asarray(colour, np.float32) * shade[..., None] + grain).astype(np.float32)
