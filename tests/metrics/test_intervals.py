"""Intervals against formulas and simulations, and resampled scores against scoring copies of the drawn images."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import binomtest

from tests.metrics.conftest import RandomSet, random_set
from uncover.metrics.average_precision import ap_per_class
from uncover.metrics.confusion import confusion
from uncover.metrics.intervals import (
    Rate,
    Resampled,
    mean_of_few,
    mean_over_classes,
    percentile_interval,
    resample_images,
    resample_scores,
    share_of_blocks,
    wilson,
)
from uncover.metrics.matching import Matched, label_set, match_set

SCORES = ("precision", "recall", "f1", "ap50", "ap50_95")
CONFIDENCE = 0.4


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


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_the_mean_of_few_has_students_interval(values: list[float]) -> None:
    rate = mean_of_few(np.array([*values, np.nan]))
    assert rate.value == pytest.approx(np.mean(values), abs=1e-12)
    error = stats.sem(values)
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), error) if error > 0 else (rate.value,) * 2
    assert rate.low == pytest.approx(max(0, low), abs=1e-9) and rate.high == pytest.approx(min(1, high), abs=1e-9)


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    alone, none = mean_of_few(np.array([0.3])), mean_of_few(np.array([np.nan]))
    assert alone.value == 0.3 and np.isnan([alone.low, alone.high, none.value]).all()


def matched_of(drawn: RandomSet) -> Matched:
    return match_set(label_set(drawn.predictions, drawn.truth, range(10)))


def copy_and_score(matched: Matched, times: np.ndarray) -> dict[str, np.ndarray]:
    """The drawn images as a set of their own; an image drawn twice stands in it twice."""
    boxes = np.repeat(np.arange(len(matched.confidence)), times[matched.predicted_image])
    labels = np.repeat(matched.true_class, times[matched.true_image])
    confidence, classes = matched.confidence[boxes], matched.predicted_class[boxes]
    metrics = ap_per_class(matched.correct[boxes], confidence, classes, labels)
    ids = np.unique(matched.true_class)
    scores = {name: np.full(len(ids), np.nan) for name in SCORES}
    for row, number in enumerate(metrics.class_ids):
        place = int(np.flatnonzero(ids == number)[0])
        own = np.sort(confidence[classes == number])[::-1]
        order = np.argsort(-confidence[classes == number], kind="stable")
        hits = matched.correct[boxes][classes == number][order, 0].cumsum()
        at = (-CONFIDENCE, -own.astype(np.float64))
        precision = np.interp(*at, hits / np.arange(1, len(own) + 1), left=1) if len(own) else 0
        recall = np.interp(*at, hits / metrics.labels[row], left=0) if len(own) else 0
        scores["precision"][place], scores["recall"][place] = precision, recall
        scores["f1"][place] = 2 * precision * recall / max(precision + recall, 1e-16)
        scores["ap50"][place], scores["ap50_95"][place] = metrics.ap50[row], metrics.ap50_95[row]
    return scores


@pytest.mark.parametrize("kind", [{}, {"images": 4}, {"images": 2, "boxes": 3}, {"classes": 1}, {"images": 40}])
def test_scores_equal_those_of_copied_images(kind: dict[str, int]) -> None:
    for seed in range(6):
        matched = matched_of(random_set(seed, **kind))  # type: ignore[arg-type]
        resampled = resample_scores(matched, CONFIDENCE, 12, seed)
        draws = np.concatenate(list(resample_images(matched.images, 12, seed)))
        assert len(draws) == len(resampled.ap50) == 12
        for row, times in enumerate(draws):
            assert times.sum() == matched.images
            for name, expected in copy_and_score(matched, times).items():
                np.testing.assert_allclose(getattr(resampled, name)[row], expected, rtol=0, atol=1e-12, err_msg=name)


def test_accuracy_of_resamples_equals_that_of_copied_images() -> None:
    drawn = random_set(5, images=8)
    names = drawn.predictions.class_names
    matrix = confusion(label_set(drawn.predictions, drawn.truth, names), names)
    slow = []
    for times in np.concatenate(list(resample_images(8, 50, 1))):
        labels, found = times @ matrix.labels_by_image, times @ matrix.found_by_image
        shares = [f / n for f, n in zip(found, labels, strict=True) if n]
        slow += [sum(shares) / len(shares)] if shares else []
    rate = matrix.accuracy_interval(50, 1)
    assert (rate.low, rate.high) == pytest.approx(tuple(np.quantile(slow, [0.025, 0.975])))
    assert rate.value == matrix.accuracy and rate.low < rate.high


def test_images_of_a_block_are_drawn_together() -> None:
    """The draws are those of three images, which numpy makes, given to all images of the block."""
    blocks = np.array([0, 1, 0, 2, 1, 1])
    drawn = np.concatenate(list(resample_images(6, 500, 3, blocks=blocks)))
    assert np.array_equal(drawn, np.random.default_rng(3).multinomial(3, [1 / 3] * 3, 500)[:, blocks])
    assert len(np.unique(drawn.sum(axis=1))) > 1


def test_blocks_of_one_image_are_images() -> None:
    matched = matched_of(random_set(2, images=9))
    plain, single = (resample_scores(matched, CONFIDENCE, 40, 5, blocks) for blocks in (None, np.arange(9)))
    for name in SCORES:
        assert np.array_equal(getattr(plain, name), getattr(single, name), equal_nan=True)


def test_scores_of_blocks_equal_those_of_copied_images() -> None:
    for seed in range(4):
        matched = matched_of(random_set(seed, images=10))
        blocks = np.array([0, 1, 1, 2, 0, 3, 3, 3, 1, 4])
        resampled = resample_scores(matched, CONFIDENCE, 12, seed, blocks)
        times = np.random.default_rng(seed).multinomial(5, [0.2] * 5, 12)[:, blocks]
        for row, own in enumerate(times):
            for name, expected in copy_and_score(matched, own).items():
                np.testing.assert_allclose(getattr(resampled, name)[row], expected, rtol=0, atol=1e-12, err_msg=name)


def test_the_same_seed_draws_the_same_however_many_are_made_at_once() -> None:
    small, large = (np.concatenate(list(resample_images(7, 100, 3, boxes))) for boxes in (1, 10_000_000))
    assert np.array_equal(small, large)
    assert not np.array_equal(small, np.concatenate(list(resample_images(7, 100, 4))))


@pytest.mark.parametrize(("images", "resamples"), [(1, 100), (0, 100), (5, 0)])
def test_there_is_nothing_to_draw(images: int, resamples: int) -> None:
    assert not list(resample_images(images, resamples, 0))


def test_a_set_without_labels_has_no_scores() -> None:
    drawn = random_set(1)
    matched = match_set(label_set(drawn.predictions, drawn.truth.iloc[:0], range(10)))
    resampled: Resampled = resample_scores(matched, CONFIDENCE, 10, 0)
    assert resampled.ap50.shape == (10, 0)
    assert np.isnan(mean_over_classes(resampled.ap50)).all()


def test_the_mean_is_over_the_classes_that_a_resample_shows() -> None:
    scores = np.array([[0.2, np.nan, 0.4], [np.nan] * 3, [0, 0.5, 1]])
    assert mean_over_classes(scores) == pytest.approx([0.3, np.nan, 0.5], nan_ok=True)
