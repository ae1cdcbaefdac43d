"""300-W and its kin: photos and `.pts` side by side, at any depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from uncover.data.faces import Face, Rejected, Visibility
from uncover.data.three_hundred_w import read_300w
from uncover.errors import InputError

if TYPE_CHECKING:
    from conftest import RawData


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
