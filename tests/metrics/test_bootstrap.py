"""Resampled scores against scoring copies of the drawn images, the slow way."""

from __future__ import annotations

import numpy as np
import pytest

from tests.metrics.conftest import RandomSet, random_set
from uncover.metrics.average_precision import ap_per_class
from uncover.metrics.confusion import confusion
from uncover.metrics.intervals import Resampled, mean_over_classes, resample_images, resample_scores
from uncover.metrics.matching import Matched, label_set, match_set

SCORES = ("precision", "recall", "f1", "ap50", "ap50_95")
CONFIDENCE = 0.4


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
