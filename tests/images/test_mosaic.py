"""Four images around a point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.images.conftest import BRIGHT, rectangle_image
from uncover.images.augmentation import draw_mosaic, lay_mosaic, to_pixels

SIZE = 96

sides = st.integers(10, SIZE)
centres = st.tuples(st.integers(SIZE // 2, 3 * SIZE // 2), st.integers(SIZE // 2, 3 * SIZE // 2))


@given(st.lists(st.tuples(sides, sides), min_size=4, max_size=4), centres, st.sampled_from([1, 3, 10]))
def test_each_image_touches_the_centre_and_boxes_stay_on_it(
    shapes: list[tuple[int, int]], centre: tuple[int, int], channels: int
) -> None:
    # Every image is all object, so that what is bright must be the union of the boxes.
    images = [rectangle_image(width, height, (0, 0, width, height), channels) for width, height in shapes]
    labels = [np.array([[number, 0.5, 0.5, 1, 1]], np.float32) for number in range(4)]
    square, boxes = lay_mosaic(images, labels, centre, SIZE, padding=7)
    assert square.shape == (2 * SIZE, 2 * SIZE, channels)
    assert boxes[:, 0].tolist() == [0, 1, 2, 3] and (boxes[:, 1:] >= 0).all() and (boxes[:, 1:] <= 2 * SIZE).all()
    assert np.allclose(boxes[:, 1:], boxes[:, 1:].round(), atol=1e-4)
    expected = np.full_like(square, 7)
    x, y = centre
    for (_, x1, y1, x2, y2), corner in zip(boxes.round().astype(int), [(2, 3), (0, 3), (2, 1), (0, 1)], strict=True):
        expected[y1:y2, x1:x2] = BRIGHT
        values = {0: x1, 1: y1, 2: x2, 3: y2}
        assert (values[corner[0]], values[corner[1]]) == (x, y)
    assert np.array_equal(square, expected)


def test_boxes_inside_an_image_move_with_it() -> None:
    image = rectangle_image(60, 40, (30, 10, 50, 30), 3)
    label = np.array([[1, 40 / 60, 0.5, 20 / 60, 0.5]], np.float32)
    square, boxes = lay_mosaic([image] * 4, [label] * 4, (60, 80), SIZE, padding=0)
    expected = [[30, 50, 50, 70], [90, 50, 110, 70], [30, 90, 50, 110], [90, 90, 110, 110]]
    assert np.allclose(boxes[:, 1:], expected, atol=1e-4)
    for x1, y1, x2, y2 in expected:
        assert (square[y1:y2, x1:x2] == BRIGHT).all()
    assert (square == BRIGHT).all(axis=2).sum() == 4 * 20 * 20


def test_centres_and_places_are_drawn_evenly() -> None:
    pool = np.array([5, 7, 9])
    drawn = [draw_mosaic(1, pool, SIZE, np.random.default_rng(seed)) for seed in range(3000)]
    centres = np.array([centre for _, centre in drawn])
    assert centres.min() == SIZE // 2 and centres.max() == 3 * SIZE // 2 - 1
    assert np.abs(centres.mean(axis=0) - SIZE).max() < 3
    places = np.array([chosen.index(1) for chosen, _ in drawn])
    assert np.bincount(places, minlength=4).min() > 650
    others = np.concatenate([[other for other in chosen if other != 1] for chosen, _ in drawn])
    assert len(others) == 9000 and np.unique(others).tolist() == [5, 7, 9]
    assert np.bincount(others)[[5, 7, 9]].min() > 2800


@pytest.mark.parametrize("count", [0, 1, 3])
def test_shares_become_pixels(count: int) -> None:
    labels = np.array([[2, 0.5, 0.25, 0.2, 0.5]] * count, np.float32).reshape(-1, 5)
    boxes = to_pixels(labels, 100, 40, left=-10, top=5)
    assert boxes.dtype == np.float64 and boxes.shape == (count, 5)
    assert np.allclose(boxes, np.reshape([[2, 30, 5, 50, 25]] * count, (-1, 5)), atol=1e-5)
