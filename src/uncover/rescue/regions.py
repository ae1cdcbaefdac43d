"""Boxes around the highlighted regions of a heatmap: what hangs together, at several levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.images.letterbox import Frame

Floats = NDArray[np.float64]

LEVELS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Shares of the way from the image's coldest pixel to its hottest, from which a pixel is highlighted."""

LONGEST = 192
"""Longest side, in pixels, that a map is enlarged to before regions are sought: edges of a region then fall between
the centres of its cells. A larger map takes longer and moves them by less than a hundredth of the image."""

SMALLEST_SHARE = 0.05
"""Of the image's shorter side: a region that is smaller both ways than this is noise between cells."""


@dataclass(frozen=True)
class Regions:
    """Highlighted regions of one image's map. They nest: what is one region at a low level may be two at a high one.

    Attributes:
        boxes: float64 (N, 4) x1 y1 x2 y2, pixels of the original image.
        heat: float64 (N,), from 0 to 1: how much hotter the region is than what lies around it in the image, in shares
            of the way from the coldest pixel to the hottest.
    """

    boxes: Floats
    heat: Floats


def highlighted_regions(heatmap: NDArray[np.floating], frame: Frame, levels: Sequence[float] = LEVELS) -> Regions:
    """Regions of a map, level by level.

    The map is enlarged between the centres of its cells and cut to the image, as in the heatmaps that one looks at:
    what a network sees beside the image neither shows nor counts.

    Args:
        heatmap: float (h, w), over the whole frame. A blank map, and a constant one, has no regions.
        frame: Where the original image stands in the frame.
        levels: From 0 to 1.
    """
    heat, origin, gain = _enlarged(heatmap, frame)
    low, high = float(heat.min()), float(heat.max())
    if not high > low:
        return Regions(np.zeros((0, 4)), np.zeros(0))
    heat = (heat - low) / (high - low)
    total, pixels = float(heat.sum(dtype=np.float64)), heat.size
    boxes, contrast = [np.zeros((0, 4))], [np.zeros(0)]
    for level in levels:
        count, labels, stats, _ = cv2.connectedComponentsWithStats((heat >= level).astype(np.uint8), connectivity=8)
        inside = np.bincount(labels.ravel(), heat.ravel().astype(np.float64), count)[1:]
        area = stats[1:, cv2.CC_STAT_AREA].astype(np.float64)
        corner = stats[1:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]].astype(np.float64)
        sides = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].astype(np.float64)
        large = (sides >= SMALLEST_SHARE * min(heat.shape)).any(axis=1)
        boxes.append(np.hstack([corner, corner + sides])[large])
        around = (total - inside) / np.maximum(pixels - area, 1)
        contrast.append((inside / area - around)[large])
    in_frame = np.tile(origin, 2) + np.concatenate(boxes) * np.tile(gain, 2)
    return Regions(frame.to_original(in_frame), np.concatenate(contrast).clip(0, 1))


def _enlarged(heatmap: NDArray[np.floating], frame: Frame) -> tuple[NDArray[np.float32], Floats, Floats]:
    """The image's part of a map, enlarged; where it begins in the frame, and pixels of the frame per pixel of it."""
    gain = max(frame.out_width, frame.out_height) / LONGEST
    width, height = (max(1, round(side / gain)) for side in (frame.out_width, frame.out_height))
    whole = cv2.resize(heatmap.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    gains = np.array([frame.out_width / width, frame.out_height / height])
    start = np.array([frame.left, frame.top]) / gains
    stop = np.array([frame.left + frame.inner_width, frame.top + frame.inner_height]) / gains
    # Whole pixels of which half or more lies in the image; where it is narrower than that, one.
    left, top = np.minimum(np.floor(start + 0.5), [width - 1, height - 1]).astype(int)
    right, bottom = np.maximum(np.floor(stop + 0.5), [left + 1, top + 1]).astype(int)
    return np.asarray(whole[top:bottom, left:right], np.float32), np.array([left, top]) * gains, gains
