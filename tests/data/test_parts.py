"""The parts of both schemes, written out by hand; corrected boxes, against a slow loop over faces and parts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.data.parts import (
    CLASS_NAMES,
    CLASS_OF_PART,
    KEPT,
    OUTSIDE,
    PARTS,
    STATUS_NAMES,
    TOO_FEW_POINTS,
    UNDER_ONE_PIXEL,
    WHOLE_FACE,
    PartBoxes,
    clip_boxes,
    corrected_boxes,
    leave_image,
    leave_out_small,
    part_indices,
    to_xywh,
)

RIGHT_EYE_68 = [36, 37, 38, 39, 40, 41]
LEFT_EYE_68 = [42, 43, 44, 45, 46, 47]
NOSE_68 = [27, 28, 29, 30, 31, 32, 33, 34, 35]
RIGHT_FACE_68 = [0, 1, 2, 3, 4, 5, 6, 7]
LEFT_FACE_68 = [9, 10, 11, 12, 13, 14, 15, 16]
BROWS_68 = [17, 18, 19, 20, 21, 22, 23, 24, 25, 26]
MOUTH_68 = [48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67]

RIGHT_EYE_98 = [60, 61, 62, 63, 64, 65, 66, 67]
LEFT_EYE_98 = [68, 69, 70, 71, 72, 73, 74, 75]
NOSE_98 = [51, 52, 53, 54, 55, 56, 57, 58, 59]
RIGHT_FACE_98 = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
LEFT_FACE_98 = [18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32]
JAW_98 = [*RIGHT_FACE_98, 15, 16, 17, *LEFT_FACE_98]
BROWS_98 = [33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50]
MOUTH_98 = [76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95]

BY_HAND = {
    (68, "right eye"): RIGHT_EYE_68,
    (68, "left eye"): LEFT_EYE_68,
    (68, "nose"): NOSE_68,
    (68, "whole face"): [*RIGHT_FACE_68, 8, *LEFT_FACE_68, *BROWS_68],
    (68, "right face"): RIGHT_FACE_68,
    (68, "left face"): LEFT_FACE_68,
    (68, "brows"): BROWS_68,
    (68, "left eye face"): [*LEFT_EYE_68, *LEFT_FACE_68],
    (68, "right eye face"): [*RIGHT_EYE_68, *RIGHT_FACE_68],
    (68, "eyes nose"): [*RIGHT_EYE_68, *LEFT_EYE_68, *NOSE_68],
    (68, "mouth"): MOUTH_68,
    (98, "right eye"): RIGHT_EYE_98,
    (98, "left eye"): LEFT_EYE_98,
    (98, "nose"): NOSE_98,
    (98, "whole face"): [*JAW_98, *BROWS_98],
    (98, "right face"): RIGHT_FACE_98,
    (98, "left face"): LEFT_FACE_98,
    (98, "brows"): BROWS_98,
    (98, "left eye face"): [*LEFT_EYE_98, *LEFT_FACE_98],
    (98, "right eye face"): [*RIGHT_EYE_98, *RIGHT_FACE_98],
    (98, "eyes nose"): [*RIGHT_EYE_98, *LEFT_EYE_98, *NOSE_98],
    (98, "mouth"): MOUTH_98,
}


@pytest.mark.parametrize(("points", "part"), BY_HAND)
def test_a_part_is_made_of_the_points_that_the_thesis_names(points: int, part: str) -> None:
    assert sorted(part_indices(points)[part]) == sorted(BY_HAND[points, part])


@pytest.mark.parametrize("points", [68, 98])
def test_there_are_eleven_parts_in_the_order_of_label_files(points: int) -> None:
    assert tuple(part_indices(points)) == PARTS
    assert len(PARTS) == len(set(PARTS)) == 11


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(KeyError):
        part_indices(21)


def test_class_ids_are_those_of_the_thesis() -> None:
    assert CLASS_NAMES == (
        "eyes", "nose", "whole face", "right face", "left face",
        "brows", "left eye face", "right eye face", "eyes nose", "mouth",
    )  # fmt: skip
    assert WHOLE_FACE == 2
    assert dict(zip(PARTS, CLASS_OF_PART, strict=True)) == {
        "left eye": 0,
        "right eye": 0,
        "nose": 1,
        "whole face": 2,
        "right face": 3,
        "left face": 4,
        "brows": 5,
        "left eye face": 6,
        "right eye face": 7,
        "eyes nose": 8,
        "mouth": 9,
    }


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
