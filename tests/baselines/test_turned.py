"""At several turns, boxes come back to where the face is in the photo, to the bit at quarters of a turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.baselines.turned import SideBySide, Turned, turn, turned_back
from uncover.metrics.detections import Detections

Rectangle = tuple[int, int, int, int]


class Bright:
    """A detector of one face: what is bright, with five landmarks on the brightest pixel's centre."""

    def __init__(self, sure: Callable[[int, int], float] = lambda width, height: 0.5) -> None:
        self.sure = sure
        self.seen: list[np.ndarray] = []

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        self.seen += images
        return [self._find(image[..., 0]) for image in images]

    def _find(self, image: np.ndarray) -> Detections:
        rows, columns = np.nonzero(image > 100)
        row, column = np.unravel_index(image.argmax(), image.shape)
        box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
        sure = self.sure(*(box[0, 2:] - box[0, :2]))
        points = np.full((1, 5, 2), (column + 0.5, row + 0.5), np.float32)
        return Detections(box, np.array([sure], np.float32), landmarks=points)


def photo_of(width: int, height: int, box: Rectangle) -> np.ndarray:
    """A black photo with a bright rectangle, whose upper left pixel is the brightest."""
    photo = np.zeros((height, width, 3), np.uint8)
    x1, y1, x2, y2 = box
    photo[y1:y2, x1:x2] = 200
    photo[y1, x1] = 255
    return photo


@st.composite
def photos(draw: st.DrawFn) -> tuple[np.ndarray, Rectangle]:
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    x1, y1 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    box = (x1, y1, draw(st.integers(x1 + 1, width)), draw(st.integers(y1 + 1, height)))
    return photo_of(width, height, box), box


@given(photos())
def test_quarters_of_a_turn_give_the_same_box_to_the_bit(drawn: tuple[np.ndarray, Rectangle]) -> None:
    photo, box = drawn
    detector = Bright()
    (found,) = Turned(detector, 4).detect([photo])
    assert found.boxes.tolist() == [list(box)] and found.boxes.dtype == found.landmarks.dtype == np.float32
    assert found.landmarks.tolist() == [[[box[0] + 0.5, box[1] + 0.5]] * 5]
    # By numpy's own turns, no two the same way.
    for number, view in enumerate(detector.seen):
        assert np.array_equal(view, np.rot90(photo, number)) and view.flags["C_CONTIGUOUS"]
    assert len(detector.seen) == 4


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@given(drawn=photos())
def test_a_turned_photo_has_turned_boxes(quarters: int, drawn: tuple[np.ndarray, Rectangle]) -> None:
    """With a detector that prefers one way up, so that one view alone decides: its own must not be favoured."""
    photo, _ = drawn

    def wide_or_high(width: int, height: int) -> float:
        return float(width / (width + height))

    (found,) = Turned(Bright(wide_or_high), 4).detect([np.ascontiguousarray(np.rot90(photo, quarters))])
    (upright,) = Turned(Bright(wide_or_high), 4).detect([photo])
    painted = np.zeros(photo.shape[:2], bool)
    x1, y1, x2, y2 = upright.boxes[0].astype(int)
    painted[y1:y2, x1:x2] = True
    rows, columns = np.nonzero(np.rot90(painted, quarters))
    expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert found.boxes.tolist() == [expected] and found.confidence.tolist() == upright.confidence.tolist()


def test_the_surest_view_decides_where_boxes_lie_on_each_other_and_others_stay() -> None:
    photo = photo_of(60, 40, (10, 5, 30, 15))

    class Two(Bright):
        def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
            """What is bright, surest where it is higher than wide, and a corner of the view."""
            (bright,) = super().detect(images)
            corner = Detections(np.array([[0, 0, 4, 4]], np.float32), np.array([0.1], np.float32))
            points = np.zeros((1, 5, 2), np.float32)
            return [Detections.concatenate([bright, Detections(corner.boxes, corner.confidence, landmarks=points)])]

    (found,) = Turned(Two(lambda width, height: 0.9 if height > width else 0.3), 4).detect([photo])
    assert found.boxes.tolist()[0] == [10, 5, 30, 15] and found.confidence[0] == np.float32(0.9)
    corners = {(0, 0, 4, 4), (56, 0, 60, 4), (0, 36, 4, 40), (56, 36, 60, 40)}
    assert {tuple(box) for box in found.boxes[1:].tolist()} == corners


@pytest.mark.parametrize("eighths", [1, 3, 5, 7])
@pytest.mark.parametrize(("width", "height"), [(200, 140), (140, 200), (171, 171)])
def test_between_quarters_a_face_comes_back_to_its_place(eighths: int, width: int, height: int) -> None:
    """A face is an ellipse, upright in the turned photo; OpenCV draws it in the photo, where it has a box too."""
    photo = np.zeros((height, width, 3), np.uint8)
    centre, axes = (90, 60), (20, 30)
    # OpenCV's angles go with the clock, since its y points down; ours against.
    cv2.ellipse(photo, centre, axes, 45 * eighths, 0, 360, (200, 200, 200), -1)
    cv2.circle(photo, (95, 50), 2, (255, 255, 255), -1)
    view, back = turn(photo, eighths)
    assert abs(int(view.astype(int).sum()) / int(photo.astype(int).sum()) - 1) < 0.01, "a part of the photo is cut off"
    (seen,) = Bright().detect([view])
    assert np.abs((seen.boxes[0, 2:] - seen.boxes[0, :2]) - (41, 61)).max() <= 2
    found = turned_back(seen, back)
    (expected,) = Bright().detect([photo])
    assert np.abs(found.boxes - expected.boxes).max() < 1.5
    bright = turned_back(Detections(seen.boxes, seen.confidence, landmarks=seen.landmarks), back).landmarks
    assert np.abs(bright - (95.5, 50.5)).max() < 2.5


def test_the_way_back_is_opencvs_turn_undone() -> None:
    """Corner for corner: `getRotationMatrix2D` turns against the clock, too."""
    width, height = 64, 48
    for eighths in range(8):
        view, back = turn(np.zeros((height, width, 3), np.uint8), eighths)
        there = cv2.getRotationMatrix2D((width / 2, height / 2), 45 * eighths, 1)
        there[:, 2] += np.array([view.shape[1] - width, view.shape[0] - height]) / 2
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height], [7, 31]], float)
        moved = corners @ there[:, :2].T + there[:, 2]
        np.testing.assert_allclose(moved @ back[:, :2].T + back[:, 2], corners, atol=1e-9)
        assert moved.min() > -1e-9 and (moved <= np.array([view.shape[1], view.shape[0]]) + 1e-9).all()


def test_no_face_is_no_box() -> None:
    class Nothing:
        def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
            return [Detections.empty() for _ in images]

    (found,) = Turned(Nothing(), 8).detect([np.zeros((3, 2, 3), np.uint8)])
    assert len(found) == 0


@given(photos())
def test_each_turn_side_by_side_gives_the_same_box(drawn: tuple[np.ndarray, Rectangle]) -> None:
    """Of four turns in one image every part holds the face, and brings it back to the photo, twice as large."""
    photo, box = drawn
    height, width = photo.shape[:2]
    view = SideBySide(photo, 2 * width, 2 * height, 40, padding=50)
    assert view.image.shape == (80, 80, 3)
    for row, column in np.ndindex(2, 2):
        part = np.zeros_like(view.image)
        own = np.s_[40 * row : 40 * row + 40, 40 * column : 40 * column + 40]
        part[own] = view.image[own]
        (found,) = Bright().detect([part])
        np.testing.assert_array_equal(view.in_photo(found).boxes, [[2 * side for side in box]])


def test_of_boxes_of_one_face_in_several_turns_the_surest_stays() -> None:
    photo = photo_of(40, 30, (4, 6, 14, 20))
    view = SideBySide(photo, 40, 30, 40, padding=0)
    found = []
    for (row, column), sure in zip(np.ndindex(2, 2), (0.3, 0.8, 0.5, 0.6), strict=True):
        part = np.zeros_like(view.image)
        own = np.s_[40 * row : 40 * row + 40, 40 * column : 40 * column + 40]
        part[own] = view.image[own]
        found += Bright(lambda *_, sure=sure: sure).detect([part])
    whole = view.in_photo(Detections.concatenate(found))
    assert whole.boxes.tolist() == [[4, 6, 14, 20]] and whole.confidence.tolist() == [np.float32(0.8)]
    # A box of the padding is no box of the photo.
    outside = Detections(np.array([[0, 0, 10, 4]], np.float32), np.array([0.9], np.float32))
    assert len(view.in_photo(outside)) == 0
