"""Intervals against SciPy, and where there is none."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.stats import binomtest

from uncover.metrics.intervals import Rate, percentile_interval, wilson


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 30), (30, 30), (7, 19), (3985, 4384)])
@pytest.mark.parametrize("level", [0.95, 0.8])
def test_wilsons_interval(successes: int, trials: int, level: float) -> None:
    rate = wilson(successes, trials, level)
    expected = binomtest(successes, trials).proportion_ci(level, method="wilson")
    assert (rate.low, rate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert rate.value == successes / trials and 0 <= rate.low <= rate.value <= rate.high <= 1


def test_a_share_of_nothing() -> None:
    assert wilson(0, 0).as_json() == {"value": None, "low": None, "high": None}


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
