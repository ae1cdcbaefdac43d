"""Where the highlighted regions of a heatmap lie in the image."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage

from uncover.images.letterbox import Frame, fit
from uncover.rescue.heatmap_boxes import LEVELS, LONGEST, SMALLEST_SHARE, highlighted_regions

SQUARE = fit(100, 100, 320)
AS_IT_IS = Frame(LONGEST, LONGEST, LONGEST, LONGEST, 0, 0, LONGEST, LONGEST)
"""A frame in which a map of as many cells is not enlarged at all."""


def blob(shape: tuple[int, int], rows: slice, columns: slice) -> NDArray[np.float64]:
    cells = np.zeros(shape)
    cells[rows, columns] = 1
    return cells


def test_halfway_up_a_region_ends_where_its_cells_do() -> None:
    # A step between two cells is half climbed in the middle between their centres, which is their common edge.
    regions = highlighted_regions(blob((10, 10), slice(2, 5), slice(4, 9)), SQUARE, [0.5])
    assert regions.boxes == pytest.approx(np.array([[40, 20, 90, 50]]), abs=100 / LONGEST)


def test_lower_levels_see_more_of_a_slope() -> None:
    low, high = highlighted_regions(blob((10, 10), slice(4, 6), slice(4, 6)), SQUARE, [0.2, 0.8]).boxes
    # Between centres 10 pixels apart, a fifth of the height is passed 3 pixels outside the edge, four fifths as many
    # inside.
    assert low == pytest.approx([37, 37, 63, 63], abs=1) and high == pytest.approx([43, 43, 57, 57], abs=1)


def test_padding_neither_shows_nor_counts() -> None:
    # 200 x 100 pixels stand in the middle of a square, a quarter of whose rows above and below are padding.
    frame = fit(200, 100, 320, square=True)
    assert (frame.top, frame.inner_height, frame.out_height) == (80, 160, 320)
    cells = blob((20, 20), slice(8, 12), slice(2, 6)) + 9 * blob((20, 20), slice(0, 3), slice(0, 20))
    regions = highlighted_regions(cells, frame, [0.5])
    assert regions.boxes == pytest.approx(np.array([[20, 30, 60, 70]]), abs=200 / LONGEST)


@pytest.mark.parametrize("cells", [np.zeros((6, 6)), np.full((6, 6), 3.0), np.zeros((1, 1))])
def test_what_points_nowhere_has_no_regions(cells: NDArray[np.float64]) -> None:
    regions = highlighted_regions(cells, SQUARE)
    assert regions.boxes.shape == (0, 4) and regions.heat.shape == (0,)


def test_specks_are_no_regions() -> None:
    least = round(SMALLEST_SHARE * LONGEST + 0.5)
    heat = blob((LONGEST, LONGEST), slice(9, 9 + least - 1), slice(9, 9 + least - 1))
    heat += blob((LONGEST, LONGEST), slice(90, 91), slice(90, 90 + least))
    assert highlighted_regions(heat, AS_IT_IS, [0.5]).boxes.tolist() == [[90, 90, 90 + least, 91]]


def test_the_hotter_a_region_the_more_it_stands_out() -> None:
    cells = blob((10, 10), slice(1, 3), slice(1, 3)) + 0.6 * blob((10, 10), slice(6, 8), slice(6, 8))
    regions = highlighted_regions(cells, SQUARE, [0.4])
    order = np.argsort(regions.boxes[:, 0])
    hot, warm = regions.heat[order]
    assert 1 > hot > warm > 0


def test_a_region_stands_out_by_what_it_is_hotter_than_the_rest() -> None:
    # The right half is 0.4 above and 0 below, so 0.2 on average.
    heat = blob((LONGEST, LONGEST), slice(None), slice(LONGEST // 2))
    heat += 0.4 * blob((LONGEST, LONGEST), slice(LONGEST // 2), slice(LONGEST // 2, None))
    assert highlighted_regions(heat, AS_IT_IS, [0.5]).heat == pytest.approx([0.8], abs=1e-5)


@given(arrays(np.float64, (8, 8), elements=st.floats(0, 1, width=16)))
def test_regions_are_those_of_another_implementation(cells: NDArray[np.float64]) -> None:
    heat = np.kron(cells, np.ones((LONGEST // 8, LONGEST // 8)))
    expected = []
    # Levels between the values of float16, so that no rounding decides.
    levels = [0.3001, 0.5003, 0.8001]
    if cells.max() > cells.min():
        shares = (heat - heat.min()) / (heat.max() - heat.min())
        for level in levels:
            found, _ = ndimage.label(shares >= level, np.ones((3, 3)))
            for rows, columns in ndimage.find_objects(found):
                expected.append([columns.start, rows.start, columns.stop, rows.stop])
    assert sorted(highlighted_regions(heat, AS_IT_IS, levels).boxes.tolist()) == sorted(expected)


@given(
    cells=arrays(np.float64, (5, 7), elements=st.integers(0, 9)),
    size=st.tuples(st.integers(20, 400), st.integers(20, 400)),
)
def test_regions_nest_within_the_image(cells: NDArray[np.float64], size: tuple[int, int]) -> None:
    frame = fit(*size, 160)
    by_level = [highlighted_regions(cells, frame, [level]).boxes for level in LEVELS]
    for wide, narrow in pairwise(by_level):
        for box in narrow:
            around = (wide[:, :2] <= box[:2]) & (wide[:, 2:] >= box[2:])
            assert around.all(axis=1).any()
    together = highlighted_regions(cells, frame)
    assert len(together.boxes) == len(together.heat) == sum(map(len, by_level))
    assert (together.boxes >= 0).all() and (together.boxes <= np.tile(size, 2)).all()
    assert (together.heat >= 0).all() and (together.heat <= 1).all()


def test_the_unit_of_a_map_does_not_matter() -> None:
    cells = np.random.default_rng(0).random((6, 6))
    once, again = (highlighted_regions(each, SQUARE) for each in (cells, 7 * cells + 3))
    assert np.array_equal(once.boxes, again.boxes) and once.heat == pytest.approx(again.heat, abs=1e-5)
