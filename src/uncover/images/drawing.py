"""Draw boxes into images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.atomic import new_file

PALETTE = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0), (120, 94, 240))
"""RGB colours that colour-blind readers can distinguish (Okabe and Ito)."""
WHITE = (255, 255, 255)
QUALITY = 90


def draw_boxes(
    pixels: NDArray[np.uint8], boxes: NDArray[np.float64], texts: Sequence[str], colours: Sequence[int]
) -> None:
    """Draw boxes with a label each.

    Args:
        pixels: uint8 (H, W, 3) RGB, contiguous; drawn into.
        boxes: float64 (N, 4), x1 y1 x2 y2 in pixels.
        texts: Label of each box.
        colours: Number of each box's colour; equal numbers give equal colours.
    """
    shorter = min(pixels.shape[:2])
    thick, size = max(1, round(shorter / 240)), max(0.35, shorter / 1000)
    for (x1, y1, x2, y2), text, number in zip(boxes.tolist(), texts, colours, strict=True):
        colour = PALETTE[number % len(PALETTE)]
        corner = (math.floor(x1), math.floor(y1))
        cv2.rectangle(pixels, corner, (math.ceil(x2), math.ceil(y2)), colour, thick, cv2.LINE_AA)
        (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thick)
        left = min(max(corner[0], 0), max(pixels.shape[1] - width, 0))
        top = corner[1] - height - base if corner[1] > height + base else max(corner[1], 0)
        cv2.rectangle(pixels, (left, top), (left + width, top + height + base), colour, cv2.FILLED)
        place, pen = (left, top + height), max(1, thick // 2)
        cv2.putText(pixels, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, WHITE, pen, cv2.LINE_AA)


def write_jpeg(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write an image, uint8 (H, W, 3) RGB; missing folders are created."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG")
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as temporary:
        temporary.write_bytes(data.tobytes())
