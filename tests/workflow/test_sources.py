"""Which sets known data sets and somebody's own make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from uncover.config.load import check_config
from uncover.workflow.sources import (
    all_sources,
    frame_sets,
    graded_sets,
    is_rendered,
    labelled_sets,
    landmark_sets,
    own_sets,
    tried_sets,
)
from uncover.workflow.targets import Run, not_comparable
from uncover.workflow.work import Work

DATA_SETS: dict[str, Any] = {
    "my_ward2": {"path": "ward", "layout": "yolo"},
    "plain": {"path": "/else/plain", "layout": "images"},
    "ibug": {"path": "300W", "layout": "300w", "use": "train", "split": {"train": None, "val": 0, "test": 20}},
    "faces_of_others": {"path": "300W", "layout": "300w"},
}


def test_own_data_sets_stand_behind_known_ones_under_their_names() -> None:
    config = check_config({"run": "a", "raw": {"synthetic": True, "folder": "/data"}, "data_sets": DATA_SETS})
    assert landmark_sets(config) == {
        "train": ("train", ["wflw", "merl_rav", "ibug"]),
        "val": ("val", ["wflw", "merl_rav"]),
        "wflw": ("test", ["wflw"]),
        "merl": ("test", ["merl_rav"]),
        "ibug": ("test", ["ibug"]),
        "faces_of_others": ("test", ["faces_of_others"]),
    }
    assert list(frame_sets(config))[-4:] == ["hof", "preterm_web", "my_ward2", "plain"]
    assert own_sets(config) == ["ibug", "faces_of_others", "my_ward2", "plain"]
    assert {"ibug", "faces_of_others", "my_ward2"} <= set(labelled_sets(config)) and "plain" not in labelled_sets(
        config
    )
    assert set(tried_sets(config)) == {*landmark_sets(config), *frame_sets(config)} - {"train", "preterm_web"}
    assert graded_sets(config) == [f"slapi_{grade}" for grade in ("none", "easy", "medium", "hard")]
    folders = {name: source.folder for name, source in all_sources(config).items()}
    assert folders["wflw"] == Path("results/a/raw/wflw") and folders["my_ward2"] == Path("/data/ward")
    assert folders["plain"] == Path("/else/plain")
    assert is_rendered(config, "hof") and not is_rendered(config, "plain")


def test_what_stands_in_the_thesis_s_tables_has_no_own_sets() -> None:
    run = Run(check_config({"run": "a", "raw": {"synthetic": True}, "data_sets": DATA_SETS}))
    assert not set(run.table_sets) & DATA_SETS.keys() and run.scored_sets == ["val", "merl", "wflw"]
    assert {"ibug", "my_ward2"} <= set(run.labelled_missed_sets)
    assert run.baseline_sets[-1] == "preterm_web" and run.shown_set == "preterm_web"


@pytest.mark.parametrize("use", ["train", "test"])
def test_further_training_data_makes_numbers_incomparable(use: str) -> None:
    split = {"split": {"train": 5, "val": 0, "test": None}} if use == "train" else {}
    config = check_config(
        {
            "run": "a",
            "raw": {"wflw": "a", "merl_rav": "b", "hof": "c", "slapi": "d"},
            "detectors": {"rgb10": {"model": "yolov5m"}},
            "data_sets": {"ibug": {"path": "e", "layout": "300w", "use": use, **split}},
        }
    )
    assert not_comparable(config) == ("trained on ibug too" if use == "train" else "")


def test_work_is_foretold_of_own_data_sets_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    work = Work(check_config({"run": "a", "raw": {"synthetic": True}, "data_sets": DATA_SETS}), {"my_ward2": 50})
    assert (work.photos["my_ward2"], work.photos["ibug"]) == (50, 20)
    # What is left of a download that nobody has counted makes no training set of known size.
    assert work.unsized == ["train", "faces_of_others", "plain"]
    assert work.of("read_faces", {"source": "ibug"}) == 20 and work.of("label_frames", {"set": "my_ward2"}) == 50
