"""Boxes around the highlighted regions of a heatmap, checked against the boxes of the parts that were found.

Section 4.6.2 of the thesis ends with this idea, which needs no second network: draw a box around what is highlighted,
and compare it with other boxes to estimate whether it makes sense. Here it does as far as the parts that were found
imply a whole face at the same place.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.images.letterbox import Frame
from uncover.metrics.alike import MOST_BOXES
from uncover.metrics.predictions import CORNERS
from uncover.parts.geometry import SMALLEST_SIDE
from uncover.rescue.agreement import overlap, suppress
from uncover.rescue.anatomy import Anatomy, implied_faces
from uncover.rescue.evidence import Evidence
from uncover.rescue.regions import highlighted_regions
from uncover.rescue.votes import LOWEST_PART, as_boxes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNSUPPORTED = 0.001
"""Highest confidence of a region that no part speaks for, half of it the lowest; all others lie above."""

SAME_REGION = 0.3
"""IoU above which two boxes are about one region: the levels of a map show it several times, in several sizes."""


def boxes_of_map(
    heatmap: NDArray[np.floating],
    frame: Frame,
    parts: NDArray[np.floating],
    class_id: NDArray[np.integer],
    confidence: NDArray[np.floating],
    anatomy: Anatomy,
) -> tuple[Floats, Floats]:
    """Whole faces where a map of one image is highlighted.

    A part supports a region with its confidence times the square of the IoU of the region's box and the whole face that
    the part implies; a part that may be one of two, such as an eye, with the better. The region's box then moves
    halfway to the mean of the faces that support it: a region is where the network looked, a part says where a face
    ends. The confidence of a support s is s / (1 + s), as of an election; without any it is next to nothing.

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
    shares = overlap(regions.boxes.T[:, :, None], faces.T[:, None, :]) ** 2
    support = _better_mode(shares, part, len(own)) * own
    total = support.sum(axis=1)
    boxes = _moved(regions.boxes, faces, shares * own[part])
    boxes = np.clip(boxes, 0, np.tile([frame.width, frame.height], 2))
    alone = UNSUPPORTED * (1 + regions.heat) / 2
    elected = np.where(total > 0, UNSUPPORTED + (1 - UNSUPPORTED) * total / (1 + total), alone)
    # The corners decide among regions that are equally sure, so that the same map gives the same boxes.
    order = np.lexsort((*boxes.T[::-1], -elected))
    order = order[(boxes[order, 2:] - boxes[order, :2] >= SMALLEST_SIDE).all(axis=1)]
    order = order[suppress(np.zeros(len(order), np.int64), boxes[order], SAME_REGION)][:MOST_BOXES]
    return boxes[order], elected[order]


def propose(evidence: Evidence) -> pd.DataFrame:
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
        stored = maps[name]
        if (stored.frame.width, stored.frame.height) != (width, height):
            raise InputError(
                f"heatmap of {name}: is of an image of {stored.frame.width} x {stored.frame.height} pixels, but its"
                f" predictions of {width} x {height}; make both of the same images"
            )
        own = rows_of.get(name, np.zeros(0, np.int64))
        drawn, elected = boxes_of_map(
            stored.native()[0], stored.frame, corners[own], class_id[own], confidence[own], evidence.anatomy
        )
        image.append(np.full(len(drawn), row, np.int64))
        boxes.append(drawn)
        sure.append(elected)
    return as_boxes(evidence, np.concatenate(image), np.concatenate(boxes), np.concatenate(sure))


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
