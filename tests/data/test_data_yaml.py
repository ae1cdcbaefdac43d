"""A YAML file of a YOLO data set means what YOLOv5 and ultralytics take it to mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from uncover.data.data_yaml import find_class_names, find_data_yaml, read_data_yaml
from uncover.data.yolo import read_label_file
from uncover.errors import InputError


@pytest.fixture(scope="module")
def upstream() -> Any:
    """Ultralytics' own reader of data sets; it would fetch a font."""
    utils = pytest.importorskip("ultralytics.data.utils")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "check_font", lambda *_: None)
        yield utils


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """Folders as Roboflow exports them, with lists of their images."""
    for part in ("train", "valid", "more"):
        (tmp_path / part / "images").mkdir(parents=True)
    for part in ("train", "valid"):
        (tmp_path / f"{part}.txt").write_text(f"./{part}/images/a.jpg\n")
    return tmp_path


SAME: dict[str, str] = {
    "Roboflow": "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 1\nnames: ['face']\n",
    "ultralytics": "path: {folder}\ntrain: train/images\nval: valid/images\ntest:\nnames:\n  0: face\n  1: mask\n",
    "a list": "path: {folder}\ntrain: [train/images, more/images]\nval: [valid/images]\nnames: {{0: face}}\n",
    "lists of images": "path: {folder}\ntrain: train.txt\nval: valid.txt\nnc: 2\nnames: [face, mask]\n",
    "validation": "train: train/images\nvalidation: valid/images\nnames: [face]\n",
    "numbers alone": "train: train/images\nval: valid/images\nnc: 2\n",
    "a mark in front": "\ufefftrain: train/images\nval: valid/images\nnames: [face]\n",
    "absolute": "train: {folder}/train/images\nval: {folder}/valid/images\nnames: [face]\n",
}


@pytest.mark.parametrize("kind", SAME)
@pytest.mark.parametrize("name", ["data.yaml", "faces.yml"])
def test_it_means_what_ultralytics_reads(sets: Path, upstream: Any, kind: str, name: str) -> None:
    path = sets / name
    path.write_text(SAME[kind].format(folder=sets), encoding="utf-8")
    theirs = upstream.check_det_dataset(str(path), autodownload=False)
    ours = read_data_yaml(path)
    assert ours.names == dict(theirs["names"])
    for part in ("train", "val"):
        expected = theirs[part] if isinstance(theirs[part], list) else [theirs[part]]
        assert [str(place.resolve()) for place in ours.places(part)] == expected
    assert read_data_yaml(sets) == ours, "found in its folder under any name"


def test_it_means_what_yolov5_reads(sets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    general = pytest.importorskip("yolov5.utils.general")
    monkeypatch.setattr(general, "check_font", lambda *_, **__: None)
    monkeypatch.setattr(general, "ROOT", sets)
    (sets / "data.yaml").write_text(SAME["Roboflow"])
    theirs = general.check_dataset(str(sets / "data.yaml"), autodownload=False)
    ours = read_data_yaml(sets)
    assert [str(ours.places(part)[0].resolve()) for part in ("train", "val")] == [theirs["train"], theirs["val"]]
    assert ours.names == theirs["names"]


ROWS = {
    "boxes": "0 0.5 0.5 0.25 0.5\n1 0.25 0.5 0.5 1\n",
    "polygons": "0 0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75\n1 0.125 0.5 0.5 0.125 0.75 0.5\n",
    "a class as 0.0, CRLF, blanks": "0.0 0.5 0.5 0.25 0.5 \r\n\r\n1.0\t0.25 0.5 0.5 1\r\n  \r\n",
    "a mark in front": "\ufeff0 0.5 0.5 0.25 0.5",
    "none": "",
    "twice": "0 0.5 0.5 0.25 0.5\n0 0.50 0.5 0.25 0.5\n",
}


@pytest.mark.parametrize("rows", ROWS)
def test_labels_are_the_boxes_that_ultralytics_reads(tmp_path: Path, upstream: Any, rows: str) -> None:
    from PIL import Image

    image, label = tmp_path / "a.png", tmp_path / "a.txt"
    Image.new("RGB", (64, 48)).save(image)
    label.write_bytes(ROWS[rows].encode("utf-8"))
    theirs = upstream.verify_image_label((str(image), str(label), "", False, 2, 0, 0, False))[1]
    ours = read_label_file(label, {0: "face", 1: "mask"})
    assert ours.problems == () and theirs is not None
    assert np.array_equal(ours.boxes[np.lexsort(ours.boxes.T)], theirs[np.lexsort(theirs.T)])


@pytest.mark.parametrize(
    "row", ["0 0.5 0.5 0.25 0.5 0.9", "2 0.5 0.5 0.25 0.5", "0 0.5 0.5 1.2 0.5", "0.5 0.5 0.5 0.1 0.1"]
)
def test_labels_that_ultralytics_refuses_are_refused(tmp_path: Path, upstream: Any, row: str) -> None:
    from PIL import Image

    image, label = tmp_path / "a.png", tmp_path / "a.txt"
    Image.new("RGB", (64, 48)).save(image)
    label.write_text(row)
    assert upstream.verify_image_label((str(image), str(label), "", False, 2, 0, 0, False))[1] is None
    (problem,) = read_label_file(label, {0: "face", 1: "mask"}).problems
    assert problem.startswith(f"{label}, row 1: ")


def test_paths_of_other_machines_are_found_beside_the_file_and_told(
    sets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = "train: /content/faces-1/train/images\nval: faces-1\\valid\\images\nnames: [face]\n"
    (sets / "data.yaml").write_text(entries)
    described = read_data_yaml(sets)
    assert described.places("train") == [sets / "train/images"]
    assert described.places("val") == [sets / "valid/images"]
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and all("does not exist; " in line and " instead" in line for line in told)


def test_a_file_in_a_folder_of_its_own_starts_beside_that_folder(sets: Path) -> None:
    """As YOLOv5's data/coco128.yaml, whose path starts where train.py stands."""
    (sets / "data").mkdir()
    path = sets / "data/faces.yaml"
    path.write_text(f"path: ../{sets.name}\ntrain: train/images\nval: valid/images\nnames: [face]\n")
    assert [place.resolve() for place in read_data_yaml(path).places("train")] == [sets / "train/images"]


def test_a_file_above_describes_the_sets_that_it_lists_and_no_other_folder(sets: Path) -> None:
    (sets / "data.yaml").write_text(SAME["Roboflow"])
    assert find_data_yaml(sets / "train") == find_data_yaml(sets / "valid") == sets / "data.yaml"
    assert find_data_yaml(sets / "more") is None
    assert find_data_yaml(sets / "train", above=False) is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"names": ["face"], "nc": 2}, "nc is 2, but names has 1"),
        ({"names": "face"}, "has no class names"),
        ({"names": ["face"], "train": 5}, "train is 5; expected a folder"),
        ({"names": ["face"], "val": "a", "valid": "b"}, "lists val twice, as val and valid and validation"),
        ({"names": ["a", "a"], "nc": 3, "path": 4}, "uses one name for two .*; nc is 3, but .*; path is 4"),
        ({"names": ["face"], "kpt_shape": 5}, "kpt_shape is 5; expected"),
    ],
)
def test_all_that_is_wrong_with_a_file_is_one_line(tmp_path: Path, content: dict, says: str) -> None:
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=says) as error:
        read_data_yaml(tmp_path)
    assert "\n" not in str(error.value)


def test_all_paths_that_are_not_there_are_named(sets: Path) -> None:
    (sets / "data.yaml").write_text("train: [a/images, train/images, b/images]\nval: c\nnames: [face]\n")
    with pytest.raises(InputError, match=r"data\.yaml: train: a/images, b/images: no such folder or file in "):
        read_data_yaml(sets).places("train")
    with pytest.raises(InputError, match=r"has no entry 'test' .*; sets: train, val"):
        read_data_yaml(sets).places("test")


def test_two_files_that_describe_a_folder_are_refused(sets: Path) -> None:
    for name in ("a.yaml", "b.yml"):
        (sets / name).write_text(SAME["validation"])
    (sets / "other.yaml").write_text("channels: [1, 2]\n")
    with pytest.raises(InputError, match=r"a\.yaml, b\.yml each describe a data set; give the path of one of them"):
        read_data_yaml(sets)
    (sets / "data.yaml").write_text(SAME["validation"])
    assert read_data_yaml(sets).path == sets / "data.yaml"


def test_lists_of_names_are_read_without_their_last_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "obj.names").write_bytes("face\r\nhand held\r\n\r\n".encode("utf-8-sig"))
    described = find_class_names([tmp_path / "labels", tmp_path])
    assert described is not None and described.names == {0: "face", 1: "hand held"}
    (tmp_path / "classes.txt").write_text("face\n\nhand\n")
    with pytest.raises(InputError, match=r"classes\.txt: row 2 has no class; expected one name per line"):
        find_class_names([tmp_path])
