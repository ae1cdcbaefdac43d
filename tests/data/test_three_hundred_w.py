"""300-W and its kin: photos and `.pts` files side by side, at any depth; what is valid in these comes back exactly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from uncover.data.faces import Face, Rejected, RowError, Visibility
from uncover.data.three_hundred_w import parse_pts, read_300w
from uncover.errors import InputError

if TYPE_CHECKING:
    from conftest import RawData


GOOD_ROWS = [f"{index}.5 {2 * index}" for index in range(68)]


def text_of(rows: list[str], head: str = "version: 1\nn_points:  68\n{\n", tail: str = "}\n") -> str:
    return head + "".join(f"{row}\n" for row in rows) + tail


numbers = st.floats(-1e7, 1e7, allow_nan=False)


@given(st.lists(st.tuples(numbers, numbers), min_size=68, max_size=68))
def test_points_come_back_exactly(made: RawData, points: list[tuple[float, float]]) -> None:
    assert parse_pts(made.pts(points)).tolist() == [list(point) for point in points]


@pytest.mark.parametrize(
    "spelling",
    [
        str.upper,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(" ", "\t"),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("\n", " \n"),
        lambda text: text + "\n\n",
        lambda text: text.replace("{\n", "{\n\n"),
        lambda text: text.replace("version: 1\n", ""),
    ],
)
def test_spellings_seen_in_the_wild_are_read(spelling) -> None:  # type: ignore[no-untyped-def]
    text = spelling(text_of(GOOD_ROWS).replace("n_points", "N_POINTS")).replace("N_POINTS", "n_points")
    assert parse_pts(text).tolist() == [[index + 0.5, 2 * index] for index in range(68)]


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [
        ("", 0, ["empty", "68 points"]),
        (" \n\n", 0, ["empty"]),
        ("hello", 0, ["'{'"]),
        (text_of(GOOD_ROWS, head="version: 1\n{\n"), 2, ["no n_points", "68"]),
        (text_of(GOOD_ROWS, head="version: 1\nn_points: 98\n{\n"), 2, ["98", "68"]),
        (text_of(GOOD_ROWS, head="version: 1\nn_points: many\n{\n"), 2, ["n_points", "whole number"]),
        (text_of(GOOD_ROWS[:67]), 0, ["67 points", "68"]),
        (text_of([*GOOD_ROWS, "1 2"]), 0, ["69 points", "68"]),
        (text_of(GOOD_ROWS, tail=""), 0, ["68 points", "truncated"]),
        (text_of(GOOD_ROWS[:9], tail=""), 0, ["9 points", "truncated"]),
        (text_of([*GOOD_ROWS[:9], "7"], tail=""), 13, ["1 values", "expected 2"]),
        (text_of(["1 2 3", *GOOD_ROWS[1:]]), 4, ["3 values", "expected 2"]),
        (text_of([*GOOD_ROWS[:-1], "1"]), 71, ["1 values", "expected 2"]),
        (text_of([GOOD_ROWS[0], "1 x", *GOOD_ROWS[2:]]), 5, ["'x'", "finite number"]),
        (text_of([GOOD_ROWS[0], "nan 1", *GOOD_ROWS[2:]]), 5, ["'nan'", "finite number"]),
        (text_of([GOOD_ROWS[0], "1 -inf", *GOOD_ROWS[2:]]), 5, ["'-inf'", "finite number"]),
        (text_of([GOOD_ROWS[0], "1 1e999", *GOOD_ROWS[2:]]), 5, ["'1e999'", "finite number"]),
        (text_of([" ".join(GOOD_ROWS)]), 4, ["136 values", "expected 2"]),
        (text_of(["1", "2 3 4", *GOOD_ROWS[2:]]), 4, ["1 values", "expected 2"]),
    ],
)
def test_a_malformed_file_names_its_row_and_what_was_expected(text: str, row: int, words: list[str]) -> None:
    with pytest.raises(RowError) as caught:
        parse_pts(text)
    assert caught.value.row == row
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def assert_points_or_row_error(text: str) -> None:
    try:
        points = parse_pts(text)
    except RowError as error:
        assert 0 <= error.row <= len(text.splitlines()) + 2
        assert str(error) and len(str(error)) < 200
    else:
        assert points.shape == (68, 2) and np.isfinite(points).all()


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("{}\n :-.0123456789n_points"))))
@example("{}")
@example("}{")
@example("n_points: 68\n{\n}")
@example("n_points: 68{\n}\n{\n}")
def test_no_text_raises_anything_else(text: str) -> None:
    assert_points_or_row_error(text)


@given(st.data())
def test_no_damage_to_a_good_file_raises_anything_else(data: st.DataObject) -> None:
    text = text_of(GOOD_ROWS)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    damaged = text[:start] + data.draw(st.text(max_size=8)) + text[end:]
    assert_points_or_row_error(damaged)


@given(st.integers(0, len(text_of(GOOD_ROWS)) - 3))
def test_a_file_cut_anywhere_is_refused(cut: int) -> None:
    with pytest.raises(RowError):
        parse_pts(text_of(GOOD_ROWS)[:cut])


@given(st.integers(0, 67), st.integers(0, 1), st.sampled_from(["nan", "inf", "1,5", "--1", "", "0x10", "1e", "²"]))
def test_one_bad_number_anywhere_is_named_with_its_row(point: int, axis: int, value: str) -> None:
    rows = [row.split() for row in GOOD_ROWS]
    rows[point][axis] = value
    with pytest.raises(RowError) as caught:
        parse_pts(text_of([" ".join(row) for row in rows]))
    assert caught.value.row == point + 4
    assert not value or f"'{value}'" in str(caught.value)


def test_marks_are_left_as_written() -> None:
    points = parse_pts(text_of(["-1 -1", "-30.5 -40.25", *GOOD_ROWS[2:]]))
    assert points[:2].tolist() == [[-1, -1], [-30.5, -40.25]]
    assert not math.isnan(points.sum())


def test_pairs_are_found_at_any_depth_with_their_official_part(raw: RawData) -> None:
    for name in ("afw/1.jpg", "helen/trainset/a.jpg", "helen/testset/b.png", "lfpw/deep/testset/more/c.jpg"):
        raw.photo(name)
        raw.write(name.rpartition(".")[0] + ".pts", raw.pts(raw.points(68)))
    found = [face for face in read_300w(raw.root) if isinstance(face, Face)]
    assert {face.photo: (face.part, face.name, face.annotation) for face in found} == {
        "afw/1.jpg": ("", "afw/1", "afw/1.pts"),
        "helen/trainset/a.jpg": ("train", "helen/trainset/a", "helen/trainset/a.pts"),
        "helen/testset/b.png": ("test", "helen/testset/b", "helen/testset/b.pts"),
        "lfpw/deep/testset/more/c.jpg": ("test", "lfpw/deep/testset/more/c", "lfpw/deep/testset/more/c.pts"),
    }
    assert all(face.image == raw.root / face.photo for face in found)


def test_a_negative_number_is_a_point_outside_and_no_mark(raw: RawData) -> None:
    points = raw.points(68)
    points[:2] = [(-1, -1), (-7.5, 3)]
    raw.photo("a.jpg")
    raw.write("a.pts", raw.pts(points))
    (face,) = read_300w(raw.root)
    assert isinstance(face, Face)
    assert np.array_equal(face.landmarks, points) and (face.visibility == Visibility.VISIBLE).all()


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".bmp", ".JPG", ".PNG"])
def test_any_usual_suffix_is_found(raw: RawData, suffix: str) -> None:
    image = raw.photo(f"sub/a{suffix}")
    raw.write("sub/a.pts", raw.pts(raw.points(68)))
    (face,) = read_300w(raw.root)
    assert isinstance(face, Face) and face.image == image


def test_photos_may_stand_in_a_mirror_of_the_labels(raw: RawData) -> None:
    image = raw.photo("photos/sub/a.png")
    raw.write("labels/sub/a.pts", raw.pts(raw.points(68)))
    (face,) = read_300w(raw.root / "labels", raw.root / "photos")
    assert isinstance(face, Face) and face.image == image and face.photo == "sub/a.png"


def test_a_bad_file_is_rejected_and_named(raw: RawData) -> None:
    raw.write("sub/a.pts", "version: 1\nn_points: 5\n{\n1 2\n}\n")
    (item,) = read_300w(raw.root)
    assert isinstance(item, Rejected)
    assert (item.file, item.reason, item.photo) == ("sub/a.pts", "malformed_row", "sub/a.jpg")


def test_a_folder_without_points_is_refused(raw: RawData) -> None:
    with pytest.raises(InputError, match=r"no \.pts file"):
        list(read_300w(raw.root))


def test_endings_in_upper_case_and_marks_of_windows_are_read(raw: RawData) -> None:
    text = raw.pts(raw.points(68))
    raw.photo("a.JPG")
    raw.write("a.PTS", text.replace("\n", "\r\n").encode("utf-8-sig"))
    raw.photo("b.Png")
    raw.write("b.pts", text.encode("utf-16"))
    faces = list(read_300w(raw.root))
    assert [face.photo for face in faces] == ["a.JPG", "b.Png"]
    assert all(isinstance(face, Face) and face.image.is_file() for face in faces)
