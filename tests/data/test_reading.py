"""Annotations joined with their photos: nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from uncover.data.faces import COLUMNS, Face, Rejected, landmark_arrays, read_faces_table
from uncover.data.merl_rav import read_merl_rav
from uncover.data.reading import photo_ids, read_raw, to_faces_table
from uncover.data.wflw import read_wflw
from uncover.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import RawData


def reasons(rejected: list[Rejected]) -> list[tuple[str, int, str]]:
    return [(item.file.rpartition("/")[2], item.row, item.reason) for item in rejected]


# Ids of photos


@pytest.mark.parametrize(
    ("keys", "ids"),
    [
        (["image00019"], ["image00019"]),
        (["0--A/a.jpg", "1--B/b.jpg"], ["a", "b"]),
        (["0--A/a.jpg", "1--B/a.jpg", "1--B/b.jpg"], ["0--A__a_jpg", "1--B__a_jpg", "b"]),
        (["a.jpg", "a.png"], ["a_jpg", "a_png"]),
        (["x/A.jpg", "y/a.jpg"], ["x__A_jpg", "y__a_jpg"]),
    ],
)
def test_an_id_is_the_bare_name_where_that_is_unique(keys: list[str], ids: list[str]) -> None:
    assert photo_ids(set(keys)) == dict(zip(keys, ids, strict=True))


@example({"x/a.b.jpg", "y/a.b.jpg", "x/a_b.jpg", "y/a_b.jpg"})
@example({"x/a.jpg", "y/a.jpg", "x__a_jpg.png"})
@example({"x/a.jpg", "X/a.jpg"})
@given(st.sets(st.from_regex(r"([ab_A]{1,3}/){0,2}[ab_.]{1,4}\.(jpg|png)", fullmatch=True), max_size=12))
def test_no_two_photos_share_an_id_or_a_file_name(keys: set[str]) -> None:
    ids = photo_ids(keys)
    assert ids.keys() == keys
    assert len({name.casefold() for name in ids.values()}) == len(keys)
    assert not any("/" in name for name in ids.values())


# Photos of faces


def test_two_photos_of_one_name_are_two_photos(raw: RawData) -> None:
    raw.wflw(["0--A/a.jpg", "1--B/a.jpg", "1--B/a.jpg"])
    reading = read_raw(read_wflw(raw.root), raw.root)
    assert [photo.photo for _, photo in reading.items] == ["0--A__a_jpg", "1--B__a_jpg", "1--B__a_jpg"]


@pytest.mark.parametrize(
    ("spoil", "kept", "rejected"),
    [
        (lambda raw: None, ["image00001_1", "image00001_2"], []),
        (
            lambda raw: raw.photo("frontal/trainset/image00001_2.jpg", width=100),
            ["image00001_1"],
            [("image00001_2.pts", 0, "copies_differ")],
        ),
        (
            lambda raw: (raw.root / "frontal/trainset/image00001_1.jpg").unlink(),
            ["image00001_2"],
            [("image00001_1.pts", 0, "missing_photo")],
        ),
        (
            lambda raw: raw.write("frontal/trainset/image00001_2.jpg", b""),
            ["image00001_1"],
            [("image00001_2.pts", 0, "empty_photo")],
        ),
    ],
)
def test_copies_of_one_photo(raw: RawData, spoil, kept: list[str], rejected: list[tuple[str, int, str]]) -> None:  # type: ignore[no-untyped-def]
    raw.merl_rav(["image00001_1", "image00001_2"])
    spoil(raw)
    reading = read_raw(read_merl_rav(raw.root), raw.root)
    assert [face.name for face, _ in reading.items if isinstance(face, Face)] == kept
    assert reasons(reading.rejected) == rejected
    assert len({photo.image for _, photo in reading.items}) == 1, "the first sound copy stands for all"


def test_copies_in_both_official_parts_are_one_photo(raw: RawData) -> None:
    raw.merl_rav(["image00001_1"], "frontal/trainset")
    raw.merl_rav(["image00001_2"], "left/testset")
    reading = read_raw(read_merl_rav(raw.root), raw.root)
    assert {photo.photo for _, photo in reading.items} == {"image00001"}
    assert len({photo.image for _, photo in reading.items}) == 1


def test_without_looking_missing_photos_go_unnoticed(raw: RawData) -> None:
    raw.wflw_list([raw.row(raw.points(98), "0--A/a.jpg")])
    with pytest.raises(
        InputError, match=r"contains nothing usable, 1 rejected.*row 1: photo .*0--A/a\.jpg does not exist"
    ):
        read_raw(read_wflw(raw.root), raw.root)
    table, rejected = to_faces_table(read_raw(read_wflw(raw.root), raw.root, look_at_photos=False), "wflw")
    assert not rejected and table[["width", "height"]].to_numpy().tolist() == [[0, 0]]


def test_a_raw_data_set_without_any_face_is_refused(raw: RawData) -> None:
    raw.wflw_list([])
    with pytest.raises(InputError, match="contains no annotation"):
        read_raw(read_wflw(raw.root), raw.root)


# The table of faces


def test_a_table_holds_what_was_read_and_comes_back_from_a_file(raw: RawData, tmp_path: Path) -> None:
    raw.merl_rav(["image00001_1", "image00001_2", "image00002"])
    points = raw.points(68)
    points[5] = (-1, -1)
    raw.write("frontal/trainset/image00002.pts", raw.pts(points))
    table, rejected = to_faces_table(read_raw(read_merl_rav(raw.root), raw.root), "merl")
    table.to_parquet(tmp_path / "faces.parquet")
    again = read_faces_table(tmp_path / "faces.parquet")
    assert tuple(again.columns) == COLUMNS and not rejected
    assert list(again["photo"]) == ["image00001", "image00001", "image00002"]
    landmarks, visibility = landmark_arrays(again)
    points[5] = np.nan
    assert np.array_equal(landmarks[2], points, equal_nan=True)
    assert visibility[2].tolist() == [0] * 5 + [2] + [0] * 62
    assert set(zip(again["width"], again["height"], strict=True)) == {(120, 90)}


def test_the_same_face_twice_is_kept_once_and_the_other_recorded(raw: RawData) -> None:
    rows = raw.wflw(["0--A/a.jpg", "0--A/b.jpg"])
    raw.wflw_list([rows[0], rows[1], rows[0]])
    table, rejected = to_faces_table(read_raw(read_wflw(raw.root), raw.root), "wflw")
    assert list(table["row"]) == [1, 2]
    assert reasons(rejected) == [("list_98pt_rect_attr_test.txt", 3, "duplicate_face")]


def test_without_merging_each_face_has_an_id_of_its_own(raw: RawData) -> None:
    raw.wflw(["0--A/a.jpg", "0--A/b.jpg", "0--A/a.jpg"])
    table, _ = to_faces_table(read_raw(read_wflw(raw.root), raw.root), "wflw", merge=False)
    assert list(table["photo"]) == ["a__1", "b__1", "a__2"]
    assert table["image"].nunique() == 2


DEFECTS = ("good", "short", "word", "missing", "empty", "text", "twice")


@given(st.lists(st.sampled_from(DEFECTS), min_size=1, max_size=8))
def test_read_is_kept_plus_rejected_whatever_is_wrong(made: RawData, defects: list[str]) -> None:
    rows = []
    for number, defect in enumerate(defects):
        name = f"0--A/{number}_{defect}.jpg"
        if defect == "empty":
            made.write(f"rows/WFLW_images/{name}", b"")
        elif defect == "text":
            made.write(f"rows/WFLW_images/{name}", b"no photo")
        elif defect != "missing":
            made.photo(f"rows/WFLW_images/{name}", width=30, height=30)
        row = made.row(made.points(98, number), name)
        if defect == "short":
            row = row.partition(" ")[2]
        if defect == "word":
            row = row.replace(" ", " x ", 1)
        rows += [row, row] if defect == "twice" else [row]
    made.write("rows/list_98pt_rect_attr_train.txt", "\n".join(rows))

    def items() -> Iterator[Face | Rejected]:
        return read_wflw(made.root / "rows")

    usable = [defect for defect in defects if defect in ("good", "twice")]
    if not usable:
        with pytest.raises(InputError, match="nothing usable"):
            read_raw(items(), made.root)
        return
    table, rejected = to_faces_table(read_raw(items(), made.root), "wflw")
    assert len(table) == len(usable)
    assert len(table) + len(rejected) == len(rows)
    assert len({(item.file, item.row) for item in rejected}) == len(rejected)
    assert all(item.reason and item.detail and item.file == "list_98pt_rect_attr_train.txt" for item in rejected)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "does not exist"), (b"", "Parquet"), (b"PAR1 no", "Parquet"), (b"a,b\n1,2\n", "Parquet")],
)
def test_what_is_no_table_of_faces_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "faces.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_faces_table(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_table_of_something_else_is_refused(tmp_path: Path, raw: RawData) -> None:
    raw.wflw(["0--A/a.jpg"])
    table, _ = to_faces_table(read_raw(read_wflw(raw.root), raw.root), "wflw")
    table.drop(columns="landmarks").to_parquet(tmp_path / "faces.parquet")
    with pytest.raises(InputError, match="no column landmarks"):
        read_faces_table(tmp_path / "faces.parquet")
