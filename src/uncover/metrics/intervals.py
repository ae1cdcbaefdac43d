"""A rate with the interval in which it would lie on other images of the same kind."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
"""Share of the resamples, or of repeated studies, that an interval is meant to cover."""

ELEMENTS_AT_ONCE = 4_000_000
"""Resamples times boxes that are worked on together: about a hundred megabytes of temporaries."""


@dataclass(frozen=True)
class Rate:
    """A value and its interval; NaN where there is none.

    Attributes:
        value: The value itself.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float = math.nan
    high: float = math.nan

    def as_json(self) -> dict[str, float | None]:
        """With null for NaN, which JSON does not know."""
        parts = {"value": self.value, "low": self.low, "high": self.high}
        return {name: None if math.isnan(value) else float(value) for name, value in parts.items()}

    def as_columns(self, name: str) -> dict[str, float | None]:
        """Cells of a table: `name`, `name_low` and `name_high`, with None for NaN."""
        ends = {"value": name, "low": f"{name}_low", "high": f"{name}_high"}
        return {ends[end]: value for end, value in self.as_json().items()}


def ratio(parts: NDArray[np.float64], wholes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares; NaN where there is no whole."""
    return np.divide(parts, wholes, out=np.full(parts.shape, np.nan), where=wholes > 0)


def wilson(successes: int, trials: int, level: float = LEVEL) -> Rate:
    """Share of successes with Wilson's score interval (Journal of the American Statistical Association 22, 1927).

    Args:
        successes: At most `trials`.
        trials: With 0, there is no share.
        level: Coverage meant.
    """
    return _score_interval(successes / trials, trials, level) if trials else Rate(math.nan)


def share_of_blocks(
    parts: NDArray[np.int64], wholes: NDArray[np.int64], blocks: NDArray[np.int64] | None, level: float = LEVEL
) -> Rate:
    """Share of some things in images, with Wilson's interval for as many independent ones as they are worth.

    Things of one block are alike, so n of them are worth n / deff independent ones; deff is the variance of the share
    between blocks over that of independent things, and the number is shrunk further for few blocks by the quantiles of
    Student's t (Korn and Graubard, Survey Methodology 24, 1998). Blocks cannot tell how alike things are where all are
    parts or none is: then a block is worth one.

    Args:
        parts: (images,), such as images with a box: 0 or 1.
        wholes: (images,), at least `parts`; such as 1 for each image.
        blocks: (images,), number of each image's block; None takes all things as independent.
        level: Coverage meant.

    Returns:
        As `wilson` without blocks, and where each block has one thing; of one block there is no interval.
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
    """A value with the interval that the middle of its bootstrap resamples spans.

    Args:
        value: On the images themselves.
        resampled: (R,), NaN where a resample has no value; without any value there is no interval.
        level: Share of the resamples inside.
    """
    usable = resampled[~np.isnan(resampled)]
    if math.isnan(value) or not len(usable):
        return Rate(value)
    low, high = np.quantile(usable, [(1 - level) / 2, (1 + level) / 2])
    return Rate(value, float(low), float(high))


def mean_of_few(values: NDArray[np.float64], level: float = LEVEL) -> Rate:
    """Mean of a few independent shares, such as one per infant, with Student's t interval, cut off at 0 and 1.

    Args:
        values: (N,), NaN where there is none; of one value alone there is no interval.
        level: Coverage meant.
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
    """Draw as many images as there are, or as many blocks of them, with replacement, again and again.

    Args:
        images: Number of images. Of one image or block there are no different resamples, so none is drawn.
        resamples: How many.
        seed: The same seed gives the same draws, whatever `boxes`.
        boxes: Of the set, which decides how many resamples are handed out together.
        blocks: int64 (images,), number of each image's block, from 0 by first appearance: images of one block are drawn
            together. None draws images; so do blocks of one image each.

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
