"""Intervals against SciPy, and where there is none."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.stats import binomtest

from uncover.metrics.intervals import Rate, percentile_interval, share_of_blocks, wilson


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 30), (30, 30), (7, 19), (3985, 4384)])
@pytest.mark.parametrize("level", [0.95, 0.8])
def test_wilsons_interval(successes: int, trials: int, level: float) -> None:
    rate = wilson(successes, trials, level)
    expected = binomtest(successes, trials).proportion_ci(level, method="wilson")
    assert (rate.low, rate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert rate.value == successes / trials and 0 <= rate.low <= rate.value <= rate.high <= 1


def test_a_share_of_nothing() -> None:
    assert wilson(0, 0).as_json() == {"value": None, "low": None, "high": None}


def share(parts: list[int], blocks: list[int] | None) -> Rate:
    """Of images with something, one by one."""
    hits = np.array(parts, np.int64)
    return share_of_blocks(hits, np.ones_like(hits), None if blocks is None else np.array(blocks, np.int64))


def test_images_that_belong_to_nobody_or_alone_have_wilsons_interval() -> None:
    hits = [1, 0, 0, 1, 1, 0, 1]
    assert share(hits, None) == share(hits, [*range(7)]) == wilson(4, 7)
    assert share([], None).as_json() == share([], []).as_json() == wilson(0, 0).as_json()


def test_a_share_of_blocks_by_hand() -> None:
    """Four blocks of four images, two of them all found.

    Each block is 2 off its expected 2, so the variance is 4 / 3 * 16 / 256 = 1 / 12, five times that of 16 independent
    images, 0.25 / 15: they are worth 3.2, times the square of 2.1314 / 3.1824 (Student's t of 15 and 3 degrees).
    """
    rate = share([1] * 4 + [0] * 4 + [1] * 4 + [0] * 4, [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4)
    worth = 3.2 * (2.13145 / 3.18245) ** 2
    half = 1.959964 / (1 + 3.841459 / worth) * math.sqrt(0.25 / worth + 3.841459 / (4 * worth**2))
    assert (rate.value, rate.low, rate.high) == pytest.approx((0.5, 0.5 - half, 0.5 + half), abs=1e-5)
    assert half > 0.4


def test_where_all_or_none_are_found_a_block_is_worth_one() -> None:
    """Three blocks of five: 3 times the square of 2.1448 / 4.3027 (Student's t of 14 and 2 degrees)."""
    rate = share([0] * 15, [number // 5 for number in range(15)])
    worth = 3 * (2.14479 / 4.30265) ** 2
    assert (rate.low, rate.high) == pytest.approx((0, 3.841459 / worth / (1 + 3.841459 / worth)), abs=1e-5)
    full = share([1] * 15, [number // 5 for number in range(15)])
    assert (full.low, full.high) == pytest.approx((1 - rate.high, 1))


def test_one_block_has_no_interval() -> None:
    rate = share([1, 0, 1], [0, 0, 0])
    assert rate.value == pytest.approx(2 / 3) and math.isnan(rate.low) and math.isnan(rate.high)


def test_blocks_without_anything_to_take_a_share_of_do_not_count() -> None:
    parts, wholes, blocks = np.array([2, 1, 0, 0]), np.array([3, 2, 0, 0]), np.array([0, 1, 2, 3])
    assert share_of_blocks(parts, wholes, blocks) == share_of_blocks(parts[:2], wholes[:2], blocks[:2])


def test_intervals_of_blocks_cover_and_those_of_images_do_not() -> None:
    """Of 20 infants, each with 10 frames that are found as often as not in this infant: the true share is a half."""
    random = np.random.default_rng(7)
    blocks = np.repeat(np.arange(20), 10)
    covered = np.zeros(2, np.int64)
    for _ in range(400):
        hits = (random.random(200) < np.repeat(random.random(20), 10)).astype(np.int64)
        for way, rate in enumerate((share_of_blocks(hits, np.ones_like(hits), blocks), wilson(int(hits.sum()), 200))):
            covered[way] += rate.low <= 0.5 <= rate.high
    assert covered[0] / 400 == pytest.approx(0.95, abs=0.03) and covered[1] / 400 < 0.8


def test_the_middle_of_the_resamples() -> None:
    rate = percentile_interval(0.4, np.append(np.arange(1001) / 1000, np.nan))
    assert (rate.value, rate.low, rate.high) == pytest.approx((0.4, 0.025, 0.975))


@pytest.mark.parametrize(("value", "resampled"), [(0.4, []), (0.4, [math.nan]), (math.nan, [0.1, 0.2])])
def test_no_interval(value: float, resampled: list[float]) -> None:
    rate = percentile_interval(value, np.array(resampled, np.float64))
    assert math.isnan(rate.low) and math.isnan(rate.high)
    json.dumps(rate.as_json(), allow_nan=False)


def test_numbers_of_numpy_become_plain() -> None:
    assert json.dumps(Rate(np.float64(0.5), np.float64(0.25)).as_json()) == '{"value": 0.5, "low": 0.25, "high": null}'
