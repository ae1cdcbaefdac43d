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
        ({"path": "a", "layout": "yolov8"}, "key data_sets.my_ward.layout: input should be 'wflw', 'merl_rav'"),
        ({"pth": "a", "layout": "yolo"}, "data_sets.my_ward.pth is unknown; did you mean data_sets.my_ward.path?"),
        (
            {"path": "a", "layout": "300w", "use": "train", "split": {"trian": 3}},
            "key data_sets.my_ward.split.trian is unknown; did you mean data_sets.my_ward.split.train?",
        ),
        ({"path": "a", "layout": "yolo", "use": "train", "split": SPLIT}, "use: train needs faces with landmarks"),
        ({"path": "a", "layout": "300w", "use": "train"}, "use: train needs split: {train: N, val: N, test: N}"),
        ({"path": "a", "layout": "300w", "split": SPLIT}, "split is for use: train"),
        (
            {"path": "a", "layout": "300w", "use": "train", "split": {"train": 3}},
            "split: one of val and test takes what the other leaves",
        ),
        ({"path": "a", "layout": "300w", "grade": "hard"}, "grade and classes are for frames"),
        ({"path": "a", "layout": "yolo", "photos": "b"}, "photos is for layouts with landmarks"),
        ({"path": "a", "layout": "yolo", "grade": "hard"}, "grade is for layout: graded"),
        ({"path": "a", "layout": "300w", "only": "b.txt"}, "only, words and smallest are for frames"),
        ({"path": "a", "layout": "voc", "words": ["a"]}, "words is for layout yolo or graded"),
        ({"path": "a", "layout": "images", "smallest": 2}, "smallest is for frames with boxes"),
        ({"path": "a", "layout": "yolo", "blocks": {"kind": "person", "name": "("}}, "'(' is no regular expression"),
        ({"path": "a", "layout": "yolo", "blocks": {"kind": "dog", "name": "a"}}, "should be 'block', 'infant'"),
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
    with pytest.raises(InputError, match=rf"^config: key data_sets: the name '{name}'"):
        config_of(name, path="a", layout="yolo")


def test_an_unknown_raw_data_set_is_told_where_own_ones_stand() -> None:
    with pytest.raises(
        InputError, match=r"key raw\.my_set is unknown; .*a data set of your own is an entry of data_sets"
    ):
        check_config({"run": "a", "raw": {"my_set": "x"}})


def test_every_layout_has_a_reader_and_every_known_set_somebody_to_ask() -> None:
    assert set(LAYOUTS) == {*LANDMARK_READERS, *FRAME_LAYOUTS}
    assert RAW_DATA.keys() == {*CATALOGUE, "aflw", "videos", "300w"}
    assert {"merl", "slapi_hard", "val", "aflw"} <= known_names()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"grades": {"none": ["open"]}}, "expected a folder for each grade, or a list of words for each"),
        ({"grades": {grade: ["a"] for grade in ("none", "easy", "medium", "hard")}}, "each word once"),
        ({"blocks": {"videos": {"kind": "infant", "name": "a"}}}, "videos is no raw data of photos"),
    ],
)
def test_grades_and_blocks_of_known_data_that_mean_nothing_are_one_line(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        check_config({"run": "a", "raw": raw})
    assert message in str(error.value) and "key raw" in str(error.value) and "\n" not in str(error.value)
