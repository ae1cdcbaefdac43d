"""Fine-tuning as a user asks for it: `uncover train --from`, `uncover fine_tune`, and what each complains about."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.yolov5.picked_frames import VIDEOS, make_picked, make_start
from uncover.cli import main
from uncover.yolov5.weights import read_weights

QUICK = ["--device", "cpu", "--set", "epochs=1", "least_images=4", "batch=4", "nominal_batch=4"]


@pytest.fixture
def place(one_thread: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run and picked frames, which is the working folder."""
    make_picked(tmp_path / "my_frames")
    make_start(tmp_path / "run/models/rgb1/weights.pt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: object) -> int:
    return main([str(word) for word in words])


def test_a_run_and_picked_frames_make_a_detector(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "--from", "run", "--data", "my_frames", "--freeze", "backbone", *QUICK) == 0
    summary = json.loads((place / "my_frames_detector/summary.json").read_text())
    assert (summary["train_images"], summary["val_images"]) == (9, VIDEOS["infant_03"])
    assert summary["settings"]["freeze"] == 10 and summary["start"].endswith("run/models/rgb1/weights.pt")
    header, _ = read_weights(place / "my_frames_detector/weights.pt")
    assert (header.class_names, header.class_ids, header.image_size) == (("whole face",), (2,), 64)
    assert (place / "my_frames_detector/data/manifest.parquet").is_file()
    assert "validating on infant_03" in capsys.readouterr().err
    # A data set that is made once serves as well, and so do DATA and OUT in their places.
    words = ("train", "my_frames_detector/data", "out", "--from", "run/models/rgb1", "--leave-out", "infant_02")
    assert run(*words, *QUICK) == 0
    assert json.loads((place / "out/summary.json").read_text())["val_images"] == VIDEOS["infant_02"]
    assert run("train", "out2", "--data", "my_frames", "--from", "run/models/rgb1/weights.pt", *QUICK) == 0
    assert (place / "out2/weights.pt").is_file()


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_trained_model_is_replaced_by_the_very_same_training_only(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("train", "--from", "run", "--data", "my_frames", "my_model", *QUICK)
    assert run(*words) == 0
    before = files_of(place / "my_model")
    assert run(*words) == 0
    weights = files_of(place / "my_model")
    assert weights["weights.pt"] == before["weights.pt"]
    label = place / "my_frames/ungraded/labels/infant_01_000000.txt"
    others = {
        "other settings (epochs: 1 there, 2 here)": (*words, "epochs=2"),
        "other data (train_images: 9 there, 8 here)": (*words, "--leave-out", "infant_02"),
        "other settings": ("train", "my_model/data", "my_model", "--val", "my_model/data", "--device", "cpu"),
        "other initial weights": ("train", "--from", "two.pt", *words[3:]),
        "other data;": words,
    }
    make_start(place / "two.pt", image_size=64, training={"settings": {}, "note": "of another training"})
    for what, command in others.items():
        if what == "other data;":
            label.write_text("0 0.5 0.5 0.25 0.25\n")
        capsys.readouterr()
        assert run(*command) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        if what != "other initial weights":
            assert f"my_model: has a trained model of {what}" in line
        assert "has a trained model of other" in line and "pass another name, or remove the folder first" in line
        assert files_of(place / "my_model") == weights
    # Weights that say nothing of where they come from are somebody's too.
    (place / "my_model/summary.json").unlink()
    assert run(*words[:5], "my_model", *QUICK) == 2
    assert (place / "my_model/weights.pt").read_bytes() == weights["weights.pt"]


def test_a_training_that_was_killed_while_it_wrote_its_outcome_goes_on(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("train", "--from", "run", "--data", "my_frames", "my_model", *QUICK)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("uncover.yolov5.results.write_record", killed)
        assert run(*words) == 130
    assert {path.name for path in (place / "my_model").iterdir()} == {".resume", "data", "weights.pt"}
    assert run(*words) == 0
    assert "resuming after epoch 1 of 1" in capsys.readouterr().err
    assert {path.name for path in (place / "my_model").iterdir()} == {
        "data",
        "weights.pt",
        "results.csv",
        "summary.json",
    }


def test_the_summary_of_a_training_says_how_many_frames_were_reviewed(place: Path) -> None:
    (place / "my_frames/ungraded/proposals").mkdir()
    for name in ("infant_01_000000", "infant_01_000010"):
        (place / f"my_frames/ungraded/labels/{name}.txt").rename(place / f"my_frames/ungraded/proposals/{name}.txt")
    (place / "my_frames/ungraded/labels/infant_02_000000.txt").unlink()
    assert run("train", "--from", "run", "--data", "my_frames", "my_model", *QUICK) == 0
    summary = json.loads((place / "my_model/summary.json").read_text())
    assert summary["frames"] == {"reviewed": 9, "only proposed": 2, "not looked at": 1}
    assert summary["train_images"] + summary["val_images"] == 9


def test_one_point_of_a_learning_curve_and_the_figure_of_two(place: Path) -> None:
    assert run("labels", "--layout", "graded", "my_frames", "set") == 0
    quick = ["--device", "cpu", "--finetune", "epochs=1", "least_images=4", "batch=4"]
    for count in (0, 4):
        words = ("--from", "run", "--count", count, "--leave-out", "infant_01")
        assert run("fine_tune", "set", f"points/{count}", *words, *quick) == 0
    records = [place / f"points/{count}/left_out.json" for count in (0, 4)]
    assert [json.loads(path.read_text())["trained_on"] for path in records] == [0, 4]
    assert run("learning_curve", "curve.csv", *records) == 0
    assert run("figure_learning_curve", "figures", "--record", "curve.csv") == 0
    assert {path.name for path in (place / "figures").iterdir()} == {
        "figure_learning_curve.png",
        "figure_learning_curve.pdf",
    }


def test_infants_are_left_out_together_and_a_network_that_knows_no_face_learns_a_head(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_start(place / "coco.pt", classes=("person", "cat"))
    assert run("labels", "--layout", "graded", "my_frames", "set") == 0
    quick = ["--device", "cpu", "--finetune", "epochs=1", "least_images=4", "batch=4"]
    words = ["fine_tune", "set", "point", "--from", "coco.pt", "--leave-out", "infant_03", "infant_01"]
    head = ["--set", "classes=whole_face"]
    assert run(*words, "--count", 3, *quick) == 2 and run(*words, "--count", 0, *quick, *head) == 2
    assert capsys.readouterr().err.count("coco.pt: has no class for the whole face, but 2 classes, such as person") == 2
    assert run(*words, "--count", 3, *quick, *head) == 0
    record = json.loads((place / "point/left_out.json").read_text())
    assert (record["group"], record["group_kind"]) == ("infant_01 + infant_03", "infant")
    assert record["frames"] == VIDEOS["infant_01"] + VIDEOS["infant_03"]
    assert len(record["names"]) == 3 and all(name.startswith("infant_02") for name in record["names"])
    assert read_weights(place / "point/weights.pt")[0].class_names == ("whole face",)


def test_a_network_whose_one_class_is_a_face_by_another_name_is_scored_as_it_is(place: Path) -> None:
    make_start(place / "ready.pt", classes=("face",), class_ids=(0,))
    make_start(place / "same.pt")
    assert run("labels", "--layout", "graded", "my_frames", "set") == 0
    words = ["--count", 0, "--leave-out", "infant_01", "--confidence", 0.001]
    for name in ("ready", "same"):
        assert run("fine_tune", "set", name, "--from", f"{name}.pt", *words) == 0
    records = [json.loads((place / name / "left_out.json").read_text()) for name in ("ready", "same")]
    assert records[0]["faces"] == VIDEOS["infant_01"] - 1 and records[0]["false_boxes"] > 0
    assert [records[0] | {"start": ""}] == [records[1] | {"start": ""}]


def test_a_network_of_the_package_alone_is_fine_tuned_too(place: Path) -> None:
    make_start(place / "ready.pt", classes=("face",), class_ids=(0,), model="scrfd_2.5g", training={})
    assert run("labels", "--layout", "graded", "my_frames", "set") == 0
    quick = ["--device", "cpu", "--finetune", "epochs=1", "least_images=4", "batch=4"]
    words = ["--count", 4, "--leave-out", "infant_01", *quick]
    assert run("fine_tune", "set", "point", "--from", "ready.pt", *words) == 0
    header, _ = read_weights(place / "point/weights.pt")
    assert (header.model, header.class_names) == ("scrfd_2.5g", ("whole face",))
    assert json.loads((place / "point/left_out.json").read_text())["trained_on"] == 4


TUNE = ("--from", "run", "--data", "my_frames")
BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "no OUT": (("train", "my_frames"), "expected DATA and OUT, or --data DATA"),
    "two data sets": (("train", "a", "b", *TUNE), "--data my_frames: DATA is also given as a"),
    "no weights there": (("train", "--from", "my_frames", "--data", "my_frames"), "my_frames: no weights; expected a"),
    "unknown video": (
        ("train", *TUNE, "--leave-out", "x"),
        "x: no frame belongs to this video .* infant_01, infant_02",
    ),
    "odd layers": (("train", *TUNE, "--freeze", "head"), "--freeze head: expected backbone, none, or a number"),
    "too many layers": (("train", *TUNE, "--freeze", "25"), "freeze: expected a number less than or equal to 24"),
    "two starts": (("train", *TUNE, "--start", "w.pt"), "--weights w.pt: --from run has the initial weights"),
    "two validations": (
        ("train", *TUNE, "--val", "a", "--leave-out", "b"),
        "--leave-out b: --val a is the validation set",
    ),
    "idle": (("train", *TUNE, "--channels", "3"), "--channels 3: has no effect on fine-tuning"),
    "heatmaps": (("train", *TUNE, "--input", "grey"), "--input grey: the input is that of the initial weights"),
    "frozen nothing": (
        ("train", "--data", "my_frames", "--freeze", "backbone"),
        "freeze=10: frozen layers require initial weights",
    ),
    "unknown setting": (("train", *TUNE, "--set", "epoch=3"), "key epoch is unknown; did you mean epochs"),
    "negative count": (
        ("fine_tune", "s", "o", "--from", "run", "--count", "-1", "--leave-out", "x"),
        "--count -1: expected 0 or more",
    ),
    "no such share": (
        ("fine_tune", "s", "o", "--from", "run", "--count", "1", "--leave-out", "x", "--confidence", "2"),
        "--confidence 2.0: expected 0 to 1",
    ),
    "not the recipe's": (
        ("fine_tune", "s", "o", "--from", "run", "--count", "1", "--leave-out", "x", "--finetune", "lr=1"),
        "--finetune: key lr is unknown; did you mean lr0",
    ),
    "no table": (("learning_curve", "left_out.json", "other.json"), "left_out.json: expected OUT.csv"),
}


@pytest.mark.parametrize("name", BAD)
def test_wishes_that_cannot_be_met_are_named_and_nothing_is_written(
    place: Path, complaint: Callable[..., str], name: str
) -> None:
    import re

    words, says = BAD[name]
    assert re.search(says, complaint(*words))
    left = {path.name for path in place.iterdir()}
    assert left - {"my_frames_detector"} == {"my_frames", "run"}
    assert not (place / "my_frames_detector/weights.pt").exists()
