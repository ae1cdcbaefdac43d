"""The released scripts' boxes, against their steps told one by one with OpenCV's boundingRect; what they change."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.data.parts import CLASS_OF_PART, KEPT, PARTS, TOO_FEW_POINTS, PartBoxes, to_xywh
from uncover.data.released_parts import compare_boxes, released_boxes
from uncover.data.yolo import label_lines

Marks = list[tuple[str, str]]

HALF_OPEN: dict[int, dict[str, list[tuple[int, int]]]] = {
    68: {
        "left eye": [(42, 47)],
        "right eye": [(36, 41)],
        "nose": [(27, 35)],
        "whole face": [(0, 26)],
        "right face": [(0, 7)],
        "left face": [(9, 16)],
        "brows": [(17, 26)],
        "left eye face": [(42, 47), (9, 16)],
        "right eye face": [(36, 41), (0, 7)],
        "eyes nose": [(42, 47), (36, 41), (27, 35)],
        "mouth": [(48, 67)],
    },
    98: {
        "left eye": [(68, 75)],
        "right eye": [(60, 67)],
        "nose": [(51, 59)],
        "whole face": [(0, 46)],
        "right face": [(0, 14)],
        "left face": [(18, 32)],
        "brows": [(33, 46)],
        "left eye face": [(68, 75), (18, 32)],
        "right eye face": [(60, 67), (0, 14)],
        "eyes nose": [(68, 75), (60, 67), (51, 59)],
        "mouth": [(76, 92)],
    },
}


def script_values(marks: Marks, part: str, width: int, height: int) -> tuple[float, float, float, float]:
    """Normalised centre and size, from coordinates as they stand in the file."""
    landmarks = []
    for x_text, y_text in marks:
        x, y = int(float(x_text)), int(float(y_text))
        if x == -1 or y == -1:
            continue
        landmarks.append([abs(x), abs(y)])
    chosen = []
    for first, last in HALF_OPEN[len(marks)][part]:
        chosen += landmarks[first:last]
    x, y, w, h = cv2.boundingRect(np.array(chosen, np.int32)) if chosen else (0, 0, 0, 0)
    return (x + w // 2) / width, (y + h // 2) / height, w / width, h / height


def as_arrays(marks: Marks) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks and external occlusion, read from the same marks as MERL-RAV explains them."""
    landmarks, external = [], []
    for x_text, y_text in marks:
        x, y = float(x_text), float(y_text)
        if x == y == -1:
            landmarks.append((np.nan, np.nan))
            external.append(False)
        else:
            landmarks.append((abs(x), abs(y)))
            external.append(x < 0 or y < 0)
    return np.array(landmarks)[None], np.array(external)[None]


def assert_equal_to_the_digit(marks: Marks, width: int, height: int) -> None:
    boxes = released_boxes(*as_arrays(marks))
    sides = np.array([width, height, width, height], np.float64)
    for column, part in enumerate(PARTS):
        expected = script_values(marks, part, width, height)
        assert tuple((to_xywh(boxes.xyxy[0, column]) / sides).tolist()) == expected, part
        line = label_lines([CLASS_OF_PART[column]], boxes.xyxy[:, column], width, height)[0]
        assert tuple(map(float, line.split()[1:])) == expected, part


@st.composite
def merl_rav_marks(draw: st.DrawFn) -> Marks:
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    hidden, covered = draw(st.sampled_from([0, 0.2, 0.7, 0.97])), draw(st.sampled_from([0, 0.5]))
    highest = draw(st.sampled_from([3, 40, 2000]))
    marks = []
    for x, y in random.uniform(1, highest, (68, 2)):
        if random.random() < hidden:
            marks.append(("-1", "-1"))
        elif random.random() < covered:
            marks.append((repr(-float(x)), repr(-float(y))))
        else:
            marks.append((repr(float(x)), repr(float(y))))
    return marks


@given(merl_rav_marks(), st.integers(1, 3000), st.integers(1, 3000))
def test_68_points_equal_the_scripts_to_the_digit(marks: Marks, width: int, height: int) -> None:
    assert_equal_to_the_digit(marks, width, height)


@given(st.integers(0, 2**32 - 1), st.integers(1, 3000), st.integers(1, 3000))
def test_98_points_equal_the_scripts_to_the_digit(seed: int, width: int, height: int) -> None:
    points = np.random.default_rng(seed).uniform(0, 2000, (98, 2))
    assert_equal_to_the_digit([(repr(float(x)), repr(float(y))) for x, y in points], width, height)


@pytest.mark.parametrize("left", [0, 5, 37, 60])
def test_a_part_without_points_is_a_rectangle_of_zeros(left: int) -> None:
    marks = [(str(10 + number), str(20 + number)) for number in range(left)] + [("-1", "-1")] * (68 - left)
    assert_equal_to_the_digit(marks, 100, 100)
    boxes = released_boxes(*as_arrays(marks))
    assert (boxes.xyxy[0, PARTS.index("mouth")] == 0).all() == (left <= 48)


def test_the_last_point_of_a_part_is_lost() -> None:
    marks = [(str(index), str(2 * index)) for index in range(68)]
    box = released_boxes(*as_arrays(marks)).xyxy[0, PARTS.index("right eye")]
    # Points 36 to 40: 5 wide and 9 high by boundingRect; the centre is cut down to whole pixels.
    assert to_xywh(box).tolist() == [38, 76, 5, 9]


def test_a_hidden_point_moves_every_later_index() -> None:
    whole = [(str(10 * index), str(7 * index)) for index in range(68)]
    one_less = [("-1", "-1"), *whole[1:]]
    box = released_boxes(*as_arrays(one_less)).xyxy[0, PARTS.index("right eye")]
    moved = [("0", "0"), *whole[2:], ("0", "0")]
    assert box.tolist() == released_boxes(*as_arrays(moved)).xyxy[0, PARTS.index("right eye")].tolist()


def test_a_covered_point_at_the_first_pixel_is_taken_for_a_hidden_one() -> None:
    """int(-1.7) is -1, which the scripts take for the mark of self-occlusion."""
    marks = [(str(10 * index + 2), str(7 * index + 2)) for index in range(68)]
    marks[3] = ("-1.7", "-300.0")
    assert_equal_to_the_digit(marks, 640, 480)


LEFT_EYE, RIGHT_EYE, NOSE, MOUTH = (PARTS.index(part) for part in ("left eye", "right eye", "nose", "mouth"))


def all_boxes(faces: int) -> PartBoxes:
    corners = np.tile(np.array([0.0, 0.0, 10.0, 10.0]), (faces, len(PARTS), 1))
    return PartBoxes(corners, np.full((faces, len(PARTS)), KEPT, np.uint8))


def by_class(
    corrected: PartBoxes, released: PartBoxes, shifted: list[bool]
) -> dict[object, dict[str, str | int | float | None]]:
    return {row["Class"]: row for row in compare_boxes(corrected, released, np.array(shifted), "some")}


def test_equal_boxes_are_nowhere_else() -> None:
    rows = by_class(all_boxes(2), all_boxes(2), [True, False])
    assert len(rows) == 10
    assert rows["eyes"]["Boxes"] == 4 and rows["eyes"]["Boxes of shifted faces"] == 2
    for row in rows.values():
        assert (row["Faces"], row["Mean IoU"], row["Elsewhere"], row["Share"], row["Added"]) == ("some", 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("box", "iou", "elsewhere"),
    [
        ((0, 0, 10, 5), 0.5, 0),  # half of it: exactly at the limit
        ((0, 0, 10, 4.9), 0.49, 1),
        ((5, 0, 15, 10), 1 / 3, 1),
        ((10, 0, 20, 10), 0.0, 1),  # they touch
        ((30, 30, 40, 40), 0.0, 1),
        ((0, 0, 0, 0), 0.0, 1),
        ((-5, -5, 15, 15), 0.25, 1),
    ],
)
def test_overlap_of_one_box(box: tuple[float, ...], iou: float, elsewhere: int) -> None:
    released = all_boxes(1)
    released.xyxy[0, NOSE] = box
    row = by_class(all_boxes(1), released, [True])["nose"]
    assert row["Mean IoU"] == pytest.approx(iou)
    assert row["Elsewhere"] == elsewhere == row["Share"] == row["Share of shifted faces"]


def test_boxes_that_only_the_scripts_have_are_counted_apart() -> None:
    corrected, released = all_boxes(2), all_boxes(2)
    corrected.status[0, LEFT_EYE] = TOO_FEW_POINTS
    corrected.xyxy[0, LEFT_EYE] = np.nan
    corrected.status[:, MOUTH] = TOO_FEW_POINTS
    released.xyxy[1, RIGHT_EYE] = (90, 90, 99, 99)
    rows = by_class(corrected, released, [True, False])
    eyes, mouth = rows["eyes"], rows["mouth"]
    assert (eyes["Boxes"], eyes["Elsewhere"], eyes["Added"]) == (3, 1, 1)
    assert eyes["Share"] == pytest.approx(1 / 3) and eyes["Mean IoU"] == pytest.approx(2 / 3)
    assert (eyes["Boxes of shifted faces"], eyes["Share of shifted faces"]) == (1, 0)
    assert (mouth["Boxes"], mouth["Mean IoU"], mouth["Share"], mouth["Added"]) == (0, None, None, 2)
