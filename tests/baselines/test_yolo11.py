"""YOLO11: what its trainer is shown, what it leaves, and that it keeps within its walls."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.baselines.trainings import CPU, Trained, box_row, make_faces, photo_of, stopped_after, train
from uncover.baselines import yolo11
from uncover.baselines.training import METRICS, face_boxes, read_faces
from uncover.baselines.weights import BaselineWeights
from uncover.baselines.yolo11 import FaceImages, build
from uncover.config.baselines import Yolo11
from uncover.data.parts import WHOLE_FACE
from uncover.errors import InputError, OutOfMemory
from uncover.images.reading import read_image

QUICK = Yolo11(network="yolo11n", weights="scratch", image_size=64, epochs=2, batch=4)


@pytest.fixture(scope="module")
def trained(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """What a training leaves that was stopped after its first epoch and started again; not to be changed."""
    out = tmp_path_factory.mktemp("yolo11")
    with stopped_after(1, yolo11.logger):
        train("yolo11", QUICK, faces, out)
    assert not (out / "summary.json").exists() and (out / ".resume").is_dir()
    return train("yolo11", QUICK, faces, out)


def test_it_leaves_what_our_trainings_leave_and_nothing_else(trained):
    assert sorted(path.name for path in trained.out.iterdir()) == ["results.csv", "summary.json", "weights.pt"]
    assert trained.untouched
    record = trained.record
    assert record["epoch"].tolist() == [0, 1] and {*METRICS, "train/box_loss", "seconds"} <= {*record}
    assert np.isfinite(record.to_numpy()).all()
    summary = json.loads((trained.out / "summary.json").read_text())
    assert (summary["train_images"], summary["train_faces"], summary["val_faces"]) == (8, 6, 2)
    assert summary["epochs_run"] == 2 and summary["best_epoch"] in (0, 1) and summary["start"] is None


def test_weights_say_what_they_belong_to(trained):
    about = trained.weights.about
    assert (about["model"], about["network"], about["image_size"]) == ("yolo11", "yolo11n", 64)
    assert about["classes"] == {str(WHOLE_FACE): "whole face"}
    floats = [value for value in trained.weights.state.values() if value.is_floating_point()]
    assert all(value.dtype == torch.float32 for value in floats)


@pytest.fixture(scope="module")
def eager(trained) -> BaselineWeights:
    """The trained weights, with a head that sees faces everywhere: two epochs make a network see none."""
    state = {name: value.clone() for name, value in trained.weights.state.items()}
    for name in state:
        if name.startswith("model.23.cv3.") and name.endswith(".2.bias"):
            state[name] += 12
    return BaselineWeights(state, trained.weights.about)


@pytest.mark.parametrize(("width", "height"), [(96, 72), (192, 72), (50, 130)])
def test_boxes_are_those_of_the_packages_own_interface(eager, tmp_path, monkeypatch, width, height):
    from ultralytics import YOLO

    from uncover.baselines.quiet_ultralytics import same_threads

    photo = photo_of(width, height)
    found = yolo11.load(QUICK, eager, CPU).detect([photo])[0]
    monkeypatch.chdir(tmp_path)
    theirs = YOLO(str(yolo11.ROOT / "cfg/models/11/yolo11.yaml"))
    theirs.model = build("yolo11n")
    theirs.model.load_state_dict(dict(eager.state))
    options = {"imgsz": 64, "conf": 0.001, "iou": 0.6, "max_det": 300, "verbose": False, "device": "cpu"}
    with same_threads():
        (result,) = theirs.predict(photo[..., ::-1], **options)
    assert len(found.boxes) > 5 and found.landmarks is None
    np.testing.assert_allclose(found.boxes, result.boxes.xyxy.numpy(), atol=1e-3)
    np.testing.assert_allclose(found.confidence, result.boxes.conf.numpy(), atol=1e-5)
    assert found.boxes[:, [0, 2]].max() > 0.75 * width and found.boxes.max() <= max(width, height)
    assert found.confidence.min() >= yolo11.CONFIDENCE and (np.diff(found.confidence) <= 0).all()


def test_boxes_are_suppressed_at_the_overlap_of_the_trial(eager):
    photo = photo_of(96, 72)
    counts = [len(yolo11.load(QUICK, eager, CPU, nms_iou).detect([photo])[0].boxes) for nms_iou in (0.3, 0.6, 0.9)]
    assert counts[0] < counts[1] == len(yolo11.load(QUICK, eager, CPU).detect([photo])[0].boxes) < counts[2]


def test_only_whole_faces_are_shown(tmp_path):
    for name in ("train", "val"):
        make_faces(tmp_path / name, 4, seed=5)
    rows = [box_row(9, 1, 2, 8), box_row(WHOLE_FACE, 24, 18, 36), box_row(0, 30, 30, 5), box_row(WHOLE_FACE, 0, 0, 12)]
    (tmp_path / "train/labels/0.txt").write_text("".join(rows))
    shown = read_faces(tmp_path).training
    assert [len(labels) for labels in shown.labels] == [2, 1, 0, 0]
    np.testing.assert_allclose(face_boxes(shown, 0), [[24, 18, 60, 54], [0, 0, 12, 12]], atol=1e-4)
    labels = images_of(shown).labels
    assert [label["cls"].tolist() for label in labels] == [[[0], [0]], [[0]], [], []]
    np.testing.assert_allclose(labels[0]["bboxes"], [[42 / 96, 0.5, 36 / 96, 0.5], [6 / 96, 6 / 72, 0.125, 12 / 72]])


def test_photos_are_those_of_all_other_detectors(tmp_path):
    for name in ("train", "val"):
        make_faces(tmp_path / name, 3, seed=5)
    # A picture that was taken lying on its side: upright, it is high.
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "train/images/0.jpg"
    Image.fromarray(photo_of(80, 40)).save(path, exif=exif)
    (tmp_path / "train/images/0.png").unlink()
    path.write_bytes(path.read_bytes() + b"\0\0")  # for which ultralytics would write the photo anew
    before = path.read_bytes()
    image, shape, resized = images_of(read_faces(tmp_path).training, size=80).load_image(0)
    assert (shape, resized) == ((80, 40), (80, 40)) and path.read_bytes() == before
    assert np.array_equal(image[..., ::-1], read_image(path, 3))


def images_of(shown, size: int = 64) -> FaceImages:
    from ultralytics.cfg import get_cfg

    return FaceImages(shown, img_path="", imgsz=size, augment=False, hyp=get_cfg(), data={"names": {0: "face"}})


def test_coco_weights_go_wherever_they_fit(faces, tmp_path, capsys):
    """Those of eighty classes fit everywhere but in the layers that tell the classes."""
    state = {name: torch.full_like(value, 0.01) for name, value in build("yolo11n").state_dict().items()}
    heads = [name for name in state if name.startswith("model.23.cv3.") and ".2." in name]
    coco = {name: torch.zeros(80) if name in heads else value for name, value in state.items()}
    network = build("yolo11n")
    own = {name: network.state_dict()[name].clone() for name in heads}
    yolo11.start_from(network, BaselineWeights(coco, {"source": "coco.pt"}), "yolo11n")
    filled = network.state_dict()
    assert all(torch.equal(filled[name], own[name]) for name in heads)
    assert all(torch.equal(filled[name], state[name]) for name in state if name not in heads)
    assert f"coco.pt: {len(state) - len(heads)} of {len(state)} tensors of yolo11n" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"coco\.pt: matches \d+ of \d+ tensors of yolo11n; expected weights"):
        few = BaselineWeights(dict(list(coco.items())[:99]), {"source": "coco.pt"})
        yolo11.start_from(build("yolo11n"), few, "yolo11n")
    with pytest.raises(InputError, match=r"yolo11: weights=coco needs initial weights; pass --weights"):
        train("yolo11", QUICK.model_copy(update={"weights": "coco"}), faces, tmp_path)


def test_other_weights_are_refused(trained):
    with pytest.raises(InputError, match="yolo11: requires weights; pass --weights"):
        yolo11.load(QUICK, None, CPU)
    other = BaselineWeights(trained.weights.state, {**trained.weights.about, "model": "retinanet"})
    with pytest.raises(
        InputError, match=r"these are weights of retinanet; expected weights of 'uncover train baseline"
    ):
        yolo11.load(QUICK, other, CPU)


@pytest.mark.whole_run
def test_opening_the_package_leaves_nothing_behind(tmp_path):
    """In a home of its own: no settings, no network, and the functions and options of others as they were."""
    script = """
import os, socket
socket.getaddrinfo = socket.create_connection = None  # whoever asks for the network fails
import cv2, numpy, torch
from PIL import Image

def world():
    threads = cv2.getNumThreads(), torch.get_num_threads()
    return torch.save, Image.open, dict(os.environ), numpy.get_printoptions(), threads

before = world()
from uncover.baselines import quiet_ultralytics
assert before == world(), [pair for pair in zip(before, world()) if pair[0] != pair[1]]
"""
    home = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], check=True, env=home, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_it_keeps_to_the_batch_that_was_asked_for(faces, tmp_path, monkeypatch):
    steps = []

    def fail(network, *given):
        steps.append(given)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a lot")

    # Ultralytics would go on with batches of 2, and the record would speak of 4.
    monkeypatch.setattr(yolo11.DetectionModel, "loss", fail)
    with pytest.raises(OutOfMemory, match=r"^yolo11: a batch of 4 photos of up to 64 x 64 pixels on cpu: does not fit"):
        train("yolo11", QUICK, faces, tmp_path / "out")
    assert len(steps) == 1 and not (tmp_path / "out" / "weights.pt").exists()
