"""Fine-tuning: what is taken from the initial weights, who validates, and what the left-out infant never reaches."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.yolov5.picked_frames import VIDEOS, make_picked, make_start
from tests.yolov5.squares import make_set
from uncover.config.detectors import Detector
from uncover.config.finetune import Finetune
from uncover.data.frame_sets import make_frame_set
from uncover.errors import InputError
from uncover.images.grouped import GroupedImages, read_grouped_images
from uncover.images.labelled import LabelledImages
from uncover.metrics.counts import FaceScores
from uncover.weights import find_weights
from uncover.yolov5 import finetune
from uncover.yolov5 import train as training
from uncover.yolov5.distributed import ProcessGroup
from uncover.yolov5.finetune import (
    choose_fold,
    find_start,
    finetuning_settings,
    read_frames_job,
    read_point,
    read_start,
    run_point,
)
from uncover.yolov5.weights import Header, load_weights

PROCESSES = ProcessGroup(0, 1, torch.device("cpu"))
QUICK = Finetune(epochs=2, least_images=4, batch=4).changes()


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of picked frames; not to be changed."""
    root = tmp_path_factory.mktemp("frames")
    make_picked(root / "picked")
    make_frame_set(root / "picked", root / "set", "picked")
    return root / "set"


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights to start from; not to be changed."""
    return make_start(tmp_path_factory.mktemp("run") / "models" / "rgb1" / "weights.pt")


def test_weights_are_found_in_a_run_in_a_training_and_as_a_file(start: Path, tmp_path: Path) -> None:
    assert find_start(start) == find_start(start.parent) == find_start(start.parents[2]) == start
    assert find_start(Path("general")) == find_weights("general")
    make_start(tmp_path / "models" / "other" / "weights.pt")
    with pytest.raises(InputError, match=r"no weights; .* its models: other, such as .*models/other"):
        find_start(tmp_path)


def test_settings_are_those_of_the_start_then_of_fine_tuning_then_of_the_user(start: Path) -> None:
    header = read_start(start)
    settings = finetuning_settings(header, Finetune(lr0=0.003, epochs=7).changes(), ["hyperparameters.fliplr=0"])
    # The gains it was trained with stay, its learning rate and its processes do not.
    assert settings.hyperparameters.obj == 7 and settings.exclusive_candidates
    assert (settings.hyperparameters.lr0, settings.epochs, settings.processes) == (0.003, 7, 1)
    assert (settings.model, settings.image_size, settings.classes) == ("yolov5n", 64, "whole_face")
    assert settings.hyperparameters.fliplr == 0 and settings.least_warmup_steps == 0


def test_settings_of_another_version_or_none_at_all_do_no_harm() -> None:
    about = {"model": "yolov5s", "channels": 3, "class_names": ("whole face",), "class_ids": (2,), "image_size": 96}
    own = {"model": "yolov5s", "no_longer_known": 3, "hyperparameters": {"box": 0.2, "gone": 1}}
    for told, box in (({"settings": own}, 0.2), ({}, 0.05), ({"settings": "?"}, 0.05)):
        settings = finetuning_settings(Header(**about, training=told), Finetune().changes())
        assert (settings.model, settings.image_size, settings.hyperparameters.box) == ("yolov5s", 96, box)


@pytest.mark.parametrize(("name", "held"), [("infant_03", 3), ("infant_01", 5), (None, 3)])
def test_one_video_validates_and_the_others_train(
    frames: Path, capsys: pytest.CaptureFixture[str], name: str | None, held: int
) -> None:
    # A fifth of 12 frames is 2.4: infant_03 with its 3 is nearest.
    fold = choose_fold(read_grouped_images(frames), name)
    assert len(fold.held_out) == held and len(fold.training) == 12 - held
    said = capsys.readouterr().err
    assert f"validating on {name or 'infant_03'} ({held} frames, {held - 1} with a face)" in said
    assert ("--leave-out" in said) == (name is None)


def test_frames_of_one_video_alone_are_refused(tmp_path: Path, start: Path) -> None:
    make_picked(tmp_path / "picked", {"only": 3})
    arguments = (tmp_path / "picked", None, tmp_path / "made", start, [], None, True, PROCESSES)
    with pytest.raises(InputError, match="needs at least 2; found only only in 3 frames"):
        read_frames_job(*arguments)


def test_ten_part_weights_are_not_told_that_there_are_no_parts(frames: Path, tmp_path: Path) -> None:
    parts = make_start(tmp_path / "w.pt", ("eyes", "nose", "whole face"))
    names = frames / "data.yaml"
    assert "right face" in names.read_text()
    arguments = (frames, None, tmp_path / "made", parts, ["classes=parts"], None, True, PROCESSES)
    with pytest.raises(InputError, match=r"boxes of whole faces only.*start from a whole-face detector"):
        read_frames_job(*arguments)
    relearned = (*arguments[:4], ["classes=whole_face"], *arguments[5:])
    assert read_frames_job(*relearned).training.class_names == ("whole face",)


def test_pretrained_weights_of_another_network_learn_from_train_and_val(tmp_path: Path) -> None:
    for name, seed in (("train", 1), ("val", 2)):
        make_set(tmp_path / name, 2, seed)
        (tmp_path / name / "data.yaml").write_text("names: [face, mask]\n")
    start = find_weights("general")
    pairs = ["epochs=1", "image_size=64"]
    job = read_frames_job(tmp_path, None, tmp_path / "made", start, pairs, None, True, PROCESSES)
    assert (job.settings.model, job.settings.epochs, job.start) == ("scrfd_2.5g", 1, start)
    assert job.training.class_names == ("whole face",) and len(job.validation) == 2


def test_weights_of_heatmaps_are_refused(tmp_path: Path) -> None:
    weights = make_start(tmp_path / "w.pt", input="joint", maps={}, channels=1)
    with pytest.raises(
        InputError, match=r"is a detector for heatmaps \(input: joint\); expected a detector for photos"
    ):
        read_start(weights)


@pytest.mark.parametrize("freeze", [pytest.param(0, marks=pytest.mark.whole_run), 10])
def test_a_frozen_backbone_keeps_its_weights_and_the_rest_learns(
    frames: Path, start: Path, tmp_path: Path, freeze: int
) -> None:
    point = read_point(frames, start, 4, ["infant_01"], QUICK, [f"freeze={freeze}"])
    run_point(point, tmp_path, PROCESSES, 0.4, {})
    before, after = (load_weights(path)[0].state_dict() for path in (start, tmp_path / "weights.pt"))
    changed = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert ("3" in changed) == (freeze == 0)
    assert "17" in changed and "24" in changed


def test_nothing_of_the_infant_left_out_reaches_the_training(
    frames: Path, start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = []
    train = finetune.train
    monkeypatch.setattr(finetune, "train", lambda job, *rest, **named: (jobs.append(job), train(job, *rest, **named)))
    scores = run_point(read_point(frames, start, 6, ["infant_02"], QUICK, []), tmp_path, PROCESSES, 0.4, {})
    (job,) = jobs
    seen = {path.name for part in (job.training, job.validation) for path in part.paths}
    assert len(seen) == 6 and not any(name.startswith("infant_02") for name in seen)
    assert scores.frames == VIDEOS["infant_02"] and scores.faces == VIDEOS["infant_02"] - 1
    record = json.loads((tmp_path / "left_out.json").read_text())
    assert set(record["names"]) == seen and record["trained_on"] == record["count"] == 6
    assert (record["group"], record["frames_without_face"]) == ("infant_02", 1)


def test_all_videos_of_the_infant_are_left_out(
    start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_picked(tmp_path / "picked", {"infant_01_a": 3, "infant_01_b": 3, "ward": 4, "ward_too": 3})
    (tmp_path / "picked/infants.csv").write_text("video,infant\nward,Mia\nward_too,infant_01\n")
    make_frame_set(tmp_path / "picked", tmp_path / "set", "picked")
    jobs = []
    monkeypatch.setattr(finetune, "train", lambda job, out, *rest, **named: jobs.append(job))
    monkeypatch.setattr(finetune, "score_left_out", lambda *rest: FaceScores(9, 6, 3, *[None] * 4, 0, 0, 0, 0.4, 0.5))
    # Whoever names a video means the infant in it.
    point = read_point(tmp_path / "set", start, 50, ["infant_01_b"], QUICK, [])
    run_point(point, tmp_path, PROCESSES, 0.4, {})
    seen = {path.name for part in (jobs[0].training, jobs[0].validation) for path in part.paths}
    assert len(seen) == 4 and all(name.startswith("ward_0000") for name in seen)
    assert len(point.fold.held_out) == 9
    record = json.loads((tmp_path / "left_out.json").read_text())
    assert (record["group"], record["group_kind"]) == ("infant_01", "infant")
    assert "infant_01_b belongs to the infant infant_01; its 3 videos stay together" in capsys.readouterr().err
    with pytest.raises(
        InputError, match="nobody: no frame belongs to this video or infant; expected one of: Mia, infant_01"
    ):
        read_point(tmp_path / "set", start, 5, ["nobody"], QUICK, [])


def test_no_frames_are_the_start_weights_as_they_are(frames: Path, start: Path, tmp_path: Path) -> None:
    run_point(read_point(frames, start, 0, ["infant_02"], QUICK, []), tmp_path, PROCESSES, 0.4, {})
    assert (tmp_path / "weights.pt").read_bytes() == start.read_bytes()
    assert json.loads((tmp_path / "left_out.json").read_text())["trained_on"] == 0


def test_more_frames_than_there_are_is_told(frames: Path, start: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(read_point(frames, start, 50, ["infant_01"], QUICK, []).names) == 7
    assert "only 7 of 50 frames are available without infant_01" in capsys.readouterr().err


def test_a_stopped_fine_tuning_ends_like_an_undisturbed_one(
    frames: Path, start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = QUICK | {"epochs": 3}
    point = read_point(frames, start, 4, ["infant_01"], changes, [])
    run_point(point, tmp_path / "whole", PROCESSES, 0.4, {})
    keep = training.save_state

    def save_and_die(folder, state):
        keep(folder, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "save_state", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            run_point(point, tmp_path / "stopped", PROCESSES, 0.4, {})
    assert not (tmp_path / "stopped" / "left_out.json").exists()
    run_point(point, tmp_path / "stopped", PROCESSES, 0.4, {})
    for name in ("weights.pt", "left_out.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes()


@pytest.mark.parametrize(("keep", "kept"), [("best", 0), ("last", 2)])
def test_the_weights_kept_are_of_the_best_epoch_or_of_the_last(
    frames: Path, start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: str, kept: int
) -> None:
    values = iter([0.5, 0.3, 0.2])
    validate = training.validate

    def scripted(*args):
        from dataclasses import replace

        value = next(values)
        return replace(validate(*args), map50=value, map50_95=value)

    monkeypatch.setattr(training, "validate", scripted)
    arguments = (frames, None, tmp_path, start, [f"keep={keep}", "epochs=3", "least_images=4"], None, True, PROCESSES)
    assert training.train(read_frames_job(*arguments), tmp_path / "out", PROCESSES)["best_epoch"] == kept


@given(st.integers(1, 9), st.integers(0, 40))
def test_few_images_stand_as_often_as_it_takes(count: int, least: int) -> None:
    paths = [Path(f"{number}.png") for number in range(count)]
    labels = [np.full((1, 5), number, np.float32) for number in range(count)]
    few = LabelledImages(Path(), paths, np.array([[row, row] for row in range(count)]), labels, ("a",), (0,))
    many = few.repeated(least)
    assert max(count, least) <= len(many) < max(count, least) + count
    assert len(many) % count == 0
    for row, path in enumerate(many.paths):
        assert path == paths[row % count] and many.sizes[row, 0] == row % count == many.labels[row][0, 0]


def test_few_images_make_an_epoch_of_as_many_steps(frames: Path, start: Path, tmp_path: Path) -> None:
    steps = {}
    for least in (0, 16):
        pairs = [f"least_images={least}", "epochs=1", "batch=4", "nominal_batch=4"]
        job = read_frames_job(frames, None, tmp_path, start, pairs, None, True, PROCESSES)
        assert len(job.training) == 9
        steps[least] = training._Loop(job, PROCESSES, tmp_path / "state", "none", 1)._steps
    # 9 frames in steps of 4; 18 images, the least multiple of 9 from 16 on.
    assert steps == {0: 3, 16: 5}


def test_defaults_of_a_training_are_upstreams() -> None:
    plain = Detector()
    assert (plain.least_images, plain.least_warmup_steps, plain.keep) == (0, None, "best")


def test_frames_are_taken_by_name(frames: Path) -> None:
    grouped: GroupedImages = read_grouped_images(frames)
    names = ["infant_02_000010.png", "infant_01_000000.png"]
    assert [path.name for path in grouped.take(names).paths] == names
    assert grouped.with_face(["infant_01_000040.png"]) == 0 and grouped.with_face(names) == 2
