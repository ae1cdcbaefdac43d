"""COCO files of frames."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.conftest import frames_of
from uncover.data.coco import parse_coco
from uncover.data.faces import FrameFaces, Rejected
from uncover.data.frames import read_frames
from uncover.errors import InputError

if TYPE_CHECKING:
    from conftest import RawData


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
sides = st.floats(1e-6, 1, allow_nan=False)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,5}\.jpg", fullmatch=True),
        st.lists(st.tuples(pixels, pixels, sides, sides).map(list), max_size=3),
        max_size=4,
    )
)
def test_coco_boxes_come_back(images: dict[str, list[list[float]]]) -> None:
    found, _ = parse_coco(json.loads(json.dumps(coco(images))))
    assert found.keys() == images.keys()
    for name, boxes in images.items():
        mine = found[name]
        assert isinstance(mine, np.ndarray) and mine.shape == (len(boxes), 4)
        assert mine.tolist() == [[x, y, x + w, y + h] for x, y, w, h in boxes]


def test_only_the_category_face_counts() -> None:
    content = coco({"a.jpg": [[1, 2, 3, 4]]}, [{"id": 1, "name": "hand"}, {"id": 7, "name": "Infant Face"}])
    content["annotations"].append({"id": 5, "image_id": 0, "category_id": 7, "bbox": [5, 6, 7, 8]})
    boxes = parse_coco(content)[0]["a.jpg"]
    assert isinstance(boxes, np.ndarray) and boxes.tolist() == [[5, 6, 12, 14]]


@pytest.mark.parametrize("categories", [[], [{"id": 1, "name": "baby"}]])
def test_a_single_category_is_the_face_whatever_its_name(categories: list[dict]) -> None:
    boxes = parse_coco(coco({"a.jpg": [[1, 2, 3, 4]]}, categories))[0]["a.jpg"]
    assert isinstance(boxes, np.ndarray) and boxes.tolist() == [[1, 2, 4, 6]]


def test_several_categories_without_a_face_are_refused() -> None:
    with pytest.raises(InputError, match="hand, hat; none of them is clearly the whole face: pass --class"):
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
    assert all(isinstance(item, FrameFaces) for item in found.values())


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
