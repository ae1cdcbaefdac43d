"""Boxes that agree become one: their confidences add up, and their mean is the box. For all images at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

IMAGES_AT_ONCE = 128
"""Worked on side by side: enough to make numpy's calls cheap, few enough to stay in the processor's cache."""

EPSILON = 1e-12
"""Keeps the overlap of two boxes without area, and the mean of votes without confidence, defined."""


@dataclass(frozen=True)
class Groups:
    """Groups of votes, by image and falling support.

    Attributes:
        image: int64 (G,), rising.
        boxes: float64 (G, 4): the votes' mean, weighted by their confidence.
        support: float64 (G,): sum of the votes' confidences.
        of_vote: int64 (N,): row of the group that each vote went to.
    """

    image: Ints
    boxes: Floats
    support: Floats
    of_vote: Ints


def group_votes(image: Ints, boxes: Floats, confidence: Floats, agreement: float) -> Groups:
    """Let votes agree, image by image, the surest first.

    A vote joins the group whose mean box it overlaps most, if by `agreement` or more, and opens a group otherwise. The
    k-th surest votes of all images are placed in one step, so a step costs the same for one image as for many.

    Args:
        image: int64 (N,), from 0 on.
        boxes: float64 (N, 4) x1 y1 x2 y2.
        confidence: float64 (N,).
        agreement: IoU from which a vote agrees with a group.
    """
    # The corners decide among votes that are equally sure: the order in which they come never matters.
    order = np.lexsort((*boxes.T[::-1], -confidence, image))
    group, mean, support = np.empty(len(order), np.int64), [np.zeros((0, 4))], [np.zeros(0)]
    of_group, groups = [np.zeros(0, np.int64)], 0
    for rows in _blocks(image[order]):
        own = order[rows]
        placed = _place(image[own], boxes[own], confidence[own], agreement)
        group[own] = placed.of_vote + groups
        groups += len(placed.image)
        mean.append(placed.boxes)
        support.append(placed.support)
        of_group.append(placed.image)
    of_image, means, supports = np.concatenate(of_group), np.concatenate(mean), np.concatenate(support)
    ranked = np.lexsort((*means.T[::-1], -supports, of_image))
    place = np.empty(len(ranked), np.int64)
    place[ranked] = np.arange(len(ranked))
    return Groups(of_image[ranked], means[ranked], supports[ranked], place[group])


def suppress(image: Ints, boxes: Floats, iou: float) -> NDArray[np.bool_]:
    """Which boxes no better one of their image covers.

    Args:
        image: int64 (N,), rising; of an image, the best box first.
        boxes: float64 (N, 4).
        iou: A box whose IoU with a better one that stays is above it goes.

    Returns:
        bool (N,).
    """
    stays = np.ones(len(image), np.bool_)
    for rows in _blocks(image):
        lanes = _Lanes.of(image[rows])
        field = np.zeros((4, lanes.images, lanes.longest))
        field[:, lanes.image, lanes.rank] = boxes[rows].T
        alive = np.zeros(field.shape[1:], np.bool_)
        alive[lanes.image, lanes.rank] = True
        for rank in range(lanes.longest - 1):
            active = lanes.active(rank + 1)
            covered = overlap(field[:, :active, rank, None], field[:, :active, rank + 1 :]) > iou
            alive[:active, rank + 1 :] &= ~(covered & alive[:active, rank, None])
        stays[rows] = alive[lanes.image, lanes.rank]
    return stays


def overlap(first: Floats, second: Floats) -> Floats:
    """Intersection over union of boxes that pair up by broadcasting.

    Args:
        first: float64 (4, ...): x1 y1 x2 y2, the corners first, so that the work runs along memory.
        second: float64 (4, ...).

    Returns:
        float64 (...), from 0 to 1.
    """
    wide = np.minimum(first[2], second[2])
    wide -= np.maximum(first[0], second[0])
    high = np.minimum(first[3], second[3])
    high -= np.maximum(first[1], second[1])
    shared = np.maximum(wide, 0, out=wide) * np.maximum(high, 0, out=high)
    both = _area(first) + _area(second)
    both -= shared
    return shared / np.maximum(both, EPSILON, out=both)


def _area(boxes: Floats) -> Floats:
    return (boxes[2] - boxes[0]) * (boxes[3] - boxes[1])


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


def _place(image: Ints, boxes: Floats, confidence: Floats, agreement: float) -> Groups:
    """`group_votes` of a block: votes by image and falling confidence."""
    lanes = _Lanes.of(image)
    vote = np.zeros((lanes.images, lanes.longest), np.int64)
    vote[lanes.image, lanes.rank] = np.arange(len(image))
    mean = np.zeros((4, lanes.images, lanes.longest))
    support = np.zeros((lanes.images, lanes.longest))
    count = np.zeros(lanes.images, np.int64)
    chosen = np.zeros((lanes.images, lanes.longest), np.int64)
    for rank in range(lanes.longest):
        active = lanes.active(rank)
        lane, own = np.arange(active), vote[:active, rank]
        opened = int(count[:active].max())
        # Groups not yet opened have no area, so nothing overlaps them.
        found = overlap(boxes[own].T[:, :, None], mean[:, :active, :opened])
        best = found.argmax(axis=1) if opened else np.zeros(active, np.int64)
        joins = found[lane, best] >= agreement if opened else np.zeros(active, np.bool_)
        target = np.where(joins, best, count[:active])
        before, added = support[lane, target], confidence[own]
        share = np.where(joins, added / np.maximum(before + added, EPSILON), 1.0)
        mean[:, lane, target] += share * (boxes[own].T - mean[:, lane, target])
        support[lane, target] = before + added
        chosen[:active, rank] = target
        count[:active] += ~joins
    first = np.concatenate([[0], count.cumsum()])
    lane_of, place_of = np.repeat(np.arange(lanes.images), count), np.arange(first[-1]) - np.repeat(first[:-1], count)
    image_of_lane = np.empty(lanes.images, np.int64)
    image_of_lane[lanes.image] = image
    of_vote = first[lanes.image] + chosen[lanes.image, lanes.rank]
    return Groups(image_of_lane[lane_of], mean[:, lane_of, place_of].T, support[lane_of, place_of], of_vote)
