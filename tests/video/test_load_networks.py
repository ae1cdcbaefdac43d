"""Which detector and which rescue are at work."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import uncover
from tests.video.live_run import LiveRun, sha256, write_trial
from uncover.errors import InputError
from uncover.images.reading import read_image
from uncover.metrics.detections import Detections
from uncover.metrics.predictions import Predictions, read_predictions, write_predictions
from uncover.video.detected_frames import RESCUE
from uncover.video.detection import Networks, detect_frames
from uncover.video.frame import Frame
from uncover.video.load_networks import CannotRescue, load_networks
from uncover.video.model import find_whole_face
from uncover.video.options import NetworkOptions
from uncover.video.other_detector import OtherDetector
from uncover.video.rescue import BehindAnother, HeatmapDetector, SecondDetector, StrategyRescue, TurnedDetector
from uncover.weights import find_weights
from uncover.yolov5.weights import read_weights, save_weights


@pytest.fixture
def run(live_run: LiveRun, tmp_path: Path) -> LiveRun:
    """The same run, of which files may be added and models left out."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("predictions", "heatmaps", "datasets", "pictures"):
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
    assert chosen.name == "rgb10"
    assert chosen.why == f"{winner}, which found 7 of 10 missed faces in the run's trial (7 of 8 added boxes correct)"
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
    with pytest.raises(CannotRescue, match=r"runs on drawn boxes.*; expected best, none, or one of ") as refused:
        load_networks(options_of(run, "drawn"))
    offered = str(refused.value).rpartition("one of ")[2].split(", ")
    assert {"turns", "gradcampp_mean", "part_fusion", "viola_jones", "rgb1"} <= set(offered)
    assert not {"drawn", "constant_box", "retinaface"} & set(offered)
    for name in offered:
        assert load_networks(options_of(run, name)).rescue is not None, name
    with pytest.raises(InputError, match="the same box for every image"):
        load_networks(options_of(run, "constant_box"))


def test_what_shows_no_gain_is_no_default(run: LiveRun) -> None:
    trial(run, part_fusion=1, rgb1=1)
    chosen = load_networks(options_of(run))
    assert chosen.rescue is None and chosen.digests.keys() == {"rgb10"}
    assert chosen.why == (
        "none: the best method, part_fusion, found 1 of 10 missed faces in the run's trial (1 of 2 added boxes correct)"
        ", which shows no gain over a lower --confidence; to use it anyway, pass --rescue part_fusion"
    )
    named = load_networks(options_of(run, "part_fusion"))
    assert named.rescue is not None and named.why.endswith(
        "; it found 1 of 10 missed faces in the run's trial (1 of 2 added boxes correct)"
    )
    trial(run, part_fusion=9)
    for other in ({"baseline": "viola_jones"}, {"weights": run.weights("parts")}):
        behind = load_networks(replace(options_of(run), **other))
        assert behind.rescue is None and behind.why.startswith("none: the run has no trial with ")
    trial(run, part_fusion=1, rgb1=1)
    winner = load_networks(options_of(run, "winner"))
    assert winner.rescue is not None and winner.rescue.name == "part_fusion"


def test_another_detector_goes_first_with_any_rescue(run: LiveRun) -> None:
    first = replace(options_of(run), baseline="viola_jones")
    alone = load_networks(first)
    assert isinstance(alone.detector, OtherDetector) and alone.name == "viola_jones"
    assert alone.confidence == alone.detector.confidence and alone.why == "none: the run has no rescue trial"
    kinds = {
        "turns": TurnedDetector,
        "rgb1": SecondDetector,
        "mtcnn": SecondDetector,
        "heatmap:gradcampp_avg": BehindAnother,
        "part_fusion": BehindAnother,
    }
    images = [read_image(path, 3) for path in run.images.values()]
    for rescue, kind in kinds.items():
        # No box of the first one counts, so that all pictures are looked at again.
        networks = load_networks(replace(first, rescue=rescue, confidence=1.0, rescue_confidence=0.05, covered=True))
        assert isinstance(networks.rescue, kind)
        frames = (Frame(number, np.nan, image) for number, image in enumerate(images))
        found = [frame for _, frame in detect_frames(frames, networks, 4)]
        assert [(each.width, each.height) for each in found] == [image.shape[1::-1] for image in images]
        if rescue == "rgb1":
            alone = load_networks(NetworkOptions(None, run.weights("rgb1"), "none", device="cpu"))
            frames = (Frame(number, np.nan, image) for number, image in enumerate(images))
            for (_, expected), own in zip(detect_frames(frames, alone, 4), found, strict=True):
                own_boxes = own.detections[own.found_by == RESCUE]
                np.testing.assert_allclose(own_boxes.boxes, expected.detections.boxes, atol=1e-2)
        if kind is BehindAnother:
            assert sum((each.found_by == RESCUE).sum() for each in found) > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"baseline": "nonsense"}, "no such detector; expected one of mtcnn, "),
        ({"baseline": "yunet"}, r"yunet: .*run has no weights of it; pass --detector-weights yunet=PATH"),
        ({"baseline": "yolo11"}, r"yolo11: .*run has no weights of it; .*uncover train baseline yolo11"),
        ({"baseline": "mtcnn", "baseline_weights": {"mtcnn": Path("x.pt")}}, "mtcnn: its package includes the weights"),
        (
            {"baseline": "mtcnn", "weights": Path("x.pt")},
            "--detector mtcnn: cannot be combined with --weights",
        ),
        ({"baseline": "mtcnn", "face": "face"}, "cannot be combined with --class"),
        (
            {"baseline": "retinaface", "baseline_weights": {"retinaface": Path("absent.pth")}},
            "absent.pth: does not exist",
        ),
    ],
)
def test_other_detectors_that_cannot_be_had(run: LiveRun, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_networks(replace(options_of(run, "none"), **changes))


def test_a_package_that_is_missing_is_named_with_what_gets_it(run: LiveRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr("uncover.baselines.registry.metadata.version", lacking)
    with pytest.raises(InputError, match=r"^scrfd_500m: onnxruntime is not installed; run: pip install onnxruntime"):
        load_networks(replace(options_of(run, "scrfd_500m")))
    monkeypatch.setitem(sys.modules, "facenet_pytorch", None)
    monkeypatch.delitem(sys.modules, "uncover.baselines.mtcnn", raising=False)
    told = (
        r"^mtcnn: needs the package facenet-pytorch, which is not installed; run: pip install 'uncover\[baselines\]'$"
    )
    with pytest.raises(InputError, match=told):
        load_networks(replace(options_of(run, "none"), baseline="mtcnn"))


def test_faces_are_found_turned(run: LiveRun) -> None:
    """What a detector sees only upright, its turned looks find in a turned picture, at the same place."""

    class Upright:
        """Finds the brightest pixel's block, if it is in the upper left quarter."""

        def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
            return [self._find(image) for image in images]

        def _find(self, image: NDArray[np.uint8]) -> Detections:
            rows, columns = np.nonzero(image[..., 0] == 255)
            if not len(rows) or rows.max() >= image.shape[0] / 2 or columns.max() >= image.shape[1] / 2:
                return Detections.empty()
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            return Detections(np.array([box], np.float32), np.array([0.9], np.float32))

    detector = OtherDetector(Upright(), "upright", 0.5, torch.device("cpu"), None, 0.6, {})
    networks = Networks(detector, "upright", 0.5, TurnedDetector("turns", 0.5, detector, 4), "", {}, covered=True)
    for box in ((4, 6, 14, 20), (60, 6, 70, 20), (60, 40, 70, 54), (4, 40, 14, 54)):
        image = np.zeros((64, 96, 3), np.uint8)
        image[box[1] : box[3], box[0] : box[2]] = 255
        ((_, frame),) = detect_frames([Frame(0, np.nan, image)], networks, 1)
        np.testing.assert_allclose(frame.detections.boxes, [box], atol=1e-4)
        assert frame.cover is not None and frame.cover.mask(96, 64)[box[1] : box[3], box[0] : box[2]].all()
        assert frame.cover.mask(96, 64).mean() < 0.5


def test_the_first_look_and_a_rescue_do_not_share_a_detector_at_once() -> None:
    """Both run in threads of their own; a detector of OpenCV that two threads ask at once breaks."""

    class Alone:
        busy, shared, looks = False, False, 0

        def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
            self.shared |= self.busy
            self.busy, self.looks = True, self.looks + 1
            time.sleep(0.002)
            self.busy = False
            return [Detections.empty() for _ in images]

    alone = Alone()
    detector = OtherDetector(alone, "alone", 0.5, torch.device("cpu"), None, 0.6, {})
    networks = Networks(detector, "alone", 0.5, TurnedDetector("turns", 0.5, detector, 4), "", {})
    frames = [Frame(number, np.nan, np.zeros((8, 8, 3), np.uint8)) for number in range(12)]
    assert len(list(detect_frames(frames, networks, 2))) == 12
    assert alone.looks == 12 * 4 and not alone.shared


def test_ready_made_weights_look_again_where_it_helps() -> None:
    general = load_networks(NetworkOptions(None, None, device="cpu"))
    assert isinstance(general.rescue, TurnedDetector) and general.rescue.confidence == general.confidence
    assert general.why == (
        "turns: a second pass on every frame in which general found no box, at its four quarter turns side by side in"
        " 512 pixels; such a frame takes 1.6 times as long"
    )
    assert load_networks(NetworkOptions(None, find_weights("nicu"), device="cpu")).rescue is None
    assert load_networks(NetworkOptions(None, None, "none", device="cpu")).rescue is None


def test_weights_of_rendered_faces_say_so(run: LiveRun, tmp_path: Path) -> None:
    assert load_networks(options_of(run, "none")).rendered == ()
    header, state = read_weights(run.weights("rgb10"))
    told = header.model_copy(update={"training": {"rendered": True}})
    save_weights(tmp_path / "mine.pt", state, told)
    assert load_networks(NetworkOptions(None, tmp_path / "mine.pt", "none", device="cpu")).rendered == ("mine",)
    with pytest.warns(UserWarning, match="mine: trained on rendered faces only; on images of people"):
        uncover.FaceDetector(tmp_path / "mine.pt", device="cpu")
    # A run of an earlier version, whose weights do not say.
    (run.folder / "raw" / "wflw").mkdir(parents=True)
    (run.folder / "raw" / "wflw" / "synthetic.json").write_text("{}")
    assert load_networks(options_of(run, "rgb1")).rendered == ("rgb10", "rgb1")


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
        ("nonsense", r"--rescue nonsense: no method of .*; expected best, none, or one of turns, turns8, larger, "),
        ("heatmap", r"expected heatmap:NAME, such as heatmap:gradcampp_avg"),
        ("heatmap:nonsense", r"has no model nonsense; its models: .*gradcampp_avg, .*rgb1"),
        ("heatmap:rgb1", r"is a detector for photos; expected a detector for heatmaps"),
    ],
)
def test_names_that_are_none(run: LiveRun, rescue: str, message: str) -> None:
    trial(run, constant_box=9, part_fusion=4)
    with pytest.raises(InputError, match=message):
        load_networks(options_of(run, rescue))


def test_a_detector_must_be_there_and_look_at_photos(run: LiveRun, tmp_path: Path) -> None:
    cases = {
        "no models/ in it": NetworkOptions(tmp_path, None),
        "its input is joint": NetworkOptions(None, run.weights("gradcampp_avg"), device="cpu"),
        "is a model of a run; also pass --run": NetworkOptions(
            None, run.weights("rgb10"), "heatmap:gradcampp_avg", device="cpu"
        ),
        "remove --rescue none": NetworkOptions(None, run.weights("rgb10"), "none", run.weights("grey"), device="cpu"),
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
    assert "trained on heatmaps of another detector" in capsys.readouterr().err


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
    with pytest.raises(InputError, match=r"--nms-iou 0.5: .* at 0.6 .*/part_fusion/ward.parquet.*; remove --nms-iou"):
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
    with pytest.raises(InputError, match=r" at 0.5 .*rgb1_occlusion_scale1/ward.parquet"):
        load_networks(options_of(run))
    assert "note" not in capsys.readouterr().err
    load_networks(replace(options_of(run, "none"), image_size=128))
    assert "note" not in capsys.readouterr().err
    del stored.settings["max_boxes_per_class"]
    write_predictions(look, stored)
    assert load_networks(replace(options_of(run), image_size=128)).rescue is not None
    said = capsys.readouterr().err
    assert "scale1/ward.parquet: made by an earlier version, like the threshold of multi_scale" in said


def test_the_class_that_is_the_face_may_be_chosen(run: LiveRun, tmp_path: Path) -> None:
    header, state = read_weights(run.weights("rgb10"))
    names = ("person", "masked face", "face", *(f"thing {number}" for number in range(len(header.class_names) - 3)))
    path = tmp_path / "upstream.pt"
    for called, face in ((names, None), (("mask", "bare", "Faces", *names[3:]), None), (names, "Person")):
        save_weights(path, state, header.model_copy(update={"class_names": called}))
        chosen = NetworkOptions(None, path, "none", device="cpu", face=face)
        if called is names and face is None:
            with pytest.raises(
                InputError, match=r"has the classes person, masked face, face, .* select the face class with --class"
            ):
                load_networks(chosen)
        else:
            assert find_whole_face(load_networks(chosen).detector.header) == (0 if face else 2)
    with pytest.raises(InputError, match="has no class 'ear'"):
        load_networks(NetworkOptions(None, path, "none", device="cpu", face="ear"))
