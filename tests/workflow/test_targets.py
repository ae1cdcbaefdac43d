"""Which sets a config asks for."""

from __future__ import annotations

from pathlib import Path

from uncover.config.load import check_config
from uncover.workflow.stages import seconds_by_rule
from uncover.workflow.targets import frame_sets, landmark_sets, raw_folder, sources_at_hand


def test_a_set_exists_only_if_its_raw_data_is_named() -> None:
    config = check_config(
        {"run": "a", "raw": {"folder": "/data", "merl_rav": "M", "slapi": "S", "grades": {"hard": "3"}}}
    )
    assert sources_at_hand(config) == (["merl_rav"], ["slapi"])
    assert landmark_sets(config) == {
        "train": ("train", ["merl_rav"]),
        "val": ("val", ["merl_rav"]),
        "merl": ("test", ["merl_rav"]),
    }
    assert frame_sets(config) == {"slapi_hard": ("slapi", "3")}
    assert raw_folder(config, "merl_rav") == Path("/data/M")


def test_the_stand_in_has_every_set_of_the_thesis() -> None:
    config = check_config({"run": "a", "raw": {"standin": True}})
    names = {*landmark_sets(config), *frame_sets(config)}
    grades = {f"slapi_{grade}" for grade in ("none", "easy", "medium", "hard")}
    assert names == {"train", "val", "merl", "wflw", "hof", "preterm_web"} | grades
    assert raw_folder(config, "hof") == Path("results/a/raw/hof")


def test_seconds_are_added_up_by_rule(tmp_path: Path) -> None:
    (tmp_path / "label_faces").mkdir()
    (tmp_path / "label_faces" / "train.tsv").write_text("s\th:m:s\n1.5\t0:00:01\n")
    (tmp_path / "label_faces" / "val.tsv").write_text("s\th:m:s\n2.0\t0:00:02\n")
    (tmp_path / "table_01.tsv").write_text("s\th:m:s\n0.25\t0:00:00\n")
    assert seconds_by_rule(tmp_path) == {"label_faces": (2, 3.5), "table_01": (1, 0.25)}
