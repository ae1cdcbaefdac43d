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
    if trials == 0:
        return Rate(math.nan)
    share = successes / trials
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


def resample_images(images: int, resamples: int, seed: int, boxes: int = 1) -> Iterator[NDArray[np.int32]]:
    """Draw as many images as there are, with replacement, again and again.

    Args:
        images: Number of images. Of one image there are no different resamples, so none is drawn.
        resamples: How many.
        seed: The same seed gives the same draws, whatever `boxes`.
        boxes: Of the set, which decides how many resamples are handed out together.

    Yields:
        int32 (B, images): how often each image was drawn, in blocks of B resamples.
    """
    generator = np.random.default_rng(seed)
    block = int(np.clip(ELEMENTS_AT_ONCE // max(boxes, images, 1), 1, 64))
    for start in range(0, resamples if images > 1 else 0, block):
        count = min(block, resamples - start)
        yield generator.multinomial(images, np.full(images, 1 / images), size=count).astype(np.int32)
