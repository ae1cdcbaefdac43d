"""MERL-RAV: its marks, and its two trees."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.data.faces import Face, Rejected, Visibility
from uncover.data.merl_rav import interpret_marks, read_merl_rav
from uncover.errors import InputError

if TYPE_CHECKING:
    from conftest import RawData

VISIBLE, EXTERNAL, SELF = Visibility.VISIBLE, Visibility.EXTERNALLY_OCCLUDED, Visibility.SELF_OCCLUDED


@pytest.mark.parametrize(
    ("mark", "position", "visibility"),
    [
        ((30.5, 40.25), (30.5, 40.25), VISIBLE),
        ((0, 0), (0, 0), VISIBLE),
        ((-30.5, -40.25), (30.5, 40.25), EXTERNAL),
        ((-1, -1), None, SELF),
        ((-1.0, -1.0), None, SELF),
        ((-1, -5), (1, 5), EXTERNAL),
        ((-5, -1), (5, 1), EXTERNAL),
        ((-1.5, -1), (1.5, 1), EXTERNAL),
        ((-0.5, -40), (0.5, 40), EXTERNAL),
        ((-1, 1), (1, 1), EXTERNAL),
        ((1, 1), (1, 1), VISIBLE),
        ((-0.0, -40), (0, 40), EXTERNAL),
    ],
)
def test_a_mark_means(mark: tuple[float, float], position: tuple[float, float] | None, visibility: Visibility) -> None:
    landmarks, marks = interpret_marks(np.array([mark], np.float64))
    assert marks.tolist() == [visibility]
    assert landmarks.dtype == np.float64 and marks.dtype == np.uint8
    if position is None:
        assert np.isnan(landmarks).all()
    else:
        assert landmarks.tolist() == [list(position)]


@given(st.lists(st.tuples(st.floats(-3000, 3000), st.floats(-3000, 3000)), min_size=1, max_size=68))
def test_only_self_occluded_points_lose_their_position(points: list[tuple[float, float]]) -> None:
    landmarks, marks = interpret_marks(np.array(points))
    for (x, y), position, mark in zip(points, landmarks.tolist(), marks.tolist(), strict=True):
        if (x, y) == (-1, -1):
            assert mark == SELF and all(map(math.isnan, position))
        else:
            assert position == [abs(x), abs(y)]
            assert mark == (EXTERNAL if x < 0 or y < 0 else VISIBLE)


def faces_of(root: RawData, photos: bool = False) -> list[Face]:
    found = list(read_merl_rav(root.root, root.root / "aflw" if photos else None))
    assert all(isinstance(face, Face) for face in found)
    return [face for face in found if isinstance(face, Face)]


@pytest.mark.parametrize("above", ["", "merl_rav_organized/"])
def test_the_organised_tree_has_photo_and_points_side_by_side(raw: RawData, above: str) -> None:
    raw.merl_rav(["image00007", "image00019_1", "image00019_2"], f"{above}frontal/trainset")
    raw.merl_rav(["image00019_3"], f"{above}righthalf/testset")
    faces = {face.name: face for face in faces_of(raw)}
    assert {name: (face.photo, face.part, face.attributes["pose"]) for name, face in faces.items()} == {
        "image00007": ("image00007", "train", "frontal"),
        "image00019_1": ("image00019", "train", "frontal"),
        "image00019_2": ("image00019", "train", "frontal"),
        "image00019_3": ("image00019", "test", "righthalf"),
    }
    assert faces["image00019_3"].image == raw.root / f"{above}righthalf/testset/image00019_3.jpg"
    assert faces["image00019_3"].annotation == f"{above}righthalf/testset/image00019_3.pts"
    assert faces["image00007"].row == 0


@pytest.mark.parametrize("flickr", ["aflw/flickr", "aflw", "aflw/data/flickr", "aflw/aflw/data/flickr"])
def test_the_label_tree_finds_aflws_photos_in_their_three_folders(raw: RawData, flickr: str) -> None:
    for name, folder in [("image00001", "0"), ("image00002", "2"), ("image00003", "3")]:
        raw.photo(f"{flickr}/{folder}/{name}.jpg")
    for name in ("image00001", "image00002_1", "image00002_4", "image00003", "image00009"):
        raw.write(f"merl_rav_labels/left/trainset/labels/{name}.pts", raw.pts(raw.points(68)))
    images = {face.name: face.image.relative_to(raw.root / flickr).as_posix() for face in faces_of(raw, photos=True)}
    assert images == {
        "image00001": "0/image00001.jpg",
        "image00002_1": "2/image00002.jpg",
        "image00002_4": "2/image00002.jpg",
        "image00003": "3/image00003.jpg",
        "image00009": "0/image00009.jpg",  # nowhere: the first place is where it is said to be missing
    }


def test_points_are_read_with_their_marks(raw: RawData) -> None:
    points = raw.points(68)
    points[:3] = [(-1, -1), (-20.5, -30.5), (-1, -5)]
    raw.write("left/testset/image00001.pts", raw.pts(points))
    (face,) = faces_of(raw)
    assert face.visibility.tolist() == [SELF, EXTERNAL, EXTERNAL, *[VISIBLE] * 65]
    assert np.isnan(face.landmarks[0]).all()
    assert face.landmarks[1:].tolist() == [[20.5, 30.5], [1, 5], *points[3:].tolist()]


@pytest.mark.parametrize("stem", ["photo1", "image", "image00001_", "image00001_1_2", "image00001 copy", "Image00001"])
def test_a_name_of_another_kind_is_rejected(raw: RawData, stem: str) -> None:
    raw.write(f"left/testset/{stem}.pts", raw.pts(raw.points(68)))
    (item,) = read_merl_rav(raw.root)
    assert isinstance(item, Rejected)
    assert item.reason == "malformed_name" and f"'{stem}.pts'" in item.detail and "imageNNNNN" in item.detail


def test_a_malformed_file_is_rejected_and_the_others_are_read(raw: RawData) -> None:
    raw.merl_rav(["image00001", "image00002"])
    text = raw.pts(raw.points(68)).splitlines()
    raw.write("frontal/trainset/image00002.pts", "\n".join([*text[:20], "12", *text[21:]]))
    good, bad = read_merl_rav(raw.root)
    assert isinstance(good, Face) and isinstance(bad, Rejected)
    assert (bad.file, bad.row, bad.photo) == ("frontal/trainset/image00002.pts", 21, "image00002")


def test_a_name_names_one_face_so_the_second_of_a_name_is_rejected(raw: RawData) -> None:
    raw.merl_rav(["image00001"], "frontal/trainset")
    raw.merl_rav(["image00001"], "left/testset")
    face, twin = read_merl_rav(raw.root)
    assert isinstance(face, Face) and isinstance(twin, Rejected)
    assert (twin.file, twin.reason) == ("left/testset/image00001.pts", "duplicate_name")
    assert "frontal/trainset/image00001.pts" in twin.detail


def test_bytes_that_are_no_text_are_rejected(raw: RawData) -> None:
    raw.write("frontal/trainset/image00002.pts", bytes(range(256)))
    (item,) = read_merl_rav(raw.root)
    assert isinstance(item, Rejected) and item.reason == "malformed_row"


def test_a_folder_without_poses_is_refused(raw: RawData) -> None:
    raw.photo("images/image00001.jpg")
    with pytest.raises(InputError, match="expected a MERL-RAV tree"):
        list(read_merl_rav(raw.root))


def test_a_folder_that_is_no_pose_is_not_passed_over_in_silence(raw: RawData) -> None:
    raw.merl_rav(["image00001"])
    raw.merl_rav(["image00002"], "frontl/trainset")
    items = list(read_merl_rav(raw.root))
    assert [item.name for item in items if isinstance(item, Face)] == ["image00001"]
    rejected = [item for item in items if isinstance(item, Rejected)]
    assert [(item.file, item.reason) for item in rejected] == [("frontl", "unknown_folder")]
    assert "expected frontal" in rejected[0].detail


def test_endings_in_upper_case_are_read(raw: RawData) -> None:
    raw.photo("frontal/trainset/image00001.JPG")
    raw.write("frontal/trainset/image00001.PTS", raw.pts(raw.points(68)).encode("utf-8-sig"))
    raw.photo("flickr/2/image00002.JPG")
    raw.write("left/testset/labels/image00002.PTS", raw.pts(raw.points(68)))
    faces = faces_of(raw)
    assert [face.photo for face in faces] == ["image00001", "image00002"]
    assert all(face.image.is_file() for face in faces)
