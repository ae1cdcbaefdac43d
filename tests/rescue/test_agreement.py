"""Grouping and suppression of all images at once against doing it box by box."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.metrics.detections import box_iou
from uncover.rescue import agreement
from uncover.rescue.agreement import Groups, group_votes, overlap, suppress

AGREEMENT = 0.5


def random_votes(seed: int, images: int, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Votes round a few places of each image; some images have none, some confidences are equal."""
    random = np.random.default_rng(seed)
    image = np.repeat(np.arange(images), random.integers(0, most + 1, images))
    corner = random.choice([10.0, 40.0, 70.0], (len(image), 2)) + random.normal(0, 6, (len(image), 2))
    sides = random.uniform(20, 40, (len(image), 2))
    confidence = random.uniform(0.01, 1, len(image)).round(1) + 0.01
    return image, np.hstack([corner, corner + sides]), confidence


def one_overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float(overlap(first[:, None], second[:, None])[0])


def one_by_one(boxes: np.ndarray, confidence: np.ndarray) -> list[tuple[float, tuple[float, ...], int]]:
    """Groups of one image as (support, box, votes)."""
    order = sorted(range(len(boxes)), key=lambda row: (-confidence[row], *boxes[row]))
    groups: list[list[int]] = []
    for row in order:
        means = [np.average(boxes[group], axis=0, weights=confidence[group]) for group in groups]
        overlaps = [one_overlap(mean, boxes[row]) for mean in means]
        if overlaps and max(overlaps) >= AGREEMENT:
            groups[overlaps.index(max(overlaps))].append(row)
        else:
            groups.append([row])
    return [
        (confidence[group].sum(), tuple(np.average(boxes[group], axis=0, weights=confidence[group])), len(group))
        for group in groups
    ]


def as_rows(groups: Groups, image: int) -> list[tuple[float, tuple[float, ...], int]]:
    own = np.flatnonzero(groups.image == image)
    votes = np.bincount(groups.of_vote, minlength=len(groups.image))
    return [(groups.support[row], tuple(groups.boxes[row]), int(votes[row])) for row in own]


@pytest.mark.parametrize("seed", range(6))
def test_groups_are_those_of_one_image_after_the_other(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "IMAGES_AT_ONCE", 3)
    image, boxes, confidence = random_votes(seed, 8, 25)
    shuffled = np.random.default_rng(seed).permutation(len(image))
    groups = group_votes(image[shuffled], boxes[shuffled], confidence[shuffled], AGREEMENT)
    assert (np.diff(groups.image) >= 0).all()
    assert np.array_equal(groups.image[groups.of_vote], image[shuffled])
    for number in range(8):
        found = as_rows(groups, number)
        assert [row[0] for row in found] == sorted((row[0] for row in found), reverse=True)
        expected = one_by_one(boxes[image == number], confidence[image == number])
        for one, other in zip(sorted(found), sorted(expected), strict=True):
            assert one[0] == pytest.approx(other[0]) and one[1] == pytest.approx(other[1]) and one[2] == other[2]


@given(seed=st.integers(0, 10_000))
def test_support_is_the_sum_of_confidences(seed: int) -> None:
    image, boxes, confidence = random_votes(seed, 3, 10)
    groups = group_votes(image, boxes, confidence, AGREEMENT)
    expected = np.bincount(groups.of_vote, confidence, minlength=len(groups.image))
    np.testing.assert_allclose(groups.support, expected)


@pytest.mark.parametrize("seed", range(4))
def test_suppression_is_that_of_one_image_after_the_other(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "IMAGES_AT_ONCE", 2)
    image, boxes, _ = random_votes(seed, 7, 20)
    stays = suppress(image, boxes, 0.4)
    kept: list[int] = []
    for row in range(len(image)):
        if not any(image[other] == image[row] and one_overlap(boxes[other], boxes[row]) > 0.4 for other in kept):
            kept.append(row)
    assert np.flatnonzero(stays).tolist() == kept


def test_overlap_is_that_of_the_metrics() -> None:
    _, boxes, _ = random_votes(1, 2, 30)
    np.testing.assert_allclose(overlap(boxes.T[:, :, None], boxes.T[:, None]), box_iou(boxes, boxes), atol=1e-5)


def test_no_votes_no_groups() -> None:
    groups = group_votes(np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0), AGREEMENT)
    assert len(groups.image) == len(groups.boxes) == len(groups.of_vote) == 0
    assert not len(suppress(groups.image, groups.boxes, 0.5))
