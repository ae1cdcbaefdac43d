"""Folders of frames: grades, where labels are looked for, what is named and left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.data.conftest import frames_of
from uncover.data.faces import FrameFaces, Rejected
from uncover.data.frames import read_frames
from uncover.errors import InputError

if TYPE_CHECKING:
    from conftest import RawData


def test_grades_are_read_in_order_with_their_labels(raw: RawData) -> None:
    for grade in ("none", "hard"):
        raw.photo(f"{grade}/images/{grade}1.jpg")
        raw.write(f"{grade}/labels/{grade}1.txt", "0 0.5 0.5 0.2 0.4\n")
    raw.photo("hard/images/unlabelled.png")
    raw.write("hard/labels/empty.txt", "")
    raw.photo("hard/images/empty.jpg")
    frames = frames_of(raw.root)
    assert list(frames) == [
        "hard/images/empty.jpg",
        "hard/images/hard1.jpg",
        "hard/images/unlabelled.png",
        "none/images/none1.jpg",
    ]
    assert [frame.grade for frame in frames.values()] == ["hard", "hard", "hard", "none"]
    boxes = [frame.boxes for frame in frames.values()]
    assert boxes[0] is not None and len(boxes[0]) == 0, "somebody looked and saw no face"
    assert boxes[1] is not None and np.allclose(boxes[1], [[0.4, 0.3, 0.6, 0.7]])
    assert boxes[2] is None, "nobody looked"
    assert list(frames_of(raw.root, "none")) == ["none/images/none1.jpg"]


@pytest.mark.parametrize("folder", ["", "images/", "photos/"])
def test_a_folder_without_grades_is_read_too(raw: RawData, folder: str) -> None:
    raw.photo(f"{folder}b.jpg")
    raw.photo(f"{folder}sub/a.PNG")
    raw.write(f"{folder}notes.txt", "not an image")
    raw.write("labels/sub/a.txt", "0 0.5 0.5 0.2 0.4\n")
    frames = frames_of(raw.root)
    assert list(frames) == [f"{folder}b.jpg", f"{folder}sub/a.PNG"]
    assert {frame.grade for frame in frames.values()} == {""}
    assert [frame.boxes is None for frame in frames.values()] == [True, False]


def test_a_label_without_image_is_rejected(raw: RawData) -> None:
    raw.photo("hard/images/a.jpg")
    raw.write("hard/labels/a.txt", "")
    raw.write("hard/labels/orphan.txt", "0 0.5 0.5 0.2 0.4\n")
    frame, orphan = read_frames(raw.root)
    assert isinstance(frame, FrameFaces) and isinstance(orphan, Rejected)
    assert (orphan.file, orphan.reason) == ("hard/labels/orphan.txt", "missing_photo")


def test_a_bad_row_costs_its_own_frame_only(raw: RawData) -> None:
    for name in "ab":
        raw.photo(f"hard/images/{name}.jpg")
        raw.write(f"hard/labels/{name}.txt", "0 0.5 0.5 0.2 0.4\n")
    raw.write("hard/labels/a.txt", "0 0.5 0.5 0.2 0.4\n0 1 2\n")
    bad, good = read_frames(raw.root)
    assert isinstance(good, FrameFaces) and isinstance(bad, Rejected)
    assert (bad.file, bad.row, bad.photo) == ("hard/labels/a.txt", 2, "hard/images/a.jpg")


@pytest.mark.parametrize(("grade", "there"), [("hrad", "hard, none"), ("", "hard, none"), ("../none", "hard, none")])
def test_a_misspelt_grade_is_refused_with_those_there_are(raw: RawData, grade: str, there: str) -> None:
    raw.photo("hard/images/a.jpg")
    raw.photo("none/images/a.jpg")
    with pytest.raises(InputError, match=f"no grade '{grade}'.*grades found: {there}"):
        list(read_frames(raw.root, grade))


def test_a_grade_of_a_folder_without_grades_is_refused(raw: RawData) -> None:
    raw.photo("images/a.jpg")
    with pytest.raises(InputError, match="grades found: none"):
        list(read_frames(raw.root, "hard"))


@pytest.mark.parametrize("grade", [None, "hard"])
def test_an_empty_folder_is_refused(raw: RawData, grade: str | None) -> None:
    (raw.root / "hard/images").mkdir(parents=True)
    with pytest.raises(InputError, match="no image in it"):
        list(read_frames(raw.root, grade))


def test_an_empty_grade_beside_a_full_one_is_named_and_costs_nothing_else(raw: RawData) -> None:
    (raw.root / "easy/images").mkdir(parents=True)
    raw.photo("hard/images/a.jpg")
    empty, frame = read_frames(raw.root)
    assert isinstance(frame, FrameFaces) and isinstance(empty, Rejected)
    assert (empty.file, empty.reason) == ("easy/images", "empty_folder")


def test_a_folder_of_images_that_is_no_grade_is_not_passed_over_in_silence(raw: RawData) -> None:
    raw.photo("easy/images/a.jpg")
    raw.photo("hard/b.jpg")
    raw.write("notes/read_me.txt", "nothing to see")
    items = list(read_frames(raw.root))
    assert [item.photo for item in items if isinstance(item, FrameFaces)] == ["easy/images/a.jpg"]
    rejected = [(item.file, item.reason) for item in items if isinstance(item, Rejected)]
    assert rejected == [("hard", "unknown_folder")]
    assert [item for item in read_frames(raw.root, "easy") if isinstance(item, Rejected)] == []
