"""Clusters of all images at once against doing it box by box."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.metrics.detections import Detections, iou
from uncover.rescue import box_fusion
from uncover.rescue.box_fusion import Clusters, cluster

AGREEMENT = 0.5


def random_boxes(seed: int, images: int, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes round a few places of each image; some images have none, some confidences are equal."""
    random = np.random.default_rng(seed)
    image = np.repeat(np.arange(images), random.integers(0, most + 1, images))
    corner = random.choice([10.0, 40.0, 70.0], (len(image), 2)) + random.normal(0, 6, (len(image), 2))
    sides = random.uniform(20, 40, (len(image), 2))
    confidence = random.uniform(0.01, 1, len(image)).round(1) + 0.01
    return image, np.hstack([corner, corner + sides]), confidence


def one_by_one(boxes: np.ndarray, confidence: np.ndarray) -> list[tuple[float, tuple[float, ...], int]]:
    """Clusters of one image as (support, box, boxes in it)."""
    order = sorted(range(len(boxes)), key=lambda row: (-confidence[row], *boxes[row]))
    groups: list[list[int]] = []
    for row in order:
        means = [np.average(boxes[group], axis=0, weights=confidence[group]) for group in groups]
        overlaps = [float(iou(mean, boxes[row])) for mean in means]
        if overlaps and max(overlaps) >= AGREEMENT:
            groups[overlaps.index(max(overlaps))].append(row)
        else:
            groups.append([row])
    return [
        (confidence[group].sum(), tuple(np.average(boxes[group], axis=0, weights=confidence[group])), len(group))
        for group in groups
    ]


def as_rows(clusters: Clusters, image: int) -> list[tuple[float, tuple[float, ...], int]]:
    own = np.flatnonzero(clusters.image == image)
    members = np.bincount(clusters.of_box, minlength=len(clusters.image))
    return [(clusters.support[row], tuple(clusters.boxes[row]), int(members[row])) for row in own]


@pytest.mark.parametrize("seed", range(6))
def test_clusters_are_those_of_one_image_after_the_other(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box_fusion, "IMAGES_AT_ONCE", 3)
    image, boxes, confidence = random_boxes(seed, 8, 25)
    shuffled = np.random.default_rng(seed).permutation(len(image))
    clusters = cluster(Detections(boxes, confidence, image=image)[shuffled], AGREEMENT)
    assert (np.diff(clusters.image) >= 0).all()
    assert np.array_equal(clusters.image[clusters.of_box], image[shuffled])
    for number in range(8):
        found = as_rows(clusters, number)
        assert [row[0] for row in found] == sorted((row[0] for row in found), reverse=True)
        expected = one_by_one(boxes[image == number], confidence[image == number])
        for one, other in zip(sorted(found), sorted(expected), strict=True):
            assert one[0] == pytest.approx(other[0]) and one[1] == pytest.approx(other[1]) and one[2] == other[2]


@given(seed=st.integers(0, 10_000))
def test_support_is_the_sum_of_confidences(seed: int) -> None:
    image, boxes, confidence = random_boxes(seed, 3, 10)
    clusters = cluster(Detections(boxes, confidence, image=image), AGREEMENT)
    expected = np.bincount(clusters.of_box, confidence, minlength=len(clusters.image))
    np.testing.assert_allclose(clusters.support, expected)


def test_no_boxes_no_clusters() -> None:
    clusters = cluster(Detections.empty(), AGREEMENT)
    assert len(clusters.image) == len(clusters.boxes) == len(clusters.of_box) == 0
