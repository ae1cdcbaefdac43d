"""Covers lie on the face they are drawn for, whatever its size, angle and place, and change nothing elsewhere."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from uncover.data.outlines import Frame, place
from uncover.errors import InputError
from uncover.images.covers import DRAWN, SHARES, Pictures, body, cloth, cover_face, hand

SIDE = 200
REACH = {"cap": -1.5, "eye_shield": 0.0, "cloth_mask": 2.8, "mask": 2.8, "glasses": 0.1, "hat": -1.6, "blanket": 4.0}
"""Height in the frame at which a cover is certain to be seen at one of 40 tries."""


def frame_at(x: float, y: float, size: float, degrees: float) -> Frame:
    angle = np.radians(degrees)
    c, s = np.cos(angle) * size, np.sin(angle) * size
    return np.array([[c, -s, x], [s, c, y]])


def grey() -> np.ndarray:
    return np.full((SIDE, SIDE, 3), 120, np.uint8)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    folder = tmp_path_factory.mktemp("occluders")
    for name in ("a_mask.png", "sunglasses.png", "straw_hat.png"):
        picture = np.zeros((60, 100, 4), np.uint8)
        picture[5:55, 10:90] = (10, 200, 30, 255)
        cv2.imwrite(str(folder / name), picture)
    return Pictures(folder)


def all_covers(pictures: Pictures) -> dict:
    return {**DRAWN, **pictures.covers()}


def test_every_cover_has_a_share(pictures: Pictures) -> None:
    assert set(all_covers(pictures)) == set(SHARES)


@pytest.mark.parametrize("name", list(SHARES))
@pytest.mark.parametrize("degrees", [0, 130])
def test_cover_lies_on_the_face_at_any_angle(name: str, degrees: float, pictures: Pictures) -> None:
    frame = frame_at(100, 90, 18, degrees)
    changed = np.zeros((SIDE, SIDE), bool)
    for seed in range(40):
        image = grey()
        all_covers(pictures)[name](image, frame, np.random.default_rng(seed), None)
        changed |= (image != 120).any(2)
    x, y = np.rint(place(frame, np.array([[0.0, REACH.get(name, 1.5)]]))[0]).astype(int)
    assert changed[y - 4 : y + 5, x - 4 : x + 5].any()


@pytest.mark.parametrize("name", ["mask", "glasses", "eye_shield", "tapes", "cloth_mask"])
def test_cover_of_a_face_changes_nothing_far_away(name: str, pictures: Pictures) -> None:
    for seed in range(20):
        image = grey()
        all_covers(pictures)[name](image, frame_at(60, 60, 8, 40), np.random.default_rng(seed), None)
        rows, columns = np.nonzero((image != 120).any(2))
        assert len(rows)
        assert np.hypot(columns - 60, rows - 60).max() < 8 * 6


@pytest.mark.parametrize("name", list(SHARES))
@pytest.mark.parametrize("frame", [frame_at(-40, 230, 20, 70), frame_at(100, 100, 0.8, 0), frame_at(900, 900, 30, 0)])
def test_cover_of_a_face_outside_or_tiny_does_no_harm(name: str, frame: Frame, pictures: Pictures) -> None:
    other = np.random.default_rng(3).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    for seed in range(5):
        image = grey()
        all_covers(pictures)[name](image, frame, np.random.default_rng(seed), other)
        assert image.shape == (SIDE, SIDE, 3) and image.dtype == np.uint8


def test_one_seed_gives_one_picture(pictures: Pictures) -> None:
    drawn = []
    for _ in range(2):
        image, rng = grey(), np.random.default_rng(11)
        names = [cover_face(image, frame_at(100, 90, 18, 25), rng, all_covers(pictures)) for _ in range(5)]
        drawn.append((names, image))
    assert drawn[0][0] == drawn[1][0]
    np.testing.assert_array_equal(drawn[0][1], drawn[1][1])


def test_hands_have_the_colour_of_skin_or_of_the_face() -> None:
    redder = []
    for seed in range(20):
        image = grey()
        hand(image, frame_at(100, 90, 18, 0), np.random.default_rng(seed), None)
        painted = image[(image != 120).any(2)].astype(float)
        assert len(painted) > 300
        red, _, blue = painted.mean(0)
        redder.append(red - blue)
    # The face is grey here, and half of the hands are of its colour.
    assert min(redder) > -8 and np.median(redder) >= 0 and max(redder) > 15


def test_body_lies_below_the_head_and_leaves_most_of_the_face_free() -> None:
    frame, skin = frame_at(100, 40, 10, 0), np.array([210.0, 160, 130])
    over_the_face = []
    for seed in range(20):
        image = grey()
        body(image, frame, np.random.default_rng(seed), None, skin)
        changed = (image != 120).any(2)
        assert changed[100:120, 90:110].mean() > 0.9
        over_the_face.append(changed[:55, 90:110].mean())
    assert np.mean(over_the_face) < 0.05


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (250, 260), (37, 5)])
def test_cloth_has_the_size_asked_for(size: tuple[int, int]) -> None:
    for seed in range(6):
        made = cloth(np.random.default_rng(seed), *size)
        assert made.shape == (*size, 3) and np.isfinite(made).all()


def test_picture_without_alpha_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "mask.png"), np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(InputError, match=r"mask\.png: expected a PNG with alpha"):
        Pictures(tmp_path)


def test_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no PNG file"):
        Pictures(tmp_path)
