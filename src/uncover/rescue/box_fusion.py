"""Weighted box fusion: boxes that agree become one, their mean weighted by confidence, as sure as all of them together.

The idea is that of Solovyev, Wang and Gabruseva, "Weighted boxes fusion: Ensembling boxes from different object
detection models", Image and Vision Computing 107 (2021) 104117. Theirs rescales the mean confidence by the number of
models; here confidences add up, because a face has as many boxes as it has parts that were found. All images are worked
on at once.
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
"""Confidence from which a part's box counts."""

AGREEMENT = 0.5
"""IoU from which two boxes are of the same face; the thesis takes a box for correct from there."""

IMAGES_AT_ONCE = 128
"""Worked on side by side: enough to make numpy's calls cheap, few enough to stay in the processor's cache."""

EPSILON = 1e-12
"""Keeps the mean of boxes without confidence defined."""


def face_boxes(predictions: Predictions, evidence: Evidence) -> Detections:
    """Every whole-face box, whatever its confidence, as `fuse` wants them."""
    found = predictions.boxes[predictions.boxes["class_id"] == WHOLE_FACE]
    rows = np.arange(len(found), dtype=np.int64)
    return _candidates(found, found[list(CORNERS)].to_numpy(np.float64), rows, evidence)


def part_faces(evidence: Evidence, lowest: float = LOWEST_PART) -> Detections:
    """For every part's box of rgb10 the face that lies around it in the median training face, as `fuse` wants them.

    They may leave the image: cut off, a face half outside and the ghost beside it, where the other eye would put it,
    look alike.

    Args:
        evidence: Of the set.
        lowest: Confidence from which a part's box counts.
    """
    found = evidence.rgb10.boxes
    # In single precision, in which confidences are stored.
    found = found[found["confidence"].to_numpy(np.float32) >= np.float32(lowest)]
    class_id, corners = found["class_id"].to_numpy(np.int64), found[list(CORNERS)].to_numpy(np.float64)
    faces, part = implied_faces(evidence.anatomy, class_id, corners)
    return _candidates(found.iloc[part], faces, part, evidence)


def pooled(*several: Detections) -> Detections:
    """Boxes of several sources, whose numbers in `found_by` become different ones."""
    apart, first = [], 0
    for each in several:
        assert each.found_by is not None
        apart.append(replace(each, found_by=each.found_by + first))
        first += int(each.found_by.max(initial=-1)) + 1
    return Detections.concatenate(apart)


def fuse(boxes: Detections, evidence: Evidence, agreement: float = AGREEMENT) -> Detections:
    """One whole-face box for each cluster of boxes that agree.

    A box that stands for several faces, such as an eye that may be the left or the right one, supports only the
    strongest of the clusters that they went to; the others are taken back and the rest is fused again. The confidence
    of s added confidences is s / (1 + s): it rises with s, stays within 0 and 1, and unlike 1 - exp(-s) it does not run
    into 1 in single precision when a dozen sure parts agree, which would make the best boxes equal.

    Args:
        boxes: float64, with `image` (row of the evidence's images) and `found_by`: boxes of the same image that share
            this number are faces that one box may stand for.
        evidence: Of the set.
        agreement: IoU from which boxes are of the same face.

    Returns:
        By image, the best first, clipped to it, after NMS at the evidence's IoU; no more than a detector may store.
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
    """Whole faces in the precision in which predictions are stored.

    Args:
        image: int64 (N,), row of the evidence's images.
        boxes: (N, 4) x1 y1 x2 y2, pixels.
        confidence: (N,), from 0 to 1.
    """
    return Detections(boxes.astype(np.float32), confidence.astype(np.float32), image=image)


@dataclass(frozen=True)
class Clusters:
    """Clusters of boxes that agree, by image and falling support.

    Attributes:
        image: int64 (G,), rising.
        boxes: float64 (G, 4): the mean of the cluster's boxes, weighted by their confidence.
        support: float64 (G,): sum of their confidences.
        of_box: int64 (N,): row of the cluster that each box went to.
    """

    image: Ints
    boxes: Floats
    support: Floats
    of_box: Ints


def cluster(boxes: Detections, agreement: float) -> Clusters:
    """Let boxes agree, image by image, the surest first.

    A box joins the cluster whose mean box it overlaps most, if by `agreement` or more, and opens one otherwise. The
    k-th surest boxes of all images are placed in one step, so a step costs the same for one image as for many.

    Args:
        boxes: float64, with `image`, from 0 on.
        agreement: IoU from which a box agrees with a cluster.
    """
    image, corners = boxes.image_rows, np.asarray(boxes.boxes, np.float64)
    confidence = np.asarray(boxes.confidence, np.float64)
    # The corners decide among boxes that are equally sure: the order in which they come never matters.
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
    """Faces that the rows `found` stand for."""
    row_of_image = evidence.row_of_image()
    image = np.array([row_of_image[name] for name in found["image"]], np.int64)
    return Detections(boxes, found["confidence"].to_numpy(np.float64), image=image, found_by=number)


def _place(image: Ints, corners: Floats, confidence: Floats, agreement: float) -> Clusters:
    """`cluster` of a block: boxes by image and falling confidence."""
    lanes = _Lanes.of(image)
    box = np.zeros((lanes.images, lanes.longest), np.int64)
    box[lanes.image, lanes.rank] = np.arange(len(image))
    # The corners come first, so that the work runs along memory.
    mean = np.zeros((4, lanes.images, lanes.longest))
    support = np.zeros((lanes.images, lanes.longest))
    count = np.zeros(lanes.images, np.int64)
    chosen = np.zeros((lanes.images, lanes.longest), np.int64)
    for rank in range(lanes.longest):
        active = lanes.active(rank)
        lane, own = np.arange(active), box[:active, rank]
        opened = int(count[:active].max())
        # Clusters not yet opened have no area, so nothing overlaps them.
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
    """Rows of several images as lanes side by side, the longest first.

    Attributes:
        image: int64 (N,): lane of each row.
        rank: int64 (N,): place of each row in its lane.
        lengths: int64 (lanes,), falling.
    """

    image: Ints
    rank: Ints
    lengths: Ints

    @classmethod
    def of(cls, image: Ints) -> _Lanes:
        """Lanes of rows whose images rise."""
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
        """Lanes that have a row of this rank: the first so many."""
        return int(np.searchsorted(-self.lengths, -rank, side="left"))


def _blocks(image: Ints) -> list[slice]:
    """Rows of a few images at a time, which bounds the memory; images rise."""
    if not len(image):
        return []
    starts = np.flatnonzero(np.diff(image, prepend=-1))[::IMAGES_AT_ONCE]
    return [slice(int(a), int(b)) for a, b in zip(starts, [*starts[1:], len(image)], strict=True)]
