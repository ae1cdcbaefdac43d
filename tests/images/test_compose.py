"""Composed images: boxes lie on the faces wherever these were moved, and one seed gives one image."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from uncover.data.outlines import frame_of_box, outline_of_box
from uncover.images import compose
from uncover.images.compose import Composer, DrawnFace, FacePhoto, Shares, change_light, visible_box
from uncover.images.covers import DRAWN

SIZE = 160
BOX = np.array([70.0, 50.0, 130.0, 130.0])
GREEN = (0, 255, 0)
ALL = {"any": 1.0}


def photo() -> FacePhoto:
    """A grey photo with one green ellipse as face."""
    pixels = np.full((180, 200, 3), 90, np.uint8)
    centre, half = (BOX[:2] + BOX[2:]) / 2, (BOX[2:] - BOX[:2]) / 2
    cv2.ellipse(pixels, centre.astype(int).tolist(), half.astype(int).tolist(), 0, 0, 360, GREEN, -1)
    return FacePhoto("any", pixels, [DrawnFace(outline_of_box(BOX), frame_of_box(BOX))])


def composer(kinds: dict[str, float], covered: float = 0.0) -> Composer:
    empty = [np.full((80, 90, 3), 30, np.uint8)]
    return Composer([photo()], empty, DRAWN, Shares(ALL, ALL, ALL, kinds, (covered,)))


@pytest.fixture
def same_light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "change_light", lambda image, rng: image)
    monkeypatch.setattr(compose, "BACKGROUNDS", {compose.FLAT: 1.0})


def green_box(image: np.ndarray) -> np.ndarray:
    green = (image[..., 1] > 180) & (image[..., 0] < 90)
    rows, columns = np.nonzero(green)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], float)


@pytest.mark.parametrize("kind", ["close", "scene"])
def test_box_lies_on_the_face_at_any_angle_and_scale(kind: str, same_light: None) -> None:
    seen = 0
    for seed in range(60):
        image, boxes = composer({kind: 1.0})(SIZE, np.random.default_rng(seed))
        assert image.shape == (SIZE, SIZE, 3) and image.dtype == np.uint8 and boxes.dtype == np.float32
        for x, y, w, h in boxes * SIZE:
            found = green_box(image)
            np.testing.assert_allclose([x - w / 2, y - h / 2, x + w / 2, y + h / 2], found, atol=3 + 0.03 * max(w, h))
            seen += 1
    assert seen > 30


def test_mosaic_holds_boxes_of_several_faces(same_light: None) -> None:
    counts = [len(composer({"mosaic": 1.0, "close": 1.0})(SIZE, np.random.default_rng(seed))[1]) for seed in range(20)]
    assert max(counts) >= 3


def test_head_is_cut_out_and_labelled(same_light: None) -> None:
    found = 0
    for seed in range(30):
        image, boxes = composer({"heads": 1.0})(SIZE, np.random.default_rng(seed))
        for x, y, w, h in boxes * SIZE:
            part = image[int(max(y - h / 2, 0)) : int(y + h / 2), int(max(x - w / 2, 0)) : int(x + w / 2)]
            found += bool(((part[..., 1] > 100) & (part[..., 0] < 90)).any())
    assert found > 10


def test_image_of_nothing_has_no_box() -> None:
    _, boxes = composer({"nothing": 1.0})(SIZE, np.random.default_rng(1))
    assert boxes.shape == (0, 4)


def test_a_photo_without_a_face_is_a_scene_and_no_close_face(same_light: None) -> None:
    white = FacePhoto("any", np.full((80, 90, 3), 255, np.uint8), [])
    for kind, expected in (("scene", True), ("close", False)):
        drawn = Composer(
            [photo(), white], [np.full((80, 90, 3), 30, np.uint8)], DRAWN, Shares(ALL, ALL, ALL, {kind: 1.0})
        )
        images = [drawn(SIZE, np.random.default_rng(seed)) for seed in range(20)]
        assert any((image > 250).mean() > 0.2 and not len(boxes) for image, boxes in images) == expected


def test_covers_change_the_picture_and_no_box(same_light: None) -> None:
    changed = 0
    for seed in range(20):
        (plain, boxes), (covered, same) = (
            composer({"close": 1.0}, chance)(SIZE, np.random.default_rng(seed)) for chance in (0.0, 1.0)
        )
        np.testing.assert_array_equal(boxes, same)
        changed += not np.array_equal(plain, covered)
    assert changed > 10


def test_one_seed_gives_one_image() -> None:
    kinds = Shares(ALL, ALL, ALL).kinds
    for seed in range(8):
        (image, boxes), (again, same) = (
            composer(dict(kinds), 0.7)(SIZE, np.random.default_rng(seed)) for _ in range(2)
        )
        np.testing.assert_array_equal(image, again)
        np.testing.assert_array_equal(boxes, same)


def test_face_mostly_outside_is_not_labelled() -> None:
    size = np.array([100, 100])
    assert visible_box(outline_of_box(np.array([85.0, 10, 145, 90])), size, 5) is None
    seen = visible_box(outline_of_box(np.array([60.0, 10, 120, 90])), size, 5)
    assert seen is not None
    np.testing.assert_allclose(seen, [60, 10, 100, 90])
    assert visible_box(outline_of_box(np.array([10.0, 10, 13, 14])), size, 5) is None


def test_light_changes_values_and_nothing_else() -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    before = image.copy()
    changed = [change_light(image, np.random.default_rng(seed)) for seed in range(30)]
    np.testing.assert_array_equal(image, before)
    assert all(other.shape == image.shape and other.dtype == np.uint8 for other in changed)
    assert sum(not np.array_equal(other, image) for other in changed) > 25
