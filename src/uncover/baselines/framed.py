"""Photos in the frame that a network of somebody else's sees, and its boxes back in the photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from uncover.images.letterbox import STRIDE, Letterbox, fit, letterbox
from uncover.metrics.detections import Detections

BLACK = 0


def into_frame(
    photo: NDArray[np.uint8], longest: int | None, side: int | None = None, centred: bool = False
) -> tuple[NDArray[np.uint8], Letterbox]:
    """Scale a photo and pad it with black.

    Args:
        photo: uint8 (height, width, 3).
        longest: What its longest side becomes, in pixels; None leaves it.
        side: Of a square frame, in pixels; None takes the smallest frame with sides of multiples of 32.
        centred: Whether the photo stands in the middle of its frame; else in the upper left corner.
    """
    height, width = photo.shape[:2]
    frame = fit(width, height, longest or max(width, height), STRIDE)
    if side is not None:
        frame = replace(frame, out_width=side, out_height=side)
    left, top = frame.out_width - frame.inner_width, frame.out_height - frame.inner_height
    frame = replace(frame, left=left // 2 if centred else 0, top=top // 2 if centred else 0)
    return letterbox(photo, frame, BLACK), frame


def out_of_frame(found: Detections, frame: Letterbox) -> Detections:
    """Boxes in pixels of a frame in those of its photo."""
    corner = np.array([frame.left, frame.top], np.float32)
    landmarks = None if found.landmarks is None else found.landmarks - corner
    moved = replace(found, boxes=found.boxes - np.tile(corner, 2), landmarks=landmarks)
    return moved.scaled(frame.width / frame.inner_width, frame.height / frame.inner_height)
