"""Weighted box fusion: matching boxes are merged into their mean, weighted by confidence, with a combined confidence.

After Solovyev, Wang and Gabruseva, "Weighted boxes fusion: Ensembling boxes from different object detection models",
Image and Vision Computing 107 (2021) 104117. The original rescales the mean confidence by the number of models; here
confidences add up, because a face has one box per detected part. All images are processed together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.data.parts import SMALLEST_SIDE, WHOLE_FACE
from uncover.metrics.detections import Detections, iou
from uncover.metrics.predictions import CORNERS, MOST_BOXES, Predictions
from uncover.rescue.evidence import Evidence, Floats, Ints, implied_faces

LOWEST_PART = 0.02
"""Minimum confidence of a part's box."""

AGREEMENT = 0.5
"""Minimum IoU of two boxes of the same face; the thesis uses it for correct boxes."""

IMAGES_AT_ONCE = 128
"""Images processed together: enough to amortise numpy's calls, few enough to fit into the CPU cache."""

EPSILON = 1e-12
"""Avoids a division by zero for boxes without confidence."""


def face_boxes(predictions: Predictions, evidence: Evidence) -> Detections:
    """All whole-face boxes of any confidence, in the form of `fuse`."""
    found = predictions.boxes[predictions.boxes["class_id"] == WHOLE_FACE]
    rows = np.arange(len(found), dtype=np.int64)
    return _candidates(found, found[list(CORNERS)].to_numpy(np.float64), rows, evidence)


def part_faces(evidence: Evidence, lowest: float = LOWEST_PART) -> Detections:
    """For each part's box of rgb10, the face around it according to the median training face, in the form of `fuse`.

    Faces may extend beyond the image: after clipping, a real face at the edge and a wrong hypothesis beside it (from
    the other eye) would look alike.

    Args:
        evidence: Evidence on the set.
        lowest: Minimum confidence of a part's box.
    """
    found = evidence.rgb10.boxes
    # Compare in single precision, in which confidences are stored.
    found = found[found["confidence"].to_numpy(np.float32) >= np.float32(lowest)]
    class_id, corners = found["class_id"].to_numpy(np.int64), found[list(CORNERS)].to_numpy(np.float64)
    faces, part = implied_faces(evidence.anatomy, class_id, corners)
    return _candidates(found.iloc[part], faces, part, evidence)


def pooled(*several: Detections) -> Detections:
    """Boxes of several sources, with distinct numbers in `found_by`."""
    apart, first = [], 0
    for each in several:
        assert each.found_by is not None
        apart.append(replace(each, found_by=each.found_by + first))
        first += int(each.found_by.max(initial=-1)) + 1
    return Detections.concatenate(apart)


def fuse(boxes: Detections, evidence: Evidence, agreement: float = AGREEMENT) -> Detections:
    """One whole-face box for each cluster of matching boxes.

    A box with several hypotheses, such as an eye that may be the left or the right one, supports only the strongest of
    their clusters; the other hypotheses are removed and the rest is fused again. The confidence of a sum s of
    confidences is s / (1 + s): it increases with s and stays between 0 and 1. Unlike 1 - exp(-s) it does not round to 1
    in single precision if a dozen confident parts match, which would make the best boxes equal.

    Args:
        boxes: float64, with `image` (row of the evidence's images) and `found_by`: boxes of an image with the same
            number are alternative faces of one box.
        evidence: Evidence on the set.
        agreement: Minimum IoU of boxes of the same face.

    Returns:
        Boxes by image, sorted by falling confidence, clipped to the image, after NMS at the evidence's IoU and limited
        to the number that a detector may store.
    """
    assert boxes.image is not None and boxes.found_by is not None
    clusters = cluster(boxes, agreement)
    support = clusters.support[clusters.of_box]
    order = np.lexsort((np.arange(len(support)), -support, boxes.found_by))
    counts = np.zeros(len(order), np.bool_)
    counts[order[np.diff(boxes.found_by[order], prepend=-1) != 0]] = True
    if not counts.all():
        clusters = cluster(boxes[counts], agreement)
    sizes = evidence.sizes()[clusters.image]
    means = np.clip(clusters.boxes, 0, np.tile(sizes, 2))
    inside = (means[:, 2:] - means[:, :2] >= SMALLEST_SIDE).all(axis=1)
    fused = Detections(means[inside], clusters.support[inside], image=clusters.image[inside]).nms(evidence.nms_iou)
    fused = fused[np.arange(len(fused)) - np.searchsorted(fused.image_rows, fused.image_rows) < MOST_BOXES]
    return stored(fused.image_rows, fused.boxes, fused.confidence / (1 + fused.confidence))


def stored(image: Ints, boxes: NDArray[np.floating], confidence: NDArray[np.floating]) -> Detections:
    """Whole faces in the precision of stored predictions.

    Args:
        image: int64 (N,), row of the evidence's images.
        boxes: (N, 4) x1 y1 x2 y2, pixels.
        confidence: (N,), from 0 to 1.
    """
    return Detections(boxes.astype(np.float32), confidence.astype(np.float32), image=image)


@dataclass(frozen=True)
class Clusters:
    """Clusters of matching boxes, sorted by image and falling support.

    Attributes:
        image: int64 (G,), rising.
        boxes: float64 (G, 4): mean of the cluster's boxes, weighted by their confidence.
        support: float64 (G,): sum of their confidences.
        of_box: int64 (N,): cluster of each box.
    """

    image: Ints
    boxes: Floats
    support: Floats
    of_box: Ints


def cluster(boxes: Detections, agreement: float) -> Clusters:
    """Cluster boxes, image by image, in order of falling confidence.

    A box joins the cluster whose mean box it overlaps most, if by at least `agreement`, otherwise it starts a new one.
    The k-th boxes of all images are placed in one step, so a step costs the same for one image as for many.

    Args:
        boxes: float64, with `image`, from 0.
        agreement: Minimum IoU of a box and its cluster.
    """
    image, corners = boxes.image_rows, np.asarray(boxes.boxes, np.float64)
    confidence = np.asarray(boxes.confidence, np.float64)
    # Ties in confidence are ordered by the corners, so that the input order does not matter.
    order = np.lexsort((*corners.T[::-1], -confidence, image))
    row, mean, support = np.empty(len(order), np.int64), [np.zeros((0, 4))], [np.zeros(0)]
    of_cluster, clusters = [np.zeros(0, np.int64)], 0
    for rows in _blocks(image[order]):
        own = order[rows]
        placed = _place(image[own], corners[own], confidence[own], agreement)
        row[own] = placed.of_box + clusters
        clusters += len(placed.image)
        mean.append(placed.boxes)
        support.append(placed.support)
        of_cluster.append(placed.image)
    of_image, means, supports = np.concatenate(of_cluster), np.concatenate(mean), np.concatenate(support)
    ranked = np.lexsort((*means.T[::-1], -supports, of_image))
    place = np.empty(len(ranked), np.int64)
    place[ranked] = np.arange(len(ranked))
    return Clusters(of_image[ranked], means[ranked], supports[ranked], place[row])


def _candidates(found: pd.DataFrame, boxes: Floats, number: Ints, evidence: Evidence) -> Detections:
    """Faces that the rows `found` represent."""
    row_of_image = evidence.row_of_image()
    image = np.array([row_of_image[name] for name in found["image"]], np.int64)
    return Detections(boxes, found["confidence"].to_numpy(np.float64), image=image, found_by=number)


def _place(image: Ints, corners: Floats, confidence: Floats, agreement: float) -> Clusters:
    """`cluster` for a block: boxes sorted by image and falling confidence."""
    lanes = _Lanes.of(image)
    box = np.zeros((lanes.images, lanes.longest), np.int64)
    box[lanes.image, lanes.rank] = np.arange(len(image))
    # Corners on the first axis, so that operations run along contiguous memory.
    mean = np.zeros((4, lanes.images, lanes.longest))
    support = np.zeros((lanes.images, lanes.longest))
    count = np.zeros(lanes.images, np.int64)
    chosen = np.zeros((lanes.images, lanes.longest), np.int64)
    for rank in range(lanes.longest):
        active = lanes.active(rank)
        lane, own = np.arange(active), box[:active, rank]
        opened = int(count[:active].max())
        # Clusters that do not exist yet have no area, so nothing overlaps them.
        found = iou(corners[own][:, None], np.moveaxis(mean[:, :active, :opened], 0, -1))
        best = found.argmax(axis=1) if opened else np.zeros(active, np.int64)
        joins = found[lane, best] >= agreement if opened else np.zeros(active, np.bool_)
        target = np.where(joins, best, count[:active])
        before, added = support[lane, target], confidence[own]
        share = np.where(joins, added / np.maximum(before + added, EPSILON), 1.0)
        mean[:, lane, target] += share * (corners[own].T - mean[:, lane, target])
        support[lane, target] = before + added
        chosen[:active, rank] = target
        count[:active] += ~joins
    first = np.concatenate([[0], count.cumsum()])
    lane_of, place_of = np.repeat(np.arange(lanes.images), count), np.arange(first[-1]) - np.repeat(first[:-1], count)
    image_of_lane = np.empty(lanes.images, np.int64)
    image_of_lane[lanes.image] = image
    of_box = first[lanes.image] + chosen[lanes.image, lanes.rank]
    return Clusters(image_of_lane[lane_of], mean[:, lane_of, place_of].T, support[lane_of, place_of], of_box)


@dataclass(frozen=True)
class _Lanes:
    """Rows of several images as parallel lanes, the longest first.

    Attributes:
        image: int64 (N,): lane of each row.
        rank: int64 (N,): position of each row in its lane.
        lengths: int64 (lanes,), descending.
    """

    image: Ints
    rank: Ints
    lengths: Ints

    @classmethod
    def of(cls, image: Ints) -> _Lanes:
        """Lanes of rows that are sorted by image."""
        _, first, lane, lengths = np.unique(image, return_index=True, return_inverse=True, return_counts=True)
        by_length = np.argsort(-lengths, kind="stable")
        place = np.empty(len(by_length), np.int64)
        place[by_length] = np.arange(len(by_length))
        return cls(place[lane], np.arange(len(image)) - first[lane], lengths[by_length])

    @property
    def images(self) -> int:
        return len(self.lengths)

    @property
    def longest(self) -> int:
        return int(self.lengths[0]) if len(self.lengths) else 0

    def active(self, rank: int) -> int:
        """Number of lanes that have a row of this rank; these lanes come first."""
        return int(np.searchsorted(-self.lengths, -rank, side="left"))


def _blocks(image: Ints) -> list[slice]:
    """Rows of a few images at a time, which bounds the memory; rows are sorted by image."""
    if not len(image):
        return []
    starts = np.flatnonzero(np.diff(image, prepend=-1))[::IMAGES_AT_ONCE]
    return [slice(int(a), int(b)) for a, b in zip(starts, [*starts[1:], len(image)], strict=True)]
