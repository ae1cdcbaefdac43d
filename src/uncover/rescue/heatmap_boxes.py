"""Boxes around the highlighted regions of a heatmap, checked against the boxes of the parts that were found.

Section 4.6.2 of the thesis ends with this idea, which needs no second network: draw a box around what is highlighted,
and compare it with other boxes to estimate whether it makes sense. Here it does as far as the parts that were found
imply a whole face at the same place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.data.parts import SMALLEST_SIDE
from uncover.errors import InputError
from uncover.images.letterbox import Letterbox
from uncover.metrics.detections import Detections, iou, nms
from uncover.metrics.predictions import CORNERS, MOST_BOXES
from uncover.rescue.box_fusion import LOWEST_PART, stored
from uncover.rescue.evidence import Anatomy, Evidence, Floats, Ints, implied_faces

LEVELS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Shares of the way from the image's coldest pixel to its hottest, from which a pixel is highlighted."""

LONGEST = 192
"""Longest side, in pixels, that a map is enlarged to before regions are sought: edges of a region then fall between
the centres of its cells. A larger map takes longer and moves them by less than a hundredth of the image."""

SMALLEST_SHARE = 0.05
"""Of the image's shorter side: a region that is smaller both ways than this is noise between cells."""


UNSUPPORTED = 0.001
"""Highest confidence of a region that no part speaks for, half of it the lowest; all others lie above."""

SAME_REGION = 0.3
"""IoU above which two boxes are about one region: the levels of a map show it several times, in several sizes."""


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


def highlighted_regions(heatmap: NDArray[np.floating], frame: Letterbox, levels: Sequence[float] = LEVELS) -> Regions:
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


def boxes_of_map(
    heatmap: NDArray[np.floating],
    frame: Letterbox,
    parts: NDArray[np.floating],
    class_id: NDArray[np.integer],
    confidence: NDArray[np.floating],
    anatomy: Anatomy,
) -> tuple[Floats, Floats]:
    """Whole faces where a map of one image is highlighted.

    A part supports a region with its confidence times the square of the IoU of the region's box and the whole face that
    the part implies; a part that may be one of two, such as an eye, with the better. The region's box then moves
    halfway to the mean of the faces that support it: a region is where the network looked, a part says where a face
    ends. The confidence of a support s is s / (1 + s), as in box fusion; without any it is next to nothing.

    Args:
        heatmap: float (h, w), over the whole frame, such as `StoredMaps.native()[0]` of a joint map.
        frame: Where the image stands in the frame.
        parts: float (P, 4) x1 y1 x2 y2, boxes of the ten-part detector, pixels of the image. Those of the whole face,
            and those less sure than `LOWEST_PART`, have no say.
        class_id: int (P,).
        confidence: float (P,), from 0 to 1.
        anatomy: Of the training set.

    Returns:
        float64 (N, 4), boxes within the image, in its pixels, the surest first; float64 (N,), their confidences, from 0
        to 1. Nothing where the map is blank.
    """
    regions = highlighted_regions(heatmap, frame)
    # In single precision, in which confidences are stored.
    sure = np.asarray(confidence, np.float32) >= np.float32(LOWEST_PART)
    own = np.asarray(confidence, np.float64)[sure]
    faces, part = implied_faces(anatomy, np.asarray(class_id, np.int64)[sure], np.asarray(parts, np.float64)[sure])
    shares = iou(regions.boxes[:, None], faces[None]) ** 2
    support = _better_mode(shares, part, len(own)) * own
    total = support.sum(axis=1)
    boxes = _moved(regions.boxes, faces, shares * own[part])
    boxes = np.clip(boxes, 0, np.tile([frame.width, frame.height], 2))
    alone = UNSUPPORTED * (1 + regions.heat) / 2
    score = np.where(total > 0, UNSUPPORTED + (1 - UNSUPPORTED) * total / (1 + total), alone)
    # The corners decide among regions that are equally sure, so that the same map gives the same boxes.
    order = np.lexsort((*boxes.T[::-1], -score))
    order = order[(boxes[order, 2:] - boxes[order, :2] >= SMALLEST_SIDE).all(axis=1)]
    order = order[nms(boxes[order], score[order], SAME_REGION)][:MOST_BOXES]
    return boxes[order], score[order]


def propose(evidence: Evidence) -> Detections:
    """Boxes of every image's map; nothing where the evidence has no maps.

    Raises:
        InputError: An image has no map, or a map of another size.
    """
    found = evidence.rgb10.boxes
    rows_of = found.groupby("image").indices
    corners = found[list(CORNERS)].to_numpy(np.float64)
    class_id, confidence = found["class_id"].to_numpy(), found["confidence"].to_numpy()
    image, boxes, sure = [np.zeros(0, np.int64)], [np.zeros((0, 4))], [np.zeros(0)]
    maps = evidence.maps or {}
    seen = evidence.images if evidence.maps is not None else evidence.images.iloc[:0]
    for row, (name, width, height) in enumerate(seen[["image", "width", "height"]].itertuples(index=False)):
        own_maps = maps[name]
        if (own_maps.frame.width, own_maps.frame.height) != (width, height):
            raise InputError(
                f"heatmap of {name}: is of an image of {own_maps.frame.width} x {own_maps.frame.height} pixels, but its"
                f" predictions of {width} x {height}; make both of the same images"
            )
        own = rows_of.get(name, np.zeros(0, np.int64))
        drawn, score = boxes_of_map(
            own_maps.native()[0], own_maps.frame, corners[own], class_id[own], confidence[own], evidence.anatomy
        )
        image.append(np.full(len(drawn), row, np.int64))
        boxes.append(drawn)
        sure.append(score)
    return stored(np.concatenate(image), np.concatenate(boxes), np.concatenate(sure))


def _better_mode(shares: Floats, part: Ints, parts: int) -> Floats:
    """The highest share of each part's faces: float64 (N, parts), of shares (N, faces)."""
    best = np.zeros((parts, len(shares)))
    np.maximum.at(best, part, shares.T)
    return best.T


def _moved(boxes: Floats, faces: Floats, weights: Floats) -> Floats:
    """Boxes (N, 4), each halfway to the mean of faces (M, 4), weighted by (N, M); without weights where they are."""
    total = weights.sum(axis=1, keepdims=True)
    mean = weights @ faces / np.where(total > 0, total, 1)
    return np.where(total > 0, (boxes + mean) / 2, boxes)


def _enlarged(heatmap: NDArray[np.floating], frame: Letterbox) -> tuple[NDArray[np.float32], Floats, Floats]:
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
