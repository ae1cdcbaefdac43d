"""Occlusion augmentation: where a cover is painted, and how often."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.images.occlusion import SMALLEST, cover_faces

GREY = np.full((120, 160, 3), 90, np.uint8)
FACE = np.array([[2.0, 50, 30, 110, 100]])


def changed(boxes: np.ndarray, seed: int, probability: float = 1.0, face: int = 2) -> np.ndarray:
    """Where a cover was painted: bool (H, W)."""
    image = GREY.copy()
    covered = cover_faces(image, boxes, np.random.default_rng(seed), probability, face)
    assert (image == GREY).all(), "the image itself must stay as it is"
    return (covered != GREY).any(axis=2)


@given(st.integers(0, 2**32 - 1))
def test_a_cover_stays_near_its_face_and_leaves_some_of_it(seed: int) -> None:
    where = changed(FACE, seed)
    rows, columns = np.nonzero(where)
    if len(rows):
        # At most a fifth of the face beyond its box, and the soft edge of a pixel.
        assert columns.min() >= 50 - 12 - 2 and columns.max() <= 110 + 12 + 2
        assert rows.min() >= 30 - 14 - 2 and rows.max() <= 100 + 14 + 2
    assert where[30:100, 50:110].mean() < 0.85


def test_covers_hide_a_third_of_a_face_on_average_and_more_often_its_lower_half() -> None:
    where = np.mean([changed(FACE, seed) for seed in range(300)], axis=0)
    inside = where[30:100, 50:110]
    assert 0.2 < inside.mean() < 0.6
    assert inside[35:].mean() > 1.5 * inside[:35].mean()


@pytest.mark.parametrize(("probability", "low", "high"), [(0.0, 0, 0), (0.3, 40, 85), (1.0, 170, 200)])
def test_so_many_faces_are_covered(probability: float, low: int, high: int) -> None:
    count = sum(changed(FACE, seed, probability).any() for seed in range(200))
    assert low <= count <= high


def test_other_boxes_and_tiny_faces_are_passed_over() -> None:
    assert not changed(FACE, 0, face=0).any()
    tiny = np.array([[2.0, 50, 30, 50 + SMALLEST - 1, 60]])
    assert not any(changed(tiny, seed).any() for seed in range(20))


def test_a_face_at_the_edge_or_larger_than_the_photo_is_covered_as_far_as_there_is_photo() -> None:
    for seed in range(40):
        changed(np.array([[2.0, -30, -20, 40, 50], [2, 120, 90, 300, 260], [2, -50, -50, 400, 300]]), seed)
    assert any(changed(np.array([[2.0, 130, 60, 200, 160]]), seed).any() for seed in range(10))


def test_the_same_chance_paints_the_same_cover() -> None:
    one, two = (cover_faces(GREY, FACE, np.random.default_rng(5), 1.0, 2) for _ in range(2))
    assert (one == two).all()
