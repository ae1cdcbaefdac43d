"""Frames: grades, YOLO labels, COCO files, plain folders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.errors import InputError
from uncover.faces.face import Frame, Rejected, RowError
from uncover.faces.frames import parse_coco, parse_yolo, read_frames

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import RawData

shares = st.floats(0, 1, allow_nan=False)
sides = st.floats(1e-6, 1, allow_nan=False)


def frames_of(root: Path, grade: str | None = None) -> dict[str, Frame]:
    found = list(read_frames(root, grade))
    assert all(isinstance(frame, Frame) for frame in found), found
    return {frame.photo: frame for frame in found if isinstance(frame, Frame)}


# YOLO labels


@given(st.lists(st.tuples(shares, shares, sides, sides), max_size=6))
def test_yolo_boxes_come_back(boxes: list[tuple[float, float, float, float]]) -> None:
    found = parse_yolo("".join(f"0 {x!r} {y!r} {w!r} {h!r}\n" for x, y, w, h in boxes))
    assert found.shape == (len(boxes), 4) and found.dtype == np.float64
    assert found.tolist() == [[x - w / 2, y - h / 2, x + w / 2, y + h / 2] for x, y, w, h in boxes]


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [
        ("0 0.5 0.5 0.1", 1, ["4 values", "expected 5"]),
        ("0 0.5 0.5 0.1 0.1 0.9", 1, ["6 values", "expected 5"]),
        ("0 0.5 0.5 0.1 0.1\n\n0 0.5 0.5 0.1 x", 3, ["not a number"]),
        ("face 0.5 0.5 0.1 0.1", 1, ["not a number"]),
        ("1 0.5 0.5 0.1 0.1", 1, ["class 1 is unknown", "0"]),
        ("nan 0.5 0.5 0.1 0.1", 1, ["class nan is unknown"]),
        ("0 0.5 0.5 nan 0.1", 1, ["between 0 and 1"]),
        ("0 inf 0.5 0.1 0.1", 1, ["between 0 and 1"]),
        ("0 0.5 0.5 0.1 1.01", 1, ["between 0 and 1"]),
        ("0 -0.1 0.5 0.1 0.1", 1, ["between 0 and 1"]),
        ("0 320 240 64 48", 1, ["between 0 and 1"]),
        ("0 0.5 0.5 0 0.1", 1, ["no area"]),
    ],
)
def test_a_malformed_yolo_row_is_named(text: str, row: int, words: list[str]) -> None:
    with pytest.raises(RowError) as caught:
        parse_yolo(text)
    assert caught.value.row == row
    for word in words:
        assert word in str(caught.value)


@given(st.one_of(st.text(), st.lists(st.sampled_from(["0", "0.5", "1", "2", "nan", "\n", "x"])).map(" ".join)))
def test_no_text_raises_anything_but_a_row_error(text: str) -> None:
    try:
        boxes = parse_yolo(text)
    except RowError as error:
        assert 1 <= error.row <= len(text.splitlines()) and "\n" not in str(error)
    else:
        assert boxes.shape == (sum(1 for line in text.splitlines() if line.split()), 4)


# COCO files


def coco(images: dict[str, list[list[float]]], categories: list[dict] | None = None) -> dict:
    annotations = [
        {"id": 10 * image + number, "image_id": image, "category_id": 1, "bbox": box}
        for image, boxes in enumerate(images.values())
        for number, box in enumerate(boxes)
    ]
    return {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(images)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "face"}] if categories is None else categories,
    }


pixels = st.floats(0, 5000, allow_nan=False)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,5}\.jpg", fullmatch=True),
        st.lists(st.tuples(pixels, pixels, sides, sides).map(list), max_size=3),
        max_size=4,
    )
)
def test_coco_boxes_come_back(images: dict[str, list[list[float]]]) -> None:
    found = parse_coco(json.loads(json.dumps(coco(images))))
    assert found.keys() == images.keys()
    for name, boxes in images.items():
        mine = found[name]
        assert isinstance(mine, np.ndarray) and mine.shape == (len(boxes), 4)
        assert mine.tolist() == [[x, y, x + w, y + h] for x, y, w, h in boxes]


def test_only_the_category_face_counts() -> None:
    content = coco({"a.jpg": [[1, 2, 3, 4]]}, [{"id": 1, "name": "hand"}, {"id": 7, "name": "Infant Face"}])
    content["annotations"].append({"id": 5, "image_id": 0, "category_id": 7, "bbox": [5, 6, 7, 8]})
    boxes = parse_coco(content)["a.jpg"]
    assert isinstance(boxes, np.ndarray) and boxes.tolist() == [[5, 6, 12, 14]]


@pytest.mark.parametrize("categories", [[], [{"id": 1, "name": "baby"}]])
def test_a_single_category_is_the_face_whatever_its_name(categories: list[dict]) -> None:
    boxes = parse_coco(coco({"a.jpg": [[1, 2, 3, 4]]}, categories))["a.jpg"]
    assert isinstance(boxes, np.ndarray) and boxes.tolist() == [[1, 2, 4, 6]]


def test_several_categories_without_a_face_are_refused() -> None:
    with pytest.raises(ValueError, match="none is called 'face'"):
        parse_coco(coco({"a.jpg": []}, [{"id": 1, "name": "hand"}, {"id": 2, "name": "hat"}]))


COCO_KEYS = ("images", "annotations", "categories", "id", "file_name", "image_id", "bbox", "category_id", "name")
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.just(10**400)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(COCO_KEYS), inner)),
    max_leaves=12,
)


@given(st.data())
def test_whatever_stands_in_a_coco_file_it_is_read_or_refused_in_one_line(made: RawData, data: st.DataObject) -> None:
    content = coco({"a.jpg": [[1, 2, 3, 4]], "b.jpg": []})
    kind = data.draw(st.sampled_from(["images", "annotations", "categories"]))
    if content[kind] and data.draw(st.booleans()):
        entry = content[kind][0]
        entry[data.draw(st.sampled_from(sorted(entry)))] = data.draw(json_values)
    else:
        content[kind] = data.draw(json_values)
    made.photo("coco/images/a.jpg")
    made.write("coco/faces.json", json.dumps(content))
    try:
        found = list(read_frames(made.root / "coco"))
    except InputError as error:
        assert "faces.json" in str(error) and "\n" not in str(error)
    else:
        assert {item.photo for item in found} >= {"images/a.jpg"}


def write_graded_coco(raw: RawData, content: dict) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        raw.photo(f"hard/images/{name}")
    raw.write("hard/faces.json", json.dumps(content))


def test_coco_in_a_grade_gives_boxes_in_pixels(raw: RawData) -> None:
    write_graded_coco(raw, coco({"a.jpg": [[10, 20, 30, 40]], "b.jpg": []}))
    frames = frames_of(raw.root)
    assert {photo: frame.annotation for photo, frame in frames.items()} == {
        "hard/images/a.jpg": "hard/faces.json",
        "hard/images/b.jpg": "hard/faces.json",
        "hard/images/c.jpg": "",
    }
    boxes = [frames[f"hard/images/{name}.jpg"].boxes for name in "abc"]
    assert boxes[0] is not None and boxes[0].tolist() == [[10, 20, 40, 60]]
    assert boxes[1] is not None and boxes[1].shape == (0, 4)
    assert boxes[2] is None
    assert not frames["hard/images/a.jpg"].normalised


def test_coco_names_may_start_at_the_folder_of_the_file(raw: RawData) -> None:
    write_graded_coco(raw, coco({"images/a.jpg": [[10, 20, 30, 40]]}))
    boxes = frames_of(raw.root)["hard/images/a.jpg"].boxes
    assert boxes is not None and boxes.tolist() == [[10, 20, 40, 60]]


def test_an_image_that_coco_lists_and_nobody_has_is_rejected(raw: RawData) -> None:
    write_graded_coco(raw, coco({"a.jpg": [], "gone.jpg": [[10, 20, 30, 40]]}))
    (item,) = (item for item in read_frames(raw.root) if isinstance(item, Rejected))
    assert (item.file, item.reason) == ("hard/faces.json", "missing_photo") and "gone.jpg" in item.detail


@pytest.mark.parametrize(
    "box",
    [
        [1, 2, 3],
        [1, 2, 3, 4, 5],
        [1, 2, 0, 4],
        [1, 2, 3, -4],
        [1, float("nan"), 3, 4],
        ["x", 2, 3, 4],
        None,
        [10**400] * 4,
    ],
    ids=lambda box: str(box)[:20],
)
def test_a_bad_coco_box_costs_its_own_image_only(raw: RawData, box: object) -> None:
    content = coco({"a.jpg": [[10, 20, 30, 40]], "b.jpg": [[1, 2, 3, 4]], "c.jpg": []})
    content["annotations"][1]["bbox"] = box
    write_graded_coco(raw, content)
    found = {item.photo: item for item in read_frames(raw.root)}
    bad = found.pop("hard/images/b.jpg")
    assert isinstance(bad, Rejected) and bad.reason == "malformed_row" and bad.file == "hard/faces.json"
    assert "annotation 10" in bad.detail and "expected x, y, width, height" in bad.detail and len(str(bad)) < 250
    assert all(isinstance(item, Frame) for item in found.values())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("\x00", "is not JSON"),
        ('{"images": [{"id": 1}], "annotations": []}', "file_name"),
        ('{"images": 5, "annotations": []}', "expected COCO"),
        ("[" * 100_000, "is not JSON"),
        ('{"images": [], "annotations": [], "x": ' + "9" * 5000 + "}", "is not JSON"),
    ],
)
def test_a_broken_coco_file_is_refused_in_one_line(raw: RawData, text: str, words: str) -> None:
    raw.photo("hard/images/a.jpg")
    raw.write("hard/faces.json", text)
    with pytest.raises(InputError, match=words) as caught:
        list(read_frames(raw.root))
    assert "faces.json" in str(caught.value) and "\n" not in str(caught.value)


def test_json_of_another_kind_is_passed_over(raw: RawData) -> None:
    raw.photo("hard/images/a.jpg")
    raw.write("hard/labels/a.txt", "0 0.5 0.5 0.2 0.2\n")
    raw.write("hard/notes.json", '["not COCO"]')
    assert frames_of(raw.root)["hard/images/a.jpg"].annotation == "hard/labels/a.txt"


# Folders


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
    assert isinstance(frame, Frame) and isinstance(orphan, Rejected)
    assert (orphan.file, orphan.reason) == ("hard/labels/orphan.txt", "missing_photo")


def test_a_bad_row_costs_its_own_frame_only(raw: RawData) -> None:
    for name in "ab":
        raw.photo(f"hard/images/{name}.jpg")
        raw.write(f"hard/labels/{name}.txt", "0 0.5 0.5 0.2 0.4\n")
    raw.write("hard/labels/a.txt", "0 0.5 0.5 0.2 0.4\n0 1 2\n")
    bad, good = read_frames(raw.root)
    assert isinstance(good, Frame) and isinstance(bad, Rejected)
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
    assert isinstance(frame, Frame) and isinstance(empty, Rejected)
    assert (empty.file, empty.reason) == ("easy/images", "empty_folder")


def test_a_folder_of_images_that_is_no_grade_is_not_passed_over_in_silence(raw: RawData) -> None:
    raw.photo("easy/images/a.jpg")
    raw.photo("hard/b.jpg")
    raw.write("notes/read_me.txt", "nothing to see")
    items = list(read_frames(raw.root))
    assert [item.photo for item in items if isinstance(item, Frame)] == ["easy/images/a.jpg"]
    rejected = [(item.file, item.reason) for item in items if isinstance(item, Rejected)]
    assert rejected == [("hard", "unknown_folder")]
    assert [item for item in read_frames(raw.root, "easy") if isinstance(item, Rejected)] == []
