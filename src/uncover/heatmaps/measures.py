"""What can be wrong with maps that are not blank: bright almost everywhere, or bright beside what they explain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from uncover.images.letterbox import Frame

BRIGHT, MOST = 0.98, 0.5
"""A map is saturated where more than this share of its cells has this share of its maximum."""

FULL = np.iinfo(np.uint16).max


def are_saturated(values: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Which maps of (C, h, w) are close to their maximum in more than half of their cells."""
    return (values >= BRIGHT * FULL).mean((1, 2)) > MOST


def are_inverted(
    values: NDArray[np.uint16], boxes: NDArray[np.float64], channels: NDArray[np.int64], frame: Frame
) -> NDArray[np.bool_]:
    """Which maps are darker inside of what was detected than around it, in the photo; padding does not count.

    Args:
        values: uint16 (C, h, w), over the whole frame; the last map is that of all detections.
        boxes: float64 (n, 4) that were detected, x1 y1 x2 y2 in pixels of the frame.
        channels: int64 (n,), the map of each.
        frame: Where the photo stands in what the network saw.

    Returns:
        (C,), False where nothing was detected, or nothing is around it.
    """
    photo = np.array([[frame.left, frame.top, frame.left + frame.inner_width, frame.top + frame.inner_height]])
    (everywhere,) = _shares(photo, values.shape[1:], frame)
    inside = np.zeros(values.shape)
    for channel, share in zip(channels, _shares(boxes, values.shape[1:], frame), strict=True):
        for place in (channel, -1):
            np.maximum(inside[place], share, out=inside[place])
    inside = np.minimum(inside, everywhere)
    outside = everywhere - inside
    bright_inside, bright_outside = ((values * each).sum((1, 2)) for each in (inside, outside))
    # Means compared, without dividing by an area that may be nothing.
    return bright_inside * outside.sum((1, 2)) < bright_outside * inside.sum((1, 2))


def _shares(boxes: NDArray[np.floating], cells: tuple[int, ...], frame: Frame) -> NDArray[np.float64]:
    """Shares (n, h, w) of cells that boxes (n, 4) cover; small parts of a face are smaller than a cell."""
    across = _overlap(boxes[:, 0::2], cells[1], frame.out_width)
    down = _overlap(boxes[:, 1::2], cells[0], frame.out_height)
    return down[:, :, None] * across[:, None]


def _overlap(spans: NDArray[np.floating], cells: int, pixels: int) -> NDArray[np.float64]:
    """Shares (n, cells) of cells in a row that spans (n, 2) cover."""
    edges = np.linspace(0, pixels, cells + 1)
    shared = np.minimum(spans[:, 1:], edges[1:]) - np.maximum(spans[:, :1], edges[:-1])
    return shared.clip(min=0) * (cells / pixels)
