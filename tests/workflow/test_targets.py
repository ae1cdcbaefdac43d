"""Which sets a config asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from uncover.config.load import check_config
from uncover.errors import InputError
from uncover.workflow.costs import seconds_by_rule
from uncover.workflow.targets import (
    frame_sets,
    infants_at_hand,
    landmark_sets,
    raw_folder,
    rivals_wanted,
    sources_at_hand,
    video_files,
    videos_at_hand,
)


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


def test_the_stand_ins_videos_are_known_before_they_are_made() -> None:
    plain = check_config({"run": "a", "raw": {"standin": True}})
    assert videos_at_hand(plain) == [] and raw_folder(plain, "videos") is None
    config = check_config({"run": "a", "raw": {"standin": True}, "standin": {"videos": {"infants": 2}}})
    assert videos_at_hand(config) == ["infant_01", "infant_02"]
    assert video_files(config)["infant_02"] == Path("results/a/raw/videos/infant_02.mp4")


def test_of_a_folder_the_videos_with_a_truth_beside_them_are_used(tmp_path: Path) -> None:
    config = check_config({"run": "a", "raw": {"folder": str(tmp_path), "videos": "ward"}})
    assert videos_at_hand(config) == []
    (tmp_path / "ward").mkdir()
    for name in ("b.MP4", "b.csv", "a.mkv", "a.csv", "without_truth.mp4", "frames.csv", "notes.txt"):
        (tmp_path / "ward" / name).touch()
    assert video_files(config) == {"a": tmp_path / "ward/a.mkv", "b": tmp_path / "ward/b.MP4"}
    (tmp_path / "ward/a.mov").touch()
    with pytest.raises(InputError, match=r"a\.mov: has the name and the truth of .*a\.mkv"):
        videos_at_hand(config)


def test_infants_are_left_out_in_turn_with_all_their_videos(tmp_path: Path) -> None:
    config = check_config({"run": "a", "raw": {"folder": str(tmp_path), "videos": "ward"}})
    (tmp_path / "ward").mkdir()
    for name in ("infant_02_a", "infant_02_b", "cam_1", "cam_2"):
        (tmp_path / "ward" / f"{name}.mp4").touch()
        (tmp_path / "ward" / f"{name}.csv").touch()
    assert infants_at_hand(config) == ["cam_1", "cam_2", "infant_02"]
    (tmp_path / "ward/infants.csv").write_text("video,infant\ncam_1.mp4,Mia\ncam_2.mp4,infant_02\n")
    assert infants_at_hand(config) == ["Mia", "infant_02"]
    (tmp_path / "ward/infants.csv").write_text("video,infant\ncam_1.mp4,a/b\n")
    with pytest.raises(InputError, match=r"infants\.csv: infant 'a/b' is no name of a folder; rename it"):
        infants_at_hand(config)
    standin = check_config({"run": "a", "raw": {"standin": True}, "standin": {"videos": {"infants": 2}}})
    assert infants_at_hand(standin) == videos_at_hand(standin)


def test_a_rival_without_configured_weights_is_left_out_with_the_reason() -> None:
    rivals = {"detectors": ["mtcnn", "retinaface", "yolo11"], "yolo11": {"network": "yolo11n"}}
    config = check_config({"run": "a", "rivals": rivals})
    wanted, left_out = rivals_wanted(config)
    assert wanted == ["mtcnn"]
    assert left_out.keys() == {"retinaface", "viola_jones", "yolo11", "retinanet", "faster_rcnn"}
    assert "weights.retinaface" in left_out["retinaface"]
    assert "weights.yolo11n" in left_out["yolo11"]
    assert "rivals.detectors" in left_out["viola_jones"]
    weights = {name: {"path": "a.pt", "sha256": "a" * 64} for name in ("retinaface", "yolo11n")}
    assert rivals_wanted(check_config({"run": "a", "rivals": rivals, "weights": weights}))[0] == rivals["detectors"]
    rivals["yolo11"]["weights"] = "scratch"
    assert "yolo11" in rivals_wanted(check_config({"run": "a", "rivals": rivals}))[0]


def test_a_setting_leaves_the_confidence_of_a_library_alone() -> None:
    given = {"mtcnn": {"image_size": 640}, "retinaface": {"image_size": 640}, "yolo11": {"epochs": 3}}
    rivals = check_config({"run": "a", "rivals": given}).rivals
    assert [getattr(rivals, name).confidence for name in given] == [0.7, 0.8, 0.25]


def test_seconds_are_added_up_by_rule(tmp_path: Path) -> None:
    (tmp_path / "label_faces").mkdir()
    (tmp_path / "label_faces" / "train.tsv").write_text("s\th:m:s\n1.5\t0:00:01\n")
    (tmp_path / "label_faces" / "val.tsv").write_text("s\th:m:s\n2.0\t0:00:02\n")
    (tmp_path / "table_01.tsv").write_text("s\th:m:s\n0.25\t0:00:00\n")
    assert seconds_by_rule(tmp_path) == {"label_faces": (2, 3.5), "table_01": (1, 0.25)}
