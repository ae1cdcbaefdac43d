"""WFLW's rows and folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.data.faces import Face, Rejected, RowError, Visibility
from uncover.data.wflw import parse_row, read_wflw
from uncover.errors import InputError

if TYPE_CHECKING:
    from conftest import RawData

GOOD = [f"{index}.25" for index in range(196)] + ["10", "20", "30", "40", "0", "1", "0", "0", "1", "0", "a/b.jpg"]


def changed(position: int, value: str) -> str:
    fields = list(GOOD)
    fields[position] = value
    return " ".join(fields)


numbers = st.floats(-1e6, 1e6, allow_nan=False)
names = st.from_regex(r"[0-9]{1,2}--[A-Za-z]{1,8}/[A-Za-z0-9_]{1,12}\.jpg", fullmatch=True)


@given(
    st.lists(numbers, min_size=196, max_size=196),
    st.lists(st.integers(-50, 4000), min_size=4, max_size=4),
    st.lists(st.sampled_from("01"), min_size=6, max_size=6),
    names,
)
def test_a_row_comes_back_exactly(values: list[float], rect: list[int], flags: list[str], name: str) -> None:
    line = " ".join([*map(repr, values), *map(str, rect), *flags, name]) + "\n"
    landmarks, attributes, photo = parse_row(line)
    assert landmarks.shape == (98, 2)
    assert [float(value) for point in landmarks for value in point] == values
    assert photo == name
    assert [attributes[key] for key in ("x_min", "y_min", "x_max", "y_max")] == [str(value) for value in rect]
    flag_names = ["large_pose", "expression", "illumination", "make_up", "occlusion", "blur"]
    assert [attributes[key] for key in flag_names] == flags


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", ["0 fields", "207"]),
        ("a.jpg", ["1 fields", "207"]),
        (" ".join(GOOD[1:]), ["206 fields", "207"]),
        (" ".join(["5", *GOOD]), ["208 fields", "207"]),
        (changed(206, "a b.jpg"), ["208 fields"]),
        (changed(0, "x"), ["coordinate 1 ", "'x'", "finite number"]),
        (changed(195, "1,5"), ["coordinate 196 ", "'1,5'"]),
        (changed(7, "nan"), ["coordinate 8 ", "'nan'"]),
        (changed(7, "-Infinity"), ["coordinate 8 ", "'-Infinity'"]),
        (changed(7, "1e999"), ["coordinate 8 ", "'1e999'"]),
        (changed(196, "left"), ["x_min", "'left'", "whole number"]),
        (changed(199, "40.5"), ["y_max", "'40.5'"]),
        (changed(199, "inf"), ["y_max", "'inf'"]),
        (changed(200, "2"), ["large_pose", "'2'", "0 or 1"]),
        (changed(205, "yes"), ["blur", "'yes'", "0 or 1"]),
        (changed(206, "/etc/a.jpg"), ["/etc/a.jpg", "not in WFLW_images"]),
        (changed(206, "a/../../b.jpg"), ["not in WFLW_images"]),
        (changed(3, "9" * 50 + "x"), ["coordinate 4 ", "'" + "9" * 40 + "'"]),
    ],
)
def test_a_malformed_row_says_what_was_expected(line: str, words: list[str]) -> None:
    with pytest.raises(RowError) as caught:
        parse_row(line)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250
    for word in words:
        assert word in str(caught.value)


@given(st.one_of(st.text(), st.lists(st.sampled_from(["1", "1e5", "nan", "x", "-"]), max_size=210).map(" ".join)))
def test_no_text_raises_anything_else(text: str) -> None:
    with pytest.raises(RowError):
        parse_row(text)


@given(st.integers(0, 206), st.text(max_size=12))
def test_no_damage_to_one_field_raises_anything_else(position: int, value: str) -> None:
    try:
        landmarks, attributes, name = parse_row(changed(position, value))
    except RowError as error:
        assert str(error)
    else:
        assert landmarks.shape == (98, 2) and np.isfinite(landmarks).all() and len(attributes) == 10 and name


def test_faces_are_read_from_both_parts_with_their_rows(raw: RawData) -> None:
    rows = raw.wflw(["0--A/a.jpg", "0--A/b.jpg", "0--A/a.jpg"], "train")
    raw.wflw(["1--B/c.jpg"], "test")
    faces = list(read_wflw(raw.root))
    assert all(isinstance(face, Face) for face in faces)
    read = [face for face in faces if isinstance(face, Face)]
    assert [(face.part, face.row, face.photo) for face in read] == [
        ("train", 1, "0--A/a.jpg"),
        ("train", 2, "0--A/b.jpg"),
        ("train", 3, "0--A/a.jpg"),
        ("test", 1, "1--B/c.jpg"),
    ]
    assert len({face.name for face in read}) == 4
    assert read[0].image == raw.root / "WFLW_images/0--A/a.jpg"
    assert read[0].annotation == "WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_train.txt"
    assert read[0].landmarks.ravel().tolist() == [float(value) for value in rows[0].split()[:196]]
    assert (read[0].visibility == Visibility.VISIBLE).all() and len(read[0].visibility) == 98
    assert read[0].attributes["expression"] == "1" and read[0].attributes["blur"] == "1"


def test_a_bad_row_is_rejected_with_its_number_and_photo_and_the_others_are_read(raw: RawData) -> None:
    good = raw.row(raw.points(98), "0--A/a.jpg")
    raw.wflw_list([good, "", "1 2 3 0--A/short.jpg", good.replace("0--A/a", "0--A/b"), "1 2 3"])
    found = list(read_wflw(raw.root))
    assert [isinstance(item, Face) for item in found] == [True, False, True, False]
    rejected = [item for item in found if isinstance(item, Rejected)]
    assert [(item.row, item.photo, item.reason) for item in rejected] == [
        (3, "0--A/short.jpg", "malformed_row"),
        (5, "", "malformed_row"),
    ]
    assert "list_98pt_rect_attr_test.txt, row 3: 4 fields; expected 207" in str(rejected[0])


def test_photos_may_stand_elsewhere(raw: RawData) -> None:
    raw.wflw(["0--A/a.jpg"])
    (face,) = read_wflw(raw.root, raw.root / "elsewhere")
    assert isinstance(face, Face) and face.image == raw.root / "elsewhere/0--A/a.jpg"


def test_a_folder_without_lists_is_refused(raw: RawData) -> None:
    raw.photo("WFLW_images/a.jpg")
    with pytest.raises(InputError, match="no list_98pt_rect_attr_train"):
        list(read_wflw(raw.root))


def test_two_lists_of_one_part_are_refused(raw: RawData) -> None:
    raw.wflw(["0--A/a.jpg"])
    raw.write("copy/list_98pt_rect_attr_test.txt", "")
    with pytest.raises(InputError, match="several list_98pt_rect_attr_test"):
        list(read_wflw(raw.root))


def test_endings_in_upper_case_and_a_mark_in_front_are_read(raw: RawData) -> None:
    raw.wflw(["0--A/a.jpg", "0--A/b.jpg"])
    for name in ("a", "b"):
        (raw.root / f"WFLW_images/0--A/{name}.jpg").rename(raw.root / f"WFLW_images/0--A/{name}.JPG")
    (path,) = raw.root.rglob("*.txt")
    path.rename(path.with_suffix(".TXT")).write_bytes(path.with_suffix(".TXT").read_text().encode("utf-8-sig"))
    faces = list(read_wflw(raw.root))
    assert [face.photo for face in faces] == ["0--A/a.jpg", "0--A/b.jpg"]
    assert all(isinstance(face, Face) and face.image.is_file() for face in faces)
