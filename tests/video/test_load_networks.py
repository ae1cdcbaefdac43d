"""Which detector and which rescue are at work."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.video.live_run import LiveRun, sha256, write_trial
from uncover.errors import InputError
from uncover.metrics.predictions import Predictions, read_predictions, write_predictions
from uncover.video.load_networks import CannotRescue, load_networks
from uncover.video.model import find_whole_face
from uncover.video.options import NetworkOptions
from uncover.video.rescue import HeatmapDetector, SecondDetector, StrategyRescue
from uncover.yolov5.weights import read_weights, save_weights


@pytest.fixture
def run(live_run: LiveRun, tmp_path: Path) -> LiveRun:
    """The same run, of which files may be added and models left out."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("predictions", "heatmaps", "datasets"):
        (folder / name).symlink_to(live_run.folder / name)
    shutil.copytree(live_run.folder / "models", folder / "models", copy_function=lambda a, b: Path(b).symlink_to(a))
    return LiveRun(folder)


def trial(run: LiveRun, **methods: int) -> None:
    """A trial in which methods found so many faces each; the confidence of each is a tenth of that."""
    write_trial(
        run.folder / "metrics" / "rescue_trial.csv", {name: (found / 10, found) for name, found in methods.items()}
    )


def options_of(run: LiveRun, rescue: str = "best") -> NetworkOptions:
    return NetworkOptions(run.folder, None, rescue, device="cpu")


@pytest.mark.parametrize(
    ("winner", "kind"),
    [
        ("gradcampp_10", HeatmapDetector),
        ("box_fusion", StrategyRescue),
        ("one_class", SecondDetector),
        ("grey", SecondDetector),
    ],
)
def test_best_is_the_winner_of_the_trial(run: LiveRun, winner: str, kind: type) -> None:
    trial(run, **{"part_fusion": 3, winner: 7, "rgb1": 5})
    chosen = load_networks(options_of(run))
    rescue = chosen.rescue
    assert isinstance(rescue, kind) and rescue.name == winner and rescue.confidence == 0.7
    assert chosen.name == "rgb10" and chosen.why.startswith(f"{winner}, which found 7 of 10 missed faces")
    assert load_networks(replace(options_of(run), rescue_confidence=0.9)).rescue.confidence == 0.9  # type: ignore[union-attr]


def test_what_cannot_look_at_new_pictures_is_passed_over(run: LiveRun) -> None:
    header, state = read_weights(run.weights("gradcampp_avg"))
    drawn = header.model_copy(update={"maps": {**(header.maps or {}), "variant": "drawn_boxes"}})
    (run.folder / "models" / "drawn").mkdir()
    save_weights(run.weights("drawn"), state, drawn)
    trial(run, constant_box=9, mtcnn=8, drawn=7, gradcampp_mean=5, part_fusion=4)
    chosen = load_networks(options_of(run))
    assert chosen.rescue is not None and chosen.rescue.name == "gradcampp_mean"
    assert chosen.digests == {name: sha256(run.weights(name)) for name in ("rgb10", "gradcampp_mean")}
    for name, reason in {"drawn": "looks at drawn boxes", "mtcnn": "no method of"}.items():
        with pytest.raises(CannotRescue, match=reason):
            load_networks(options_of(run, name))
    with pytest.raises(InputError, match="the same box in every picture"):
        load_networks(options_of(run, "constant_box"))


def test_without_a_winner_nothing_looks_again(run: LiveRun) -> None:
    assert load_networks(options_of(run)).why == "none: the run has no rescue trial"
    trial(run, constant_box=9, mtcnn=3, part_fusion=0)
    chosen = load_networks(options_of(run))
    assert chosen.rescue is None and chosen.why.startswith("none: no method of the run's trial")
    alone = load_networks(NetworkOptions(None, run.weights("rgb10"), device="cpu"))
    assert alone.rescue is None and alone.why == "none: weights alone have no rescue trial"
    assert load_networks(options_of(run, "none")).rescue is None


@pytest.mark.parametrize(
    ("rescue", "message"),
    [
        ("nonsense", r"--rescue nonsense: no method of .*; expected best, none, or one of part_fusion$"),
        ("heatmap", r"expected heatmap:NAME, such as heatmap:gradcampp_avg"),
        ("heatmap:nonsense", r"has no model nonsense; expected one of .*gradcampp_avg, .*rgb1"),
        ("heatmap:rgb1", r"looks at photos; expected a detector that looks at heatmaps"),
    ],
)
def test_names_that_are_none(run: LiveRun, rescue: str, message: str) -> None:
    trial(run, constant_box=9, part_fusion=4)
    with pytest.raises(InputError, match=message):
        load_networks(options_of(run, rescue))


def test_a_detector_must_be_there_and_look_at_photos(run: LiveRun, tmp_path: Path) -> None:
    cases = {
        "no models/ in it": NetworkOptions(tmp_path, None),
        "looks at joints": NetworkOptions(None, run.weights("gradcampp_avg"), device="cpu"),
        "is a model of a run; expected --run": NetworkOptions(
            None, run.weights("rgb10"), "heatmap:gradcampp_avg", device="cpu"
        ),
        "leave --rescue none out": NetworkOptions(
            None, run.weights("rgb10"), "none", run.weights("grey"), device="cpu"
        ),
    }
    assert load_networks(NetworkOptions(None, None, device="cpu")).name == "general"
    for message, wished in cases.items():
        with pytest.raises(InputError, match=message):
            load_networks(wished)


def test_weights_of_one_file_name_are_told_apart(
    run: LiveRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    detector, maps = run.weights("rgb10"), run.weights("gradcampp_avg")
    chosen = load_networks(NetworkOptions(None, detector, heatmap_weights=maps, device="cpu"))
    assert chosen.name == "rgb10" and chosen.rescue is not None
    assert chosen.rescue.name == "gradcampp_avg" and chosen.rescue.found_by == "heatmap"
    assert sorted(chosen.digests.values()) == sorted([sha256(detector), sha256(maps)])
    assert "another detector" not in capsys.readouterr().err
    for name, path in {"a": detector, "b": maps}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.pt").symlink_to(path)
    same = NetworkOptions(None, tmp_path / "a" / "mine.pt", heatmap_weights=tmp_path / "b" / "mine.pt", device="cpu")
    assert sorted(load_networks(same).digests.values()) == sorted(chosen.digests.values())
    assert "another detector" not in capsys.readouterr().err


def test_heatmaps_of_another_detector_are_said(run: LiveRun, capsys: pytest.CaptureFixture[str]) -> None:
    load_networks(NetworkOptions(run.folder, run.weights("parts"), "heatmap:gradcampp_avg", device="cpu"))
    assert "learnt from heatmaps of another detector" in capsys.readouterr().err


def test_another_size_is_that_of_all_that_look_at_the_picture(run: LiveRun) -> None:
    def sizes(rescue: str, image_size: int | None) -> tuple[int, list[int]]:
        networks = load_networks(replace(options_of(run, rescue), image_size=image_size))
        found = networks.rescue
        if isinstance(found, StrategyRescue):
            return networks.detector.image_size, [each.model.image_size for each in found._scales.values()]
        assert isinstance(found, SecondDetector | HeatmapDetector)
        return networks.detector.image_size, [found.model.image_size]

    assert sizes("multi_scale", None) == (64, [64, 96]) and sizes("multi_scale", 128) == (128, [128, 192])
    assert sizes("grey", 128) == (128, [128]) and sizes("gradcampp_avg", 128) == (128, [64])


def test_boxes_are_suppressed_as_when_the_trial_chose_confidences(run: LiveRun) -> None:
    trial(run, part_fusion=4, multi_scale=3)
    assert load_networks(options_of(run)).detector.nms_iou == 0.6
    assert load_networks(replace(options_of(run), nms_iou=0.6)).rescue is not None
    with pytest.raises(InputError, match=r"--nms-iou 0.5: .*/part_fusion/ward.parquet has 0.6, .*; leave --nms-iou"):
        load_networks(replace(options_of(run), nms_iou=0.5))
    # Whoever says from where on boxes count may say how they are suppressed, and so may who rescues nothing.
    for wished in (replace(options_of(run), rescue_confidence=0.3), options_of(run, "none")):
        assert load_networks(replace(wished, nms_iou=0.5)).detector.nms_iou == 0.5
    alone = NetworkOptions(None, run.weights("rgb10"), device="cpu")
    assert [load_networks(replace(alone, nms_iou=iou)).detector.nms_iou for iou in (None, 0.4)] == [0.6, 0.4]


def test_predictions_of_a_run_that_were_not_made_alike_are_refused_or_said_to_be_old(
    run: LiveRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trial(run, multi_scale=3)
    predictions = run.folder / "predictions"
    shutil.copytree(predictions.resolve(), tmp_path / "own")
    predictions.unlink()
    (tmp_path / "own").rename(predictions)
    look = predictions / "rgb1_occlusion_scale1" / "ward.parquet"
    stored = read_predictions(look)
    write_predictions(look, Predictions(stored.boxes, stored.images, {**stored.settings, "nms_iou": 0.5}))
    with pytest.raises(InputError, match=r"rgb1_occlusion_scale1/ward.parquet has 0.5, by which"):
        load_networks(options_of(run))
    assert "note" not in capsys.readouterr().err
    load_networks(replace(options_of(run, "none"), image_size=128))
    assert "note" not in capsys.readouterr().err
    del stored.settings["max_boxes_per_class"]
    write_predictions(look, stored)
    assert load_networks(replace(options_of(run), image_size=128)).rescue is not None
    said = capsys.readouterr().err
    assert "scale1/ward.parquet: is of an earlier version, and so is the confidence of multi_scale" in said


def test_the_class_that_is_the_face_may_be_chosen(run: LiveRun, tmp_path: Path) -> None:
    header, state = read_weights(run.weights("rgb10"))
    names = ("person", "masked face", "face", *(f"thing {number}" for number in range(len(header.class_names) - 3)))
    path = tmp_path / "upstream.pt"
    for called, face in ((names, None), (("mask", "bare", "Faces", *names[3:]), None), (names, "Person")):
        save_weights(path, state, header.model_copy(update={"class_names": called}))
        chosen = NetworkOptions(None, path, "none", device="cpu", face=face)
        if called is names and face is None:
            with pytest.raises(
                InputError, match=r"knows person, masked face, face, .*: say which is the face with --class"
            ):
                load_networks(chosen)
        else:
            assert find_whole_face(load_networks(chosen).detector.header) == (0 if face else 2)
    with pytest.raises(InputError, match="has no class 'ear'"):
        load_networks(NetworkOptions(None, path, "none", device="cpu", face="ear"))
