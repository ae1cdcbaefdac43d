"""Boxes stay on their objects, whatever is done to the image: warps, mosaics, covers painted over faces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.images.conftest import BRIGHT, DARK, rectangle_image
from uncover.config.detectors import Hyperparameters
from uncover.images.augmentation import (
    SMALLEST_COVERED,
    change_colours,
    cover_faces,
    draw_mosaic,
    draw_warp,
    lay_mosaic,
    mirror,
    mix,
    to_pixels,
    warp_boxes,
    warp_image,
)

STILL = Hyperparameters(
    hsv_h=0, hsv_s=0, hsv_v=0, degrees=0, translate=0, scale=0, shear=0, perspective=0, fliplr=0, mosaic=0
)
SIDE = 200
THRESHOLD = (DARK + BRIGHT) // 2

seeds = st.integers(0, 2**32)
channel_counts = st.sampled_from([1, 3, 10])


@st.composite
def rectangles(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Boxes x1 y1 x2 y2, in whole pixels of a square."""
    x1, y1 = draw(st.integers(0, SIDE - 40)), draw(st.integers(0, SIDE - 40))
    return x1, y1, draw(st.integers(x1 + 30, SIDE)), draw(st.integers(y1 + 30, SIDE))


def bright_box(image: np.ndarray) -> np.ndarray:
    """The box around what is bright in all channels: float64 (4,)."""
    rows, columns = np.nonzero((image > THRESHOLD).all(axis=2))
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float64)


def warped(
    box: tuple[int, int, int, int], channels: int, seed: int, by: Hyperparameters, grow: float = 1
) -> tuple[np.ndarray, np.ndarray]:
    out = int(SIDE * grow)
    warp = draw_warp(SIDE, SIDE, out, out, np.random.default_rng(seed), by)
    image = warp_image(rectangle_image(SIDE, SIDE, box, channels), warp, DARK)
    assert image.shape == (out, out, channels) and image.dtype == np.uint8
    boxes = warp_boxes(np.array([[2, *box]], np.float64), warp)
    return image, boxes


@given(rectangles(), channel_counts, seeds, st.floats(0, 0.9), st.floats(0, 0.9))
def test_a_scaled_and_shifted_box_frames_its_object(
    box: tuple[int, int, int, int], channels: int, seed: int, scale: float, translate: float
) -> None:
    image, boxes = warped(box, channels, seed, STILL.model_copy(update={"scale": scale, "translate": translate}))
    if len(boxes):
        assert boxes[0, 0] == 2
        assert np.abs(boxes[0, 1:] - bright_box(image)).max() <= 1.5
    else:
        # Dropped: at most a tenth is left, or a sliver of two pixels.
        rows, columns = np.nonzero(image[..., 0] > THRESHOLD)
        full = (box[2] - box[0]) * (box[3] - box[1]) * max(1 - scale, 0) ** 2
        narrow = len(rows) == 0 or min(np.ptp(rows), np.ptp(columns)) + 1 <= 4
        assert narrow or len(rows) <= 0.1 * (1 + scale) ** 2 / max(1 - scale, 1e-9) ** 2 * full + 2 * SIDE


@given(rectangles(), seeds, st.floats(0, 180), st.floats(0, 30), st.sampled_from([0.0, 0.0005]))
def test_a_turned_and_sheared_box_holds_its_object_tightly(
    box: tuple[int, int, int, int], seed: int, degrees: float, shear: float, perspective: float
) -> None:
    by = STILL.model_copy(update={"degrees": degrees, "shear": shear, "perspective": perspective})
    image, boxes = warped(box, 3, seed, by)
    assume(len(boxes))
    found = bright_box(image)
    low, high = boxes[0, 1:3], boxes[0, 3:]
    assert (found[:2] >= low - 1.5).all() and (found[2:] <= high + 1.5).all()
    if (low > 0).all() and (high < SIDE).all():
        # A thin tip of a turned corner is dim: it falls short by a few pixels.
        assert np.abs(boxes[0, 1:] - found).max() <= 4


@given(st.floats(0.11, 1), st.floats(0.01, 0.09))
def test_a_box_stays_while_a_tenth_of_it_is_seen(most: float, least: float) -> None:
    warp = draw_warp(SIDE, SIDE, SIDE, SIDE, np.random.default_rng(0), STILL)
    for share, kept in ((most, 1), (least, 0)):
        box = np.array([[0, SIDE - 100 * share, 20, SIDE - 100 * share + 100, 80]])
        assert len(warp_boxes(box, warp)) == kept


@pytest.mark.parametrize(
    ("box", "kept"),
    [((5, 5, 7, 90), 0), ((5, 5, 7.5, 90), 1), ((5, 5, 90, 6.9), 0), ((0, 0, 195, 2.1), 1), ((0, 5, 0, 90), 0)],
)
def test_slivers_are_dropped(box: tuple[float, float, float, float], kept: int) -> None:
    warp = draw_warp(SIDE, SIDE, SIDE, SIDE, np.random.default_rng(0), STILL)
    assert len(warp_boxes(np.array([[0, *box]], np.float64), warp)) == kept


def test_nothing_asked_for_changes_nothing() -> None:
    image = rectangle_image(SIDE, SIDE, (10, 20, 60, 90), 10)
    warp = draw_warp(SIDE, SIDE, SIDE, SIDE, np.random.default_rng(3), STILL)
    assert warp_image(image, warp, 114) is image
    assert change_colours(image, np.random.default_rng(0), STILL) is image
    assert warp_boxes(np.zeros((0, 5)), warp).shape == (0, 5)


@pytest.mark.parametrize("channels", [1, 3, 4, 5, 10])
@pytest.mark.parametrize("padding", [0, 114])
@pytest.mark.parametrize("perspective", [0.0, 0.001])
def test_padding_fills_every_channel(channels: int, padding: int, perspective: float) -> None:
    image = np.full((SIDE, SIDE, channels), 255, np.uint8)
    by = STILL.model_copy(update={"perspective": perspective, "degrees": 20})
    warp = draw_warp(SIDE, SIDE, 2 * SIDE, 2 * SIDE, np.random.default_rng(0), by)
    moved = warp_image(image, warp, padding)
    assert (moved[0, 0] == padding).all() and (moved[-1, -1] == padding).all() and (moved[SIDE, SIDE] == 255).all()


@given(rectangles(), channel_counts, st.booleans())
def test_a_mirror_takes_boxes_along_and_twice_is_never(
    box: tuple[int, int, int, int], channels: int, upside_down: bool
) -> None:
    swaps = np.array([0, 2, 1])
    image, boxes = rectangle_image(SIDE, SIDE, box, channels), np.array([[2, *box]], np.float64)
    flipped, moved = mirror(image, boxes, upside_down, swaps)
    assert np.array_equal(moved[0, 1:], bright_box(flipped)) and moved[0, 0] == 1
    _, unswapped = mirror(image, boxes, upside_down, None)
    assert unswapped[0, 0] == 2 and np.array_equal(unswapped[0, 1:], moved[0, 1:])
    again, back = mirror(flipped, moved, upside_down, swaps)
    assert np.array_equal(again, image) and np.array_equal(back, boxes)


def test_colours_change_and_shapes_do_not() -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    before = image.copy()
    by = STILL.model_copy(update={"hsv_h": 0.1, "hsv_s": 0.5, "hsv_v": 0.5})
    changed = change_colours(image, np.random.default_rng(0), by)
    assert np.array_equal(image, before) and changed.shape == image.shape and (changed != image).any()
    # Value is the largest channel, and is multiplied by one number.
    dark = STILL.model_copy(update={"hsv_v": 1.0})
    gain = 1 + np.random.default_rng(5).uniform(-1, 1, 3)[2]
    expected = np.clip(image.max(axis=2) * gain, 0, 255)
    found = change_colours(image, np.random.default_rng(5), dark).max(axis=2)
    assert np.abs(found - expected).max() <= 1.5


def test_red_stays_red_whatever_its_saturation() -> None:
    red = np.full((4, 4, 3), (200, 40, 40), np.uint8)
    by = STILL.model_copy(update={"hsv_s": 0.5, "hsv_v": 0.2})
    for seed in range(20):
        pixel = change_colours(red, np.random.default_rng(seed), by)[0, 0]
        assert pixel[0] > pixel[1] == pixel[2]


@given(seeds)
def test_a_mixture_is_about_half_and_half_with_all_boxes(seed: int) -> None:
    one, other = np.full((8, 8, 10), 200, np.uint8), np.full((8, 8, 10), 100, np.uint8)
    boxes, others = np.ones((2, 5)), np.zeros((3, 5))
    image, together = mix(one, boxes, other, others, np.random.default_rng(seed))
    assert image.dtype == np.uint8 and np.ptp(image) == 0 and 120 < image[0, 0, 0] < 180
    assert np.array_equal(together, np.concatenate([boxes, others]))


def test_opencv_keeps_to_one_thread() -> None:
    assert cv2.getNumThreads() == 1


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
    tiny = np.array([[2.0, 50, 30, 50 + SMALLEST_COVERED - 1, 60]])
    assert not any(changed(tiny, seed).any() for seed in range(20))


def test_a_face_at_the_edge_or_larger_than_the_photo_is_covered_as_far_as_there_is_photo() -> None:
    for seed in range(40):
        changed(np.array([[2.0, -30, -20, 40, 50], [2, 120, 90, 300, 260], [2, -50, -50, 400, 300]]), seed)
    assert any(changed(np.array([[2.0, 130, 60, 200, 160]]), seed).any() for seed in range(10))


def test_the_same_chance_paints_the_same_cover() -> None:
    one, two = (cover_faces(GREY, FACE, np.random.default_rng(5), 1.0, 2) for _ in range(2))
    assert (one == two).all()
