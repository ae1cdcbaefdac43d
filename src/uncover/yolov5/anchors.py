"""Anchors fitted to the boxes of a training set, as upstream's autoanchor (yolov5 7.0.14, utils/autoanchor.py)."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from uncover.images.labelled import LabelledImages

logger = logging.getLogger(__name__)

GOOD_RECALL = 0.98
GENERATIONS, MUTATED, SPREAD = 1000, 0.9, 0.1
RESTARTS = 30
LEAST_SIDE = 2.0
"""Pixels. Boxes whose longer side is shorter than this are ignored, and no anchor is shorter."""

Sides = NDArray[np.float32]
"""float32 (N, 2), width and height in pixels of the network's input."""


def check_anchors(
    labelled: LabelledImages, anchors: NDArray[np.float32], image_size: int, threshold: float, seed: int = 0
) -> NDArray[np.float32] | None:
    """Find better anchors if the given ones leave too many boxes without a match.

    Args:
        labelled: Sizes of photos, and boxes.
        anchors: (levels, anchors, 2), pixels of the network's input.
        image_size: Longest side of that input, in pixels.
        threshold: Maximum ratio between a side of a box and that of a matching anchor (`anchor_t`).
        seed: Seed of the search.

    Returns:
        Anchors of the same shape, smallest first, or None if the given ones are good enough.
    """
    rng = np.random.default_rng(seed)
    # Sample scales, because augmentation changes the size of boxes.
    sides = _sides(labelled, image_size * rng.uniform(0.9, 1.1, (len(labelled.sizes), 1)))
    recall = best_recall(sides, anchors.reshape(-1, 2), threshold)
    if recall > GOOD_RECALL:
        return None
    fitted = fit_anchors(_sides(labelled, image_size), anchors.size // 2, image_size, threshold, rng)
    fitted_recall = best_recall(sides, fitted, threshold)
    better = fitted_recall > recall
    logger.info(
        f"anchors: the given anchors match {recall:.1%} of {len(sides)} boxes, fitted anchors {fitted_recall:.1%};"
        f" using the {'fitted' if better else 'given'} anchors"
    )
    return fitted.reshape(anchors.shape) if better else None


def best_recall(sides: Sides, anchors: Sides, threshold: float) -> float:
    """Share of boxes with at least one anchor whose sides differ by a factor of less than `threshold`."""
    return float((_misfit(_logarithms(sides), anchors) < np.log(threshold)).mean()) if len(sides) else 1.0


def fit_anchors(sides: Sides, count: int, image_size: int, threshold: float, rng: np.random.Generator) -> Sides:
    """Cluster boxes, then mutate the cluster centres and keep mutations that fit better.

    Args:
        sides: Boxes.
        count: Number of anchors.
        image_size: Longest side of the network's input, in pixels.
        threshold: Maximum ratio between sides.
        rng: Random generator.

    Returns:
        float32 (count, 2), smallest area first.
    """
    sides = sides[(sides >= LEAST_SIDE).any(1)]
    anchors = _cluster(sides, count, rng)
    if anchors is None:
        anchors = np.sort(rng.random(2 * count)).reshape(count, 2) * image_size
    logarithms = _logarithms(sides)
    fitness = _fitness(logarithms, anchors, threshold)
    for _ in range(GENERATIONS):
        gains = (rng.random(anchors.shape) < MUTATED) * rng.random() * rng.standard_normal(anchors.shape) * SPREAD
        mutant = (anchors * (gains + 1).clip(0.3, 3.0)).clip(LEAST_SIDE)
        mutant_fitness = _fitness(logarithms, mutant, threshold)
        if mutant_fitness > fitness:
            anchors, fitness = mutant, mutant_fitness
    return anchors[np.argsort(anchors.prod(1))].astype(np.float32)


def _sides(labelled: LabelledImages, image_size: float | NDArray[np.float64]) -> Sides:
    longest = labelled.sizes.max(1, keepdims=True)
    frames = image_size * labelled.sizes / longest
    return np.concatenate([own[:, 3:5] * frame for own, frame in zip(labelled.labels, frames, strict=True)]).astype(
        np.float32
    )


def _cluster(sides: Sides, count: int, rng: np.random.Generator) -> NDArray[np.float64] | None:
    """Centres of k-means, or None if there are too few different boxes."""
    from scipy.cluster.vq import kmeans

    if len(sides) < count or not (spread := sides.std(0)).all():
        return None
    centres = kmeans(sides / spread, count, iter=RESTARTS, rng=rng)[0] * spread
    return centres if len(centres) == count else None


def _logarithms(sides: Sides) -> Sides:
    with np.errstate(divide="ignore"):
        return np.log(sides)


def _misfit(logarithms: Sides, anchors: NDArray) -> NDArray[np.float32]:
    """Logarithm of the larger ratio of sides between each box and its best anchor: (N,)."""
    apart = np.abs(logarithms[:, None] - np.log(anchors.astype(np.float32)))
    return np.maximum(apart[..., 0], apart[..., 1]).min(1)


def _fitness(logarithms: Sides, anchors: NDArray, threshold: float) -> float:
    misfit = _misfit(logarithms, anchors)
    return float((np.exp(-misfit) * (misfit < np.log(threshold))).mean()) if len(logarithms) else 0.0
