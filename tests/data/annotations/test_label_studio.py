"""What Label Studio writes, read: files as its own exports look, with everything in them that it puts there."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.data.annotations.sets import UNKNOWN, states_of, summary_of, write_set
from uncover.data.annotations.importing import import_annotations
from uncover.data.annotations.label_studio import labeling_config, write_label_studio
from uncover.errors import InputError


def box(x: float = 12.5, y: float = 25.0, width: float = 50.0, height: float = 50.0, **more: Any) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": 0, "rectanglelabels": ["face"]} | more
    return {
        "original_width": 160,
        "original_height": 120,
        "image_rotation": 0,
        "value": value,
        "id": "C7oHaRDVVC",
        "from_name": "box",
        "to_name": "image",
        "type": "rectanglelabels",
        "origin": "manual",
    }


def choice(grade: str) -> dict[str, Any]:
    value = {"choices": [grade]}
    return {
        "value": value,
        "id": "K3x0wPq1Zz",
        "from_name": "grade",
        "to_name": "image",
        "type": "choices",
        "origin": "manual",
    }


def annotation(*result: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": 22,
        "completed_by": 1,
        "result": list(result),
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2024-01-30T02:40:43.893565Z",
        "updated_at": "2024-01-30T02:40:43.893578Z",
        "draft_created_at": "2024-01-30T02:40:42.917892Z",
        "lead_time": 8.65,
        "prediction": {},
        "result_count": 2,
        "unique_id": "3bc9da85-967f-47a1-bfa8-410206e54cf9",
        "import_id": None,
        "last_action": None,
        "task": 87,
        "project": 29,
        "updated_by": 1,
        "parent_prediction": None,
        "parent_annotation": None,
        "last_created_by": None,
    } | more


def task(image: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": 87,
        "annotations": list(annotations),
        "file_upload": "3f7b9c5b-a.jpg",
        "drafts": [],
        "predictions": [],
        "data": {"image": image},
        "meta": {},
        "created_at": "2024-01-30T02:40:33.867975Z",
        "updated_at": "2024-01-30T02:40:43.923985Z",
        "inner_id": 1,
        "total_annotations": len(annotations),
        "cancelled_annotations": 0,
        "total_predictions": 0,
        "comment_count": 0,
        "unresolved_comment_count": 0,
        "last_comment_updated_at": None,
        "project": 29,
        "updated_by": 1,
        "comment_authors": [],
    }


FIRST, SECOND, THIRD = (f"infant_01_0000{number}0.jpg" for number in range(3))
TASKS = [
    task(f"/data/upload/29/3f7b9c5b-{FIRST}", annotation(box(), choice("hard"))),
    task(f"/data/local-files/?d=set%20a/ungraded/images/{SECOND}", annotation(choice("none"))),
    task(f"s3://bucket/ungraded/images/{THIRD}"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_set(tmp_path / "set", [("ungraded", [[1, 1, 9, 9]]), UNKNOWN, UNKNOWN])


def write(tmp_path: Path, tasks: object) -> Path:
    file = tmp_path / "project-29-at-2024-01-30.json"
    file.write_text(json.dumps(tasks), encoding="utf-8")
    return file


WANTED = {FIRST: ("hard", [[20, 30, 100, 90]]), SECOND: ("none", []), THIRD: ("ungraded", None)}


def test_an_export_moves_frames_to_their_grades(root: Path, tmp_path: Path) -> None:
    imported, rejected = import_annotations(root, write(tmp_path, TASKS), "face")
    assert (imported.updated, imported.moved, imported.untouched, rejected) == (2, 2, 1, [])
    assert summary_of(root) == WANTED


def test_the_small_export_says_the_same(root: Path, tmp_path: Path) -> None:
    """JSON_MIN: the data of a task, and per name in the interface what was answered; one choice as its bare word."""
    drawn = box()["value"] | {"original_width": 160, "original_height": 120}
    common = {"annotator": 1, "annotation_id": 22, "created_at": "2024", "updated_at": "2024", "lead_time": 8.65}
    tasks = [
        {"image": f"/data/upload/29/3f7b9c5b-{FIRST}", "id": 87, "box": [drawn], "grade": "hard"} | common,
        {"image": f"/data/upload/29/3f7b9c5b-{SECOND}", "id": 88, "grade": "none"} | common,
    ]
    _, rejected = import_annotations(root, write(tmp_path, tasks), "face")
    assert summary_of(root) == WANTED and rejected == []


def test_of_several_annotations_the_truth_or_else_the_last_one_counts(root: Path, tmp_path: Path) -> None:
    tasks = copy.deepcopy(TASKS)
    tasks[0]["annotations"] = [
        annotation(box(width=10), choice("easy"), updated_at="2024-01-31T00:00:00Z"),
        annotation(box(), choice("hard"), updated_at="2024-02-01T00:00:00Z"),
        annotation(box(width=20), choice("medium"), updated_at="2024-03-01T00:00:00Z", was_cancelled=True),
    ]
    _, rejected = import_annotations(root, write(tmp_path, tasks), "face")
    assert summary_of(root) == WANTED
    assert [(item.reason, item.row) for item in rejected] == [("other_annotation", 1)]
    tasks[0]["annotations"][0]["ground_truth"] = True
    import_annotations(root, write(tmp_path, tasks), "face")
    assert summary_of(root)[FIRST] == ("easy", [[20, 30, 36, 90]])


@pytest.mark.parametrize(
    ("result", "reason", "words"),
    [
        ([box(x=60.0)], "outside_image", "extends beyond the frame of 160 x 120 px"),
        ([box(rotation=3.5)], "rotated_box", "rotated by 3.5 degrees"),
        ([box() | {"image_rotation": 90}], "rotated_box", "image was rotated"),
        ([box(width=0)], "no_box", "expected x1 < x2"),
        ([box(x=None)], "no_box", "lacks one of the numbers"),
        ([box() | {"original_width": 1920}], "other_size", "1920 x 120 px"),
        ([box() | {"value": 3}], "malformed_row", "has no value"),
        ([box(), choice("Hard")], "unknown_grade", "'Hard' is unknown"),
        ([choice("easy"), choice("hard")], "two_grades", "easy and hard"),
    ],
)
def test_what_cannot_be_used_leaves_its_frame_as_it_was(
    root: Path, tmp_path: Path, result: list[dict[str, Any]], reason: str, words: str
) -> None:
    tasks = [task(f"/data/upload/29/{FIRST}", annotation(*result)), TASKS[1]]
    imported, rejected = import_annotations(root, write(tmp_path, tasks), "face")
    (item,) = rejected
    assert (item.reason, item.row, item.photo) == (reason, 1, FIRST) and words in str(item)
    assert (imported.updated, imported.spoilt, imported.untouched) == (1, 1, 1)
    assert summary_of(root)[FIRST] == ("ungraded", [[1, 1, 9, 9]])


@pytest.mark.parametrize(
    "extra",
    [
        box(rectanglelabels=["hand"]),
        {"type": "rectangle", "from_name": "bare", "value": {"x": 1, "y": 1, "width": 5, "height": 5, "rotation": 0}},
        {"type": "textarea", "from_name": "comment", "value": {"text": ["dark"]}},
        choice("uncertain") | {"from_name": "sure"},
    ],
)
def test_other_answers_are_listed_and_left_out(root: Path, tmp_path: Path, extra: dict[str, Any]) -> None:
    tasks = copy.deepcopy(TASKS)
    tasks[0]["annotations"][0]["result"].append(extra)
    _, rejected = import_annotations(root, write(tmp_path, tasks), "face")
    assert [item.reason for item in rejected] == ["other_label"] and summary_of(root) == WANTED


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"x": 62.5, "y": 75.0, "width": -50.0, "height": -50.0}, [20, 30, 100, 90]),  # drawn to the upper left
        ({"x": 62.5, "width": -50.0}, [20, 30, 100, 90]),
        ({"x": -0.9, "y": 50.0, "height": 50.8}, [0, 60, 79, 120]),  # a little beyond two edges
        ({"x": 50.5, "width": 50.0}, [81, 30, 160, 90]),
        ({"rotation": 359.99}, [20, 30, 100, 90]),
        ({"rotation": -0.2}, [20, 30, 100, 90]),
        ({"rectanglelabels": ["face", "covered"]}, [20, 30, 100, 90]),
    ],
)
def test_a_box_is_read_as_the_tool_means_it(
    root: Path, tmp_path: Path, changes: dict[str, Any], wanted: list[int]
) -> None:
    """In per cent of 160 x 120 px: 12.5, 25, 50 and 50 are a box from 20, 30 to 100, 90."""
    tasks = [task(f"/data/upload/29/{FIRST}", annotation(box(**changes), choice("hard")))]
    _, rejected = import_annotations(root, write(tmp_path, tasks), "face")
    assert not rejected and summary_of(root)[FIRST] == ("hard", [wanted])


@pytest.mark.parametrize(
    "address",
    [
        rf"/data/local-files/?d=frset\ungraded\images\{FIRST}",
        f"/data/local-files/?d=frset%5Cungraded%5Cimages%5C{FIRST}",
        rf"D:\ward\ungraded\images\{FIRST}",
        rf"\\server\share\{FIRST}",
        f"https://somewhere.org/a%20b/{FIRST}?token=1%2F2",
        f"/data/local-files/?d=my #1 set/{FIRST}",
    ],
)
def test_a_picture_is_found_by_any_kind_of_path(root: Path, tmp_path: Path, address: str) -> None:
    import_annotations(root, write(tmp_path, [task(address, annotation(box(), choice("hard")))]), "face")
    assert summary_of(root)[FIRST] == ("hard", [[20, 30, 100, 90]])


@pytest.mark.parametrize("name", ["a+b_000000.jpg", "a#1_000000.jpg", "100%_000000.jpg", "a&d=b_000000.jpg"])
def test_names_that_mean_something_in_an_address_come_back(tmp_path: Path, name: str) -> None:
    root = write_set(tmp_path / "set", [("hard", [[40, 30, 120, 90]])], video=name.removesuffix("_000000.jpg"))
    write_label_studio(states_of(root), "/data/local-files/?d=set/", tmp_path / "out.json")
    assert import_annotations(root, tmp_path / "out.json", "face")[0].unchanged == 1
    plain = write(tmp_path, [task(f"/data/local-files/?d=set/hard/images/{name}", annotation(box(), choice("hard")))])
    import_annotations(root, plain, "face")
    assert summary_of(root)[name] == ("hard", [[20, 30, 100, 90]])


def apart(label: str, **more: float) -> list[dict[str, Any]]:
    """A region of an interface with <Rectangle> and <Labels>."""
    whole = box(**more)
    value = {key: number for key, number in whole["value"].items() if key != "rectanglelabels"}
    rest = {key: each for key, each in whole.items() if key not in ("value", "type", "from_name", "id")}
    rest["id"] = f"region {label} {more}"
    return [
        rest | {"type": "rectangle", "from_name": "bbox", "value": value},
        rest | {"type": "labels", "from_name": "label", "value": value | {"labels": [label]}},
    ]


@pytest.mark.parametrize("small", [False, True])
def test_rectangle_and_labels_may_stand_apart(root: Path, tmp_path: Path, small: bool) -> None:
    regions = [*apart("face"), *apart("hand", x=1.0), *apart("face", x=50.0, width=-25.0)]
    tasks: list[dict[str, Any]] = [task(f"/data/upload/29/{FIRST}", annotation(*regions, choice("hard")))]
    if small:
        sizes = {"original_width": 160, "original_height": 120}
        named = [(each["from_name"], each["value"] | sizes) for each in regions]
        tasks = [{"image": f"/data/upload/29/{FIRST}", "id": 1, "annotation_id": 22, "grade": "hard"}]
        tasks[0] |= {name: [value for key, value in named if key == name] for name in ("bbox", "label")}
    _, rejected = import_annotations(root, write(tmp_path, tasks), "face")
    assert [(item.reason, "'hand'" in item.detail) for item in rejected] == [("other_label", True)]
    assert summary_of(root)[FIRST] == ("hard", [[20, 30, 100, 90], [40, 30, 80, 90]])


def test_boxes_without_any_label_are_named_as_such(root: Path, tmp_path: Path) -> None:
    tasks = [task(f"/data/upload/29/{FIRST}", annotation(apart("face")[0], choice("hard")))]
    with pytest.raises(InputError, match="1 boxes, none with a label; label faces 'face' in the tool"):
        import_annotations(root, write(tmp_path, tasks), "face")


def test_a_task_that_was_submitted_empty_has_no_face(root: Path, tmp_path: Path) -> None:
    """Whoever pressed the button has looked at it; whoever skipped it has not."""
    tasks = [
        task(f"/data/upload/29/{FIRST}", annotation()),
        task(f"/data/upload/29/{SECOND}", annotation()),
        task(f"/data/upload/29/{THIRD}", annotation(was_cancelled=True)),
    ]
    imported, _ = import_annotations(root, write(tmp_path, tasks), "face")
    assert (imported.updated, imported.unchanged) == (2, 1), "the first went out with a box"
    assert summary_of(root) == {FIRST: ("ungraded", []), SECOND: ("ungraded", []), THIRD: ("ungraded", None)}


def test_a_byte_order_mark_is_no_part_of_the_file(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(TASKS), encoding="utf-8-sig")
    import_annotations(root, file, "face")
    assert summary_of(root) == WANTED


def test_an_unknown_image_is_named(root: Path, tmp_path: Path) -> None:
    tasks = [task("/data/upload/29/3f7b9c5b-infant_99_000000.jpg", annotation(choice("easy"))), *TASKS]
    _, rejected = import_annotations(root, write(tmp_path, tasks), "face")
    assert [(item.reason, item.row) for item in rejected] == [("unknown_image", 1)]
    assert "infant_99_000000.jpg" in rejected[0].detail and summary_of(root) == WANTED


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("{}", "is not a list of tasks"),
        ("[1]", "is not a list of tasks"),
        ("[]", "nothing usable in it"),
        (json.dumps([TASKS[2]]), "nothing usable in it"),
    ],
)
def test_what_is_no_export_is_refused(root: Path, tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "export.json"
    file.write_text(content)
    with pytest.raises(InputError, match=words):
        import_annotations(root, file, "face")


def test_what_we_write_is_what_label_studio_reads(tmp_path: Path) -> None:
    """By hand: a box from 40, 30 to 120, 90 of 160 x 120 px is a quarter from the corner, half as wide and high."""
    root = write_set(tmp_path / "my set", [("ungraded", [[40, 30, 120, 90]]), ("hard", [[40, 30, 120, 90]]), UNKNOWN])
    write_label_studio(states_of(root), "/data/local-files/?d=my%20set/", tmp_path / "out.json")
    first, second, third = json.loads((tmp_path / "out.json").read_text())
    assert first["data"]["image"] == f"/data/local-files/?d=my%20set/ungraded/images/{FIRST}"
    assert "annotations" not in first
    (found,) = first["predictions"][0]["result"]
    value = {"x": 25, "y": 25, "width": 50, "height": 50, "rotation": 0, "rectanglelabels": ["face"]}
    assert found["value"] == value and (found["original_width"], found["original_height"]) == (160, 120)
    drawn, graded = second["annotations"][0]["result"]
    assert drawn["value"] == value and graded["value"] == {"choices": ["hard"]} and "predictions" not in second
    assert third.keys() == {"data"}
    import_annotations(root, write(tmp_path, [task(FIRST, annotation(box()))]), "face")
    write_label_studio(states_of(root), "", tmp_path / "out.json")
    reviewed = json.loads((tmp_path / "out.json").read_text())[0]
    assert len(reviewed["annotations"][0]["result"]) == 1 and "predictions" not in reviewed
    interface = ElementTree.fromstring(labeling_config(["none", "hard"]))
    names = {element.get("name"): element for element in interface}
    for result in (found, drawn, graded):
        control = names[result["from_name"]]
        assert control.get("toName") == result["to_name"] and control.tag.lower() == result["type"]
    assert names["image"].get("value") == "$image"
    assert [element.get("value") for element in names["grade"]] == ["none", "hard"]
