"""Corrected boxes, against a slow loop in plain Python over one face and one part at a time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.data.parts import (
    KEPT,
    OUTSIDE,
    PARTS,
    STATUS_NAMES,
    TOO_FEW_POINTS,
    UNDER_ONE_PIXEL,
    PartBoxes,
    clip_boxes,
    corrected_boxes,
    leave_image,
    leave_out_small,
    to_xywh,
)

Points = list[tuple[float, float]]

SINGLE = {
    68: {
        "whole face": (0, 26),
        "right face": (0, 7),
        "left face": (9, 16),
        "brows": (17, 26),
        "nose": (27, 35),
        "right eye": (36, 41),
        "left eye": (42, 47),
        "mouth": (48, 67),
    },
    98: {
        "whole face": (0, 50),
        "right face": (0, 14),
        "left face": (18, 32),
        "brows": (33, 50),
        "nose": (51, 59),
        "right eye": (60, 67),
        "left eye": (68, 75),
        "mouth": (76, 95),
    },
}
"""First and last index of each part, as thesis_facts.md prints them."""
JOINED = {
    "left eye face": ["left eye", "left face"],
    "right eye face": ["right eye", "right face"],
    "eyes nose": ["left eye", "right eye", "nose"],
}


def points_of(face: Points, part: str) -> Points:
    chosen = []
    for name in JOINED.get(part, [part]):
        first, last = SINGLE[len(face)][name]
        chosen += [face[index] for index in range(first, last + 1)]
    return [point for point in chosen if not math.isnan(point[0])]


def slow_box(face: Points, part: str, size: tuple[float, float] | None) -> tuple[str, tuple[float, ...]]:
    """Status and box of one part of one face; clipped where a size is given."""
    usable = points_of(face, part)
    if len(usable) < 2:
        return "too_few_points", ()
    xs, ys = [x for x, _ in usable], [y for _, y in usable]
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    if size is not None:
        width, height = size
        if left >= width or top >= height or right <= 0 or bottom <= 0:
            return "outside_image", ()
        left, right = max(left, 0.0), min(right, width)
        top, bottom = max(top, 0.0), min(bottom, height)
    if right - left < 1 or bottom - top < 1:
        return "under_one_pixel", ()
    return "kept", (left, top, right, bottom)


@st.composite
def faces(draw: st.DrawFn, count: int = 3) -> tuple[list[Points], list[tuple[float, float]]]:
    """Faces of one scheme and the sizes of their images: any visibility, any distance from the image, any flatness."""
    points = draw(st.sampled_from([68, 98]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    made, sizes = [], []
    for _ in range(draw(st.integers(1, count))):
        width, height = draw(st.integers(1, 400)), draw(st.integers(1, 400))
        centre = random.uniform(-0.5, 1.5, 2) * (width, height)
        spread = draw(st.sampled_from([0.0, 0.2, 0.6, 5.0, 80.0, 500.0]))
        face = centre + random.uniform(-1, 1, (points, 2)) * spread
        if draw(st.booleans()):
            face = np.rint(face)  # ties and boxes of exactly one pixel
        if draw(st.booleans()):
            face[:, draw(st.integers(0, 1))] = centre[0]  # all on one line
        face[random.random(points) < draw(st.sampled_from([0, 0.3, 0.8, 0.95, 1]))] = np.nan
        made.append([(float(x), float(y)) for x, y in face])
        sizes.append((float(width), float(height)))
    return made, sizes


def assert_same(boxes: PartBoxes, expected: list[list[tuple[str, tuple[float, ...]]]]) -> None:
    for face, row in enumerate(expected):
        for column, (status, box) in enumerate(row):
            where = (face, PARTS[column])
            assert STATUS_NAMES[boxes.status[face, column]] == status, where
            if status == "kept":
                assert tuple(boxes.xyxy[face, column].tolist()) == box, where


@given(faces())
def test_clipped_boxes_equal_a_slow_loop(drawn: tuple[list[Points], list[tuple[float, float]]]) -> None:
    made, sizes = drawn
    boxes = leave_out_small(clip_boxes(corrected_boxes(np.array(made)), np.array(sizes)))
    assert_same(boxes, [[slow_box(face, part, size) for part in PARTS] for face, size in zip(made, sizes, strict=True)])


@given(faces())
def test_unclipped_boxes_equal_a_slow_loop(drawn: tuple[list[Points], list[tuple[float, float]]]) -> None:
    made, _ = drawn
    boxes = leave_out_small(corrected_boxes(np.array(made)))
    assert_same(boxes, [[slow_box(face, part, None) for part in PARTS] for face in made])


@given(faces(), st.booleans())
def test_a_face_leaves_the_image_when_a_box_of_it_does(
    drawn: tuple[list[Points], list[tuple[float, float]]], as_yolov5: bool
) -> None:
    made, sizes = drawn
    expected = []
    for face, (width, height) in zip(made, sizes, strict=True):
        leaves = False
        for status, box in (slow_box(face, part, None) for part in PARTS):
            if status != "kept":
                continue
            left, top, right, bottom = box
            if as_yolov5:
                x, y, w, h = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
                leaves |= not (0 <= x <= width and 0 <= y <= height and w <= width and h <= height)
            else:
                leaves |= left < 0 or top < 0 or right > width or bottom > height
        expected.append(leaves)
    boxes = leave_out_small(corrected_boxes(np.array(made)))
    assert leave_image(boxes, np.array(sizes), as_yolov5).tolist() == expected


def one_face(**points: tuple[float, float]) -> np.ndarray:
    """A face of 68 points of which only `p<index>` are usable."""
    face = np.full((1, 68, 2), np.nan)
    for name, position in points.items():
        face[0, int(name[1:])] = position
    return face


@pytest.mark.parametrize(
    ("points", "status"),
    [
        ({}, TOO_FEW_POINTS),
        ({"p36": (3, 3)}, TOO_FEW_POINTS),
        ({"p35": (3, 3), "p42": (9, 9)}, TOO_FEW_POINTS),  # neighbours of the part are none of it
        ({"p36": (3, 3), "p41": (9, 9)}, KEPT),
        ({"p36": (3, 3), "p41": (4, 4)}, KEPT),
        ({"p36": (3, 3), "p41": (3.999, 9)}, UNDER_ONE_PIXEL),
        ({"p36": (3, 3), "p41": (9, 3)}, UNDER_ONE_PIXEL),
        ({"p36": (3, 3), "p41": (3, 3)}, UNDER_ONE_PIXEL),
        ({"p36": (-9, 3), "p41": (-3, 9)}, OUTSIDE),
        ({"p36": (-9, 3), "p41": (0, 9)}, OUTSIDE),
        ({"p36": (20, 3), "p41": (25, 9)}, OUTSIDE),
        ({"p36": (3, 31), "p41": (9, 39)}, OUTSIDE),
        ({"p36": (-9, 3), "p41": (0.5, 9)}, UNDER_ONE_PIXEL),  # what is left of it inside
        ({"p36": (-9, -9), "p41": (90, 90)}, KEPT),
    ],
)
def test_status_of_a_right_eye_in_an_image_of_20_by_30(points: dict[str, tuple[float, float]], status: int) -> None:
    boxes = clip_boxes(corrected_boxes(one_face(**points)), np.array([[20.0, 30.0]]))
    assert leave_out_small(boxes).status[0, PARTS.index("right eye")] == status


def test_a_box_is_cut_at_the_border_of_the_image() -> None:
    boxes = corrected_boxes(one_face(p36=(-4.5, 2.25), p41=(25.0, 31.0)))
    clipped = clip_boxes(boxes, np.array([[20.0, 30.0]]))
    assert clipped.xyxy[0, PARTS.index("right eye")].tolist() == [0, 2.25, 20, 30]
    assert boxes.xyxy[0, PARTS.index("right eye")].tolist() == [-4.5, 2.25, 25, 31]


def test_yolov5s_check_forgives_a_box_whose_centre_is_inside() -> None:
    boxes = corrected_boxes(one_face(p36=(-4, 2), p41=(10, 9)))
    assert leave_image(boxes, np.array([[20.0, 30.0]]), as_yolov5=False).tolist() == [True]
    assert leave_image(boxes, np.array([[20.0, 30.0]]), as_yolov5=True).tolist() == [False]


def test_no_faces_give_no_boxes() -> None:
    boxes = leave_out_small(clip_boxes(corrected_boxes(np.empty((0, 68, 2))), np.empty((0, 2))))
    assert boxes.xyxy.shape == (0, 11, 4) and boxes.status.shape == (0, 11)


def test_corners_to_centre_and_size() -> None:
    assert to_xywh(np.array([[2.0, 4.0, 5.0, 10.0]])).tolist() == [[3.5, 7.0, 3.0, 6.0]]
