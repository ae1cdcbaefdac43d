"""Confidence intervals of rates and scores, for other images of the same kind."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from uncover.metrics.average_precision import EPSILON, area, confidence_order, precision_at_recall
from uncover.metrics.matching import Matched

LEVEL = 0.95
"""Nominal coverage of an interval."""

ELEMENTS_AT_ONCE = 4_000_000
"""Resamples times boxes processed together: about a hundred megabytes of temporary arrays."""

Floats = NDArray[np.float64]
Weights = NDArray[np.int32]


@dataclass(frozen=True)
class Rate:
    """A value and its interval; NaN if undefined.

    Attributes:
        value: The value.
        low: Lower bound.
        high: Upper bound.
    """

    value: float
    low: float = math.nan
    high: float = math.nan

    def as_json(self) -> dict[str, float | None]:
        """Values with null for NaN, which JSON does not support."""
        parts = {"value": self.value, "low": self.low, "high": self.high}
        return {name: None if math.isnan(value) else float(value) for name, value in parts.items()}

    def as_columns(self, name: str) -> dict[str, float | None]:
        """Cells of a table: `name`, `name_low` and `name_high`, with None for NaN."""
        ends = {"value": name, "low": f"{name}_low", "high": f"{name}_high"}
        return {ends[end]: value for end, value in self.as_json().items()}


def ratio(parts: NDArray[np.float64], wholes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Element-wise shares; NaN where the whole is 0."""
    return np.divide(parts, wholes, out=np.full(parts.shape, np.nan), where=wholes > 0)


def wilson(successes: int, trials: int, level: float = LEVEL) -> Rate:
    """Share of successes with Wilson's score interval (Journal of the American Statistical Association 22, 1927).

    Args:
        successes: Number of successes, at most `trials`.
        trials: Number of trials; with 0 there is no share.
        level: Nominal coverage.
    """
    return _score_interval(successes / trials, trials, level) if trials else Rate(math.nan)


def share_of_blocks(
    parts: NDArray[np.int64], wholes: NDArray[np.int64], blocks: NDArray[np.int64] | None, level: float = LEVEL
) -> Rate:
    """Share of items in images, with Wilson's interval for the effective number of independent items.

    Items of one block are similar, so n items are worth n / deff independent ones. deff is the variance of the share
    between blocks over that of independent items, and the number is further reduced for few blocks by the quantiles of
    Student's t (Korn and Graubard, Survey Methodology 24, 1998). If the share is 0 or 1, deff cannot be estimated; then
    a block counts as one item.

    Args:
        parts: (images,), e.g. images with a box: 0 or 1.
        wholes: (images,), at least `parts`, e.g. 1 for each image.
        blocks: (images,), number of each image's block; None treats items as independent.
        level: Nominal coverage.

    Returns:
        As `wilson` without blocks, or if each block has one item; for a single block there is no interval.
    """
    part, whole = int(parts.sum()), int(wholes.sum())
    if blocks is None or not whole:
        return wilson(part, whole, level)
    sizes = np.bincount(blocks, wholes)
    own, sizes = np.bincount(blocks, parts)[sizes > 0], sizes[sizes > 0]
    if len(sizes) == whole:
        return wilson(part, whole, level)
    share = part / whole
    if len(sizes) == 1:
        return Rate(share)
    variance = float(((own - share * sizes) ** 2).sum()) * len(sizes) / (len(sizes) - 1) / whole**2
    if part in (0, whole):
        worth = float(len(sizes))
    else:
        worth = min(whole, whole / (variance * (whole - 1) / (share * (1 - share)))) if variance else float(whole)
    from scipy.stats import t

    quantile = (1 + level) / 2
    few = float(t.ppf(quantile, whole - 1)) / float(t.ppf(quantile, len(sizes) - 1))
    return _score_interval(share, worth * few**2, level)


def _score_interval(share: float, trials: float, level: float) -> Rate:
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return Rate(share, max(0.0, middle - half), min(1.0, middle + half))


def percentile_interval(value: float, resampled: NDArray[np.float64], level: float = LEVEL) -> Rate:
    """A value with the percentile interval of its bootstrap resamples.

    Args:
        value: Value on the original images.
        resampled: (R,), NaN for resamples without a value; if all are NaN there is no interval.
        level: Share of the resamples within the interval.
    """
    usable = resampled[~np.isnan(resampled)]
    if math.isnan(value) or not len(usable):
        return Rate(value)
    low, high = np.quantile(usable, [(1 - level) / 2, (1 + level) / 2])
    return Rate(value, float(low), float(high))


def mean_of_few(values: NDArray[np.float64], level: float = LEVEL) -> Rate:
    """Mean of a few independent shares, e.g. one per infant, with Student's t interval, clipped to 0 and 1.

    Args:
        values: (N,), NaN if undefined; for a single value there is no interval.
        level: Nominal coverage.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return Rate(math.nan)
    mean = float(known.mean())
    if len(known) == 1:
        return Rate(mean)
    from scipy.stats import t

    half = float(t.ppf((1 + level) / 2, len(known) - 1)) * float(known.std(ddof=1)) / math.sqrt(len(known))
    return Rate(mean, max(0.0, mean - half), min(1.0, mean + half))


def resample_images(
    images: int, resamples: int, seed: int, boxes: int = 1, blocks: NDArray[np.int64] | None = None
) -> Iterator[NDArray[np.int32]]:
    """Draw images, or blocks of images, with replacement; each resample has as many as the original.

    Args:
        images: Number of images. For a single image or block nothing is drawn, as all resamples would be equal.
        resamples: Number of resamples.
        seed: Equal seeds give equal draws, whatever `boxes`.
        boxes: Number of boxes in the set, which determines the batch size.
        blocks: int64 (images,), number of each image's block, from 0 by first appearance: images of one block are drawn
            together. None draws single images.

    Yields:
        int32 (B, images): how often each image was drawn, in batches of B resamples.
    """
    generator = np.random.default_rng(seed)
    drawn = images if blocks is None else int(blocks.max(initial=-1)) + 1
    batch = int(np.clip(ELEMENTS_AT_ONCE // max(boxes, images, 1), 1, 64))
    for start in range(0, resamples if drawn > 1 else 0, batch):
        count = min(batch, resamples - start)
        weights = generator.multinomial(drawn, np.full(drawn, 1 / drawn), size=count).astype(np.int32)
        yield weights if blocks is None else weights[:, blocks]


@dataclass(frozen=True)
class Resampled:
    """Scores on R resamples; NaN if a resample has no label of the class.

    Attributes:
        class_ids: int64 (C,), classes with labels, increasing.
        precision: float64 (R, C), at the fixed confidence.
        recall: float64 (R, C), at the fixed confidence.
        f1: float64 (R, C), at the fixed confidence.
        ap50: float64 (R, C), average precision at IoU 0.5.
        ap50_95: float64 (R, C), mean average precision over IoU 0.5 to 0.95.
    """

    class_ids: NDArray[np.int64]
    precision: Floats
    recall: Floats
    f1: Floats
    ap50: Floats
    ap50_95: Floats


@dataclass(frozen=True)
class _ClassBoxes:
    """Boxes of one class by decreasing confidence, and the images of its labels."""

    image: NDArray[np.int64]
    confidence: Floats
    correct: NDArray[np.bool_]
    label_image: NDArray[np.int64]


def mean_over_classes(scores: Floats) -> Floats:
    """Mean of (R, C) over the classes with a value, (R,); NaN if no class has one."""
    known = ~np.isnan(scores)
    total = np.where(known, scores, 0).sum(axis=1)
    return np.divide(total, known.sum(axis=1), out=np.full(len(scores), np.nan), where=known.any(axis=1))


def resample_scores(
    matched: Matched, confidence: float, resamples: int, seed: int, blocks: NDArray[np.int64] | None = None
) -> Resampled:
    """Compute scores on resamples of the images.

    Args:
        matched: Boxes of the set.
        confidence: Confidence at which precision, recall and F1 are computed. It is fixed: choosing it in each resample
            would give the interval of another quantity.
        resamples: Number of resamples; a set of one image or block gives none.
        seed: Seed. Sets with the same number of images and the same blocks get the same draws, so that they are paired.
        blocks: int64 (images,), number of each image's block, as for `resample_images`; None draws single images.
    """
    order = confidence_order(matched.confidence)
    class_of_box = matched.predicted_class[order]
    class_ids = np.unique(matched.true_class)
    classes = []
    for class_id in class_ids:
        own = order[class_of_box == class_id]
        classes.append(
            _ClassBoxes(
                matched.predicted_image[own],
                matched.confidence[own].astype(np.float64),
                matched.correct[own],
                matched.true_image[matched.true_class == class_id],
            )
        )
    most = max((len(boxes.image) for boxes in classes), default=1)
    batches = [np.zeros((0, len(classes), 4))]
    for weights in resample_images(matched.images, resamples, seed, most, blocks):
        scores = [_score_class(boxes, confidence, weights) for boxes in classes]
        batches.append(np.stack(scores, axis=1) if scores else np.zeros((len(weights), 0, 4)))
    precision, recall, ap50, ap50_95 = np.moveaxis(np.concatenate(batches), 2, 0)
    f1 = 2 * precision * recall / (precision + recall + EPSILON)
    return Resampled(class_ids, precision, recall, f1, ap50, ap50_95)


def _score_class(boxes: _ClassBoxes, confidence: float, weights: Weights) -> Floats:
    """float64 (B, 4): precision, recall, AP50, AP50-95 of one class, given (B, images) weights."""
    labels = weights[:, boxes.label_image].sum(axis=1)
    weight = weights[:, boxes.image]
    found = weight.cumsum(axis=1, dtype=np.int32)
    scores = np.zeros((len(weights), 4))
    if len(boxes.image):
        scores[:, :2] = _at_confidence(boxes, confidence, weight, found, labels)
        ap = np.empty((boxes.correct.shape[1], len(weights)))
        for place, hit in enumerate(boxes.correct.T):
            places = np.flatnonzero(hit)
            hits = weight[:, places].cumsum(axis=1, dtype=np.int32)
            ap[place] = area(precision_at_recall(hits, found[:, places], labels, found[:, -1]))
        scores[:, 2:] = np.column_stack([ap[0], ap.mean(axis=0)])
    scores[labels == 0] = np.nan
    return scores


def _at_confidence(
    boxes: _ClassBoxes,
    confidence: float,
    weight: Weights,
    found: Weights,
    labels: NDArray[np.int64],
) -> Floats:
    """float64 (B, 2): precision and recall, interpolated between the drawn boxes above and below."""
    hit = boxes.correct[:, 0]
    split = int(np.searchsorted(-boxes.confidence, -confidence, side="right"))
    drawn = weight > 0
    hits_above = (weight[:, :split] * hit[:split]).sum(axis=1)
    above = found[:, split - 1] if split else np.zeros(len(weight), np.int32)
    some_above, some_below = above > 0, found[:, -1] > above
    last = split - 1 - drawn[:, :split][:, ::-1].argmax(axis=1) if split else np.zeros(len(weight), np.int64)
    first = split + drawn[:, split:].argmax(axis=1) if split < len(hit) else np.zeros(len(weight), np.int64)
    both = some_above & some_below
    gap = boxes.confidence[last] - boxes.confidence[first]
    way = np.divide(boxes.confidence[last] - confidence, gap, out=np.zeros(len(weight)), where=both)
    next_hits, next_found = hits_above + hit[first], above + 1
    precision = hits_above / np.maximum(above, 1)
    precision += way * (next_hits / next_found - precision)
    recall = (hits_above + way * (next_hits - hits_above)) / np.maximum(labels, 1)
    # No box above the confidence: precision 1 if there is one below (as upstream), else 0.
    precision[~some_above] = some_below[~some_above]
    recall[~some_above] = 0
    return np.column_stack([precision, recall])
