"""Data sets of somebody's own in the config: what may be said of them, and what is refused in a line."""

from __future__ import annotations

from typing import Any

import pytest

from uncover.config.catalogue import CATALOGUE, FRAME_LAYOUTS, LAYOUTS, known_names
from uncover.config.load import check_config
from uncover.config.model import Config
from uncover.data.reading import LANDMARK_READERS
from uncover.data.sources import RAW_DATA
from uncover.errors import InputError

SPLIT = {"train": None, "val": 10, "test": 20}


def config_of(name: str = "my_ward", **entry: Any) -> Config:
    return check_config({"run": "a", "data_sets": {name: entry}})


@pytest.mark.parametrize(
    "entry",
    [
        *({"path": "a", "layout": layout} for layout in LAYOUTS),
        {"path": "a", "layout": "300w", "use": "train", "split": SPLIT, "photos": "b"},
        {"path": "a", "layout": "graded", "grade": "hard"},
        {"path": "a", "layout": "coco", "classes": ["infant face"]},
        {"path": "a", "layout": "yolo", "only": "complete.txt", "words": ["occ1"], "smallest": 12},
        {"path": "a", "layout": "coco", "smallest": 12, "blocks": {"kind": "infant", "name": "[a-z]+_", "every": 40}},
    ],
)
def test_any_layout_that_is_read_makes_a_test_set(entry: dict[str, Any]) -> None:
    assert config_of("ward_2", **entry).data_sets["ward_2"].layout == entry["layout"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"path": "a"}, "key data_sets.my_ward.layout is missing"),
        ({"layout": "yolo"}, "key data_sets.my_ward.path is missing"),
        ({"path": "a", "layout": "yolov8"}, "key data_sets.my_ward.layout: expected 'wflw', 'merl_rav'"),
        ({"pth": "a", "layout": "yolo"}, "data_sets.my_ward.pth is unknown; did you mean data_sets.my_ward.path?"),
        (
            {"path": "a", "layout": "300w", "use": "train", "split": {"trian": 3}},
            "key data_sets.my_ward.split.trian is unknown; did you mean data_sets.my_ward.split.train?",
        ),
        (
            {"path": "a", "layout": "yolo", "use": "train", "split": SPLIT},
            "use: train requires landmarks (layout wflw, merl_rav, 300w)",
        ),
        ({"path": "a", "layout": "300w", "use": "train"}, "use: train requires split: {train: N, val: N, test: N}"),
        ({"path": "a", "layout": "300w", "split": SPLIT}, "split requires use: train"),
        (
            {"path": "a", "layout": "300w", "use": "train", "split": {"train": 3}},
            "split: val and test cannot both be null",
        ),
        ({"path": "a", "layout": "300w", "grade": "hard"}, "grade and classes require a layout without landmarks"),
        ({"path": "a", "layout": "yolo", "photos": "b"}, "photos requires a layout with landmarks"),
        ({"path": "a", "layout": "yolo", "grade": "hard"}, "grade requires layout: graded"),
        ({"path": "a", "layout": "300w", "only": "b.txt"}, "only, words and smallest require a layout without"),
        ({"path": "a", "layout": "voc", "words": ["a"]}, "words requires layout yolo or graded"),
        ({"path": "a", "layout": "images", "smallest": 2}, "smallest requires boxes"),
        ({"path": "a", "layout": "yolo", "blocks": {"kind": "person", "name": "("}}, "'(' is not a regular expression"),
        ({"path": "a", "layout": "yolo", "blocks": {"kind": "dog", "name": "a"}}, "kind: expected 'block', 'infant'"),
    ],
)
def test_what_a_data_set_cannot_be_is_one_line_that_names_it(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        config_of(**entry)
    assert message in str(error.value) and "my_ward" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["My_ward", "1st", "a-b", "", "merl", "train", "slapi_hard", "videos", "rgb10", "mtcnn"]
)
def test_a_name_is_fit_for_paths_and_not_taken(name: str) -> None:
    with pytest.raises(InputError, match=rf"^config: key data_sets: name '{name}'"):
        config_of(name, path="a", layout="yolo")


def test_an_unknown_raw_data_set_names_the_section_for_user_data_sets() -> None:
    with pytest.raises(InputError, match=r"key raw\.my_set is unknown; .*to add your own data set, use data_sets"):
        check_config({"run": "a", "raw": {"my_set": "x"}})


def test_every_layout_has_a_reader_and_every_known_set_somebody_to_ask() -> None:
    assert set(LAYOUTS) == {*LANDMARK_READERS, *FRAME_LAYOUTS}
    assert RAW_DATA.keys() == {*CATALOGUE, "aflw", "videos", "300w"}
    assert {"merl", "slapi_hard", "val", "aflw"} <= known_names()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"grades": {"none": ["open"]}}, "expected a folder for each grade, or a list of words for each"),
        ({"grades": {grade: ["a"] for grade in ("none", "easy", "medium", "hard")}}, "each word only once"),
        ({"blocks": {"videos": {"kind": "infant", "name": "a"}}}, "videos is not a data set of images"),
    ],
)
def test_grades_and_blocks_of_known_data_that_mean_nothing_are_one_line(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        check_config({"run": "a", "raw": raw})
    assert message in str(error.value) and "key raw" in str(error.value) and "\n" not in str(error.value)
