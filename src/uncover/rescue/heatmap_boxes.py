"""Boxes around highlighted regions of a heatmap, checked against the boxes of detected parts.

Section 4.6.2 of the thesis suggests this method, which needs no second network: draw a box around the highlighted
region, and compare it with other boxes to judge whether it is plausible. Here it is plausible as far as the detected
parts imply a whole face at the same position.
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
"""Thresholds for highlighted pixels, as shares of the range from the image's lowest to its highest value."""

LONGEST = 192
"""Longest side of the enlarged map in which regions are sought, in pixels: region edges are then finer than the map's
cells. A larger map takes longer and moves edges by less than a hundredth of the image."""

SMALLEST_SHARE = 0.05
"""Relative to the image's shorter side: regions with both sides smaller than this are noise between cells."""


UNSUPPORTED = 0.001
"""Maximum confidence of regions without a supporting part; half of it is the minimum. All others are above."""

SAME_REGION = 0.3
"""IoU above which two boxes are of one region, which occurs at several levels in several sizes."""


@dataclass(frozen=True)
class Regions:
    """Highlighted regions of one image's map. They are nested: a region of a low level may split at a higher one.

    Attributes:
        boxes: float64 (N, 4) x1 y1 x2 y2, pixels of the original image.
        heat: float64 (N,), from 0 to 1: contrast of the region to its surroundings in the image, as a share of the
            range from the lowest to the highest value.
    """

    boxes: Floats
    heat: Floats


def highlighted_regions(heatmap: NDArray[np.floating], frame: Letterbox, levels: Sequence[float] = LEVELS) -> Regions:
    """Regions of a map, level by level.

    The map is interpolated between cell centres and cropped to the image, as in displayed heatmaps: padding is ignored.

    Args:
        heatmap: float (h, w), over the whole frame. A blank or constant map has no regions.
        frame: Position of the original image in the frame.
        levels: Thresholds, from 0 to 1.
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
    """Whole faces at highlighted regions of one image's map.

    A part supports a region with its confidence times the squared IoU of the region's box and the whole face that the
    part implies; a part with two modes, such as an eye, with the better one. The region's box is then moved halfway to
    the weighted mean of the supporting faces: the region locates the evidence, the parts the extent of the face. The
    confidence of a support s is s / (1 + s), as in box fusion; without support it is close to zero.

    Args:
        heatmap: float (h, w), over the whole frame, such as `StoredMaps.native()[0]` of a joint map.
        frame: Position of the image in the frame.
        parts: float (P, 4) x1 y1 x2 y2, boxes of the ten-part detector, pixels of the image. Those of the whole face,
            and those with a confidence below `LOWEST_PART`, are ignored.
        class_id: int (P,).
        confidence: float (P,), from 0 to 1.
        anatomy: Anatomy from the training set.

    Returns:
        float64 (N, 4), boxes within the image, in its pixels, by falling confidence; float64 (N,), their confidences,
        from 0 to 1. Empty if the map is blank.
    """
    regions = highlighted_regions(heatmap, frame)
    # Compare in single precision, in which confidences are stored.
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
    # Ties in confidence are ordered by the corners, so that the same map gives the same boxes.
    order = np.lexsort((*boxes.T[::-1], -score))
    order = order[(boxes[order, 2:] - boxes[order, :2] >= SMALLEST_SIDE).all(axis=1)]
    order = order[nms(boxes[order], score[order], SAME_REGION)][:MOST_BOXES]
    return boxes[order], score[order]


def propose(evidence: Evidence) -> Detections:
    """Boxes of every image's map; none if the evidence has no maps.

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
                f"heatmap of {name}: made for {own_maps.frame.width} x {own_maps.frame.height} pixels, but the image of"
                f" the predictions has {width} x {height}; make both from the same images"
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
    """The highest share of each part's faces: float64 (N, parts), from shares (N, faces)."""
    best = np.zeros((parts, len(shares)))
    np.maximum.at(best, part, shares.T)
    return best.T


def _moved(boxes: Floats, faces: Floats, weights: Floats) -> Floats:
    """Boxes (N, 4), each moved halfway to the mean of faces (M, 4), weighted by (N, M); unchanged without weights."""
    total = weights.sum(axis=1, keepdims=True)
    mean = weights @ faces / np.where(total > 0, total, 1)
    return np.where(total > 0, (boxes + mean) / 2, boxes)


def _enlarged(heatmap: NDArray[np.floating], frame: Letterbox) -> tuple[NDArray[np.float32], Floats, Floats]:
    """The image's part of a map, enlarged; its start in the frame, and pixels of the frame per pixel of it."""
    gain = max(frame.out_width, frame.out_height) / LONGEST
    width, height = (max(1, round(side / gain)) for side in (frame.out_width, frame.out_height))
    whole = cv2.resize(heatmap.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    gains = np.array([frame.out_width / width, frame.out_height / height])
    start = np.array([frame.left, frame.top]) / gains
    stop = np.array([frame.left + frame.inner_width, frame.top + frame.inner_height]) / gains
    # Pixels that are at least half inside the image; at least one.
    left, top = np.minimum(np.floor(start + 0.5), [width - 1, height - 1]).astype(int)
    right, bottom = np.maximum(np.floor(stop + 0.5), [left + 1, top + 1]).astype(int)
    return np.asarray(whole[top:bottom, left:right], np.float32), np.array([left, top]) * gains, gains
