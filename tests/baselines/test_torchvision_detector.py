"""Torchvision's detectors: networks, initial weights, repeatable and resumed trainings, boxes in the photo."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import detection

from tests.baselines.trainings import CPU, Trained, photo_of, same, stopped_after, train
from uncover.baselines import faster_rcnn, retinanet, torchvision_detector
from uncover.baselines.registry import load_detector
from uncover.baselines.torchvision_detector import Family
from uncover.baselines.training import METRICS, Training, face_boxes, read_faces, unfinished
from uncover.baselines.weights import BaselineWeights, fitting
from uncover.config.baselines import Torchvision
from uncover.errors import Diverged, InputError
from uncover.images.letterbox import GREY

QUICK = Torchvision(network="mobilenet_v3_large", weights="scratch", image_size=64, epochs=2, batch=4)
NOTHING = {"weights": None, "weights_backbone": None}


@pytest.fixture(scope="module")
def plain(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """What an undisturbed training of a RetinaNet leaves; not to be changed."""
    return train("retinanet", QUICK, faces, tmp_path_factory.mktemp("retinanet"))


def test_a_training_leaves_what_ours_leave_and_nothing_else(plain):
    assert sorted(path.name for path in plain.out.iterdir()) == ["results.csv", "summary.json", "weights.pt"]
    assert plain.untouched
    record = plain.record
    losses = {"train/classification_loss", "train/bbox_regression_loss"}
    assert record["epoch"].tolist() == [0, 1] and {*METRICS, *losses, "seconds"} == {*record} - {"epoch"}
    assert record["train/bbox_regression_loss"].is_monotonic_decreasing
    summary = json.loads((plain.out / "summary.json").read_text())
    assert (summary["network"], summary["train_faces"], summary["epochs_run"]) == ("mobilenet_v3_large", 6, 2)


def test_a_stopped_training_ends_with_the_weights_of_an_undisturbed_one(plain, faces, tmp_path):
    with stopped_after(1, torchvision_detector.logger):
        train("retinanet", QUICK, faces, tmp_path)
    torch.rand(7)  # chance moves on
    again = train("retinanet", QUICK, faces, tmp_path)
    assert same(again.weights, plain.weights) and again.weights.about == plain.weights.about
    assert again.record.drop(columns="seconds").equals(plain.record.drop(columns="seconds"))
    assert (again.out / "weights.pt").read_bytes() == (plain.out / "weights.pt").read_bytes()


def test_the_state_of_other_settings_is_left_alone(tmp_path, capsys):
    for seed in (0, 1):
        with pytest.raises(KeyboardInterrupt), unfinished(tmp_path, {"seed": seed}) as folder:
            folder.mkdir(parents=True)
            raise KeyboardInterrupt
    assert "of a training with other settings or data; starting from scratch" in capsys.readouterr().err
    with unfinished(tmp_path, {"seed": 0}) as folder:
        assert folder.is_dir()
    assert not folder.exists() and len(list((tmp_path / ".resume").iterdir())) == 1


def test_a_trained_baseline_of_other_settings_is_not_replaced(tmp_path):
    (tmp_path / "weights.pt").touch()
    (tmp_path / "summary.json").write_text('{"model": "retinanet", "settings": {"epochs": 3}}')
    with unfinished(tmp_path, {"seed": 0}, {"model": "retinanet", "settings": {"epochs": 3}}):
        pass
    with (
        pytest.raises(InputError, match=r"has a trained model of other settings \(epochs: 3 there, 4 here\)"),
        unfinished(tmp_path, {"seed": 0}, {"model": "retinanet", "settings": {"epochs": 4}}),
    ):
        raise AssertionError("never entered")


def test_a_loss_that_is_no_number_is_said(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision_detector, "to_tensor", lambda image, _: torch.full(image.shape, torch.nan))
    with pytest.raises(Diverged, match="epoch 1: the loss is no longer finite; lower learning_rate"):
        train("retinanet", QUICK.model_copy(update={"image_size": 32}), faces, tmp_path)


def test_a_faster_rcnn_trains_and_looks(faces, tmp_path):
    trained = train("faster_rcnn", QUICK.model_copy(update={"epochs": 1, "image_size": 32}), faces, tmp_path)
    names = ("classifier", "box_reg", "objectness", "rpn_box_reg")
    assert {f"train/{name}_loss" for name in names} <= {*trained.record}
    found = faster_rcnn.load(QUICK, trained.weights, CPU).detect([photo_of(96, 72)])[0]
    assert found.boxes.shape[1:] == (4,) and len(found.boxes) == len(found.confidence) and found.landmarks is None


@pytest.mark.parametrize(("width", "height"), [(96, 72), (192, 72), (50, 130)])
def test_boxes_are_those_of_torchvision_in_the_photo(plain, width, height):
    """The trained network as torchvision runs it, on a photo framed by hand."""
    photo = photo_of(width, height)
    found = retinanet.load(QUICK, plain.weights, CPU).detect([photo])[0]
    network = retinanet.build("mobilenet_v3_large", 64, False)
    network.load_state_dict(dict(plain.weights.state))
    scale = 64 / max(width, height)
    inner = (-(-width * 64 // max(width, height)), -(-height * 64 // max(width, height)))
    outer = [-(-side // 32) * 32 for side in inner]
    left, top = ((out - side) // 2 for out, side in zip(outer, inner, strict=True))
    framed = np.full((outer[1], outer[0], 3), GREY, np.uint8)
    framed[top : top + inner[1], left : left + inner[0]] = cv2.resize(
        photo, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    with torch.inference_mode():
        (answer,) = network.eval()([torch.from_numpy(framed.transpose(2, 0, 1)).float() / 255])
    gains = np.tile([inner[0] / width, inner[1] / height], 2)
    boxes = ((answer["boxes"].numpy() - np.tile([left, top], 2)) / gains).clip(0, [width, height] * 2)
    assert len(found.boxes) > 5 and len(found.boxes) == len(boxes)
    np.testing.assert_allclose(found.boxes, boxes, atol=1e-3)
    np.testing.assert_allclose(found.confidence, answer["scores"].numpy(), atol=1e-6)
    assert found.confidence.min() >= torchvision_detector.CONFIDENCE


def test_boxes_are_suppressed_at_the_overlap_of_the_trial(plain):
    """From the candidates: at a high IoU there are more boxes than torchvision's own leaves, at a low one fewer."""
    photo = photo_of(96, 72)
    finders = [load_detector("retinanet", QUICK, plain.weights, CPU, iou) for iou in (0.1, 0.5, 0.9)]
    low, own, high = (len(finder.detect([photo])[0]) for finder in finders)
    assert low < own == len(retinanet.load(QUICK, plain.weights, CPU).detect([photo])[0].boxes) < high
    # Of Faster R-CNN it is the rule of its second network.
    network = faster_rcnn.build("mobilenet_v3_large", 64, False)
    stub = Family("faster_rcnn", lambda *_: network, 1)
    about = {"model": "faster_rcnn", "network": "x", "image_size": 64, "training": {"settings": {"weights": "coco"}}}
    torchvision_detector.load(stub, Torchvision(), BaselineWeights(network.state_dict(), about), CPU, 0.62)
    assert network.roi_heads.nms_thresh == 0.62


class Corner(nn.Module):
    """A network that finds a face in the lower right quarter of the frame, and something else everywhere."""

    def forward(self, images):
        height, width = images[0].shape[1:]
        boxes = torch.tensor([[0.0, 0, width, height], [width / 2, height / 2, width, height]])
        return [{"boxes": boxes, "scores": torch.tensor([0.9, 0.7]), "labels": torch.tensor([0, 1])}]


def test_faces_are_found_in_pixels_of_the_photo():
    stub = Family("faster_rcnn", lambda *_: Corner(), 1)
    about = {"model": "faster_rcnn", "network": "x", "image_size": 64, "training": {"settings": {"weights": "coco"}}}
    found = torchvision_detector.load(stub, Torchvision(), BaselineWeights({}, about), CPU).detect(
        [photo_of(256, 128)]
    )[0]
    np.testing.assert_allclose(found.boxes, [[128, 64, 256, 128]])
    np.testing.assert_allclose(found.confidence, [0.7])


@pytest.mark.parametrize(
    ("ours", "network", "theirs"),
    [
        (retinanet, "resnet50", detection.retinanet_resnet50_fpn),
        (faster_rcnn, "resnet50", detection.fasterrcnn_resnet50_fpn),
        (faster_rcnn, "mobilenet_v3_large", detection.fasterrcnn_mobilenet_v3_large_fpn),
    ],
)
def test_coco_weights_fill_all_but_what_tells_the_classes(ours, network, theirs, capsys):
    with torch.device("meta"):
        coco, own = theirs(**NOTHING).state_dict(), ours.build(network, 64, True)
    left_out = own.state_dict().keys() - fitting(own.state_dict(), coco).keys()
    assert left_out and all("cls" in name or "bbox_pred" in name for name in left_out)
    frozen = [name for name, value in own.named_parameters() if not value.requires_grad]
    assert frozen and all(name.startswith("backbone.body") for name in frozen)


def test_a_new_network_has_norms_that_learn():
    for started, kind in ((False, nn.BatchNorm2d), (True, torchvision_detector.FrozenBatchNorm2d)):
        with torch.device("meta"):
            network = retinanet.build("resnet18", 64, started)
        norms = [module for name, module in network.named_modules() if name.startswith("backbone.body.bn")]
        assert norms and all(type(norm) is kind for norm in norms)
    assert all(norm.eps == 0 for norm in norms)


@pytest.mark.parametrize("build", [retinanet.build, faster_rcnn.build])
def test_old_names_of_layers_are_those_that_torchvision_renames(build):
    """Torchvision's own files call layers as its earlier releases did."""
    network = build("resnet18", 64, False)
    now = {name: torch.full_like(value, number) for number, (name, value) in enumerate(network.state_dict().items())}
    old = {}
    for name, value in now.items():
        parts = name.split(".")
        if "inner_blocks" in name or "layer_blocks" in name or name.startswith("rpn.head.conv"):
            parts = [part for place, part in enumerate(parts) if part != "0" or place == len(parts) - 3]
            if name.startswith("rpn.head.conv"):
                parts = ["rpn", "head", "conv", parts[-1]]
        elif "_head.conv" in name:
            parts = [*parts[:3], str(2 * int(parts[3])), parts[-1]]
        old[".".join(parts)] = value
    assert old.keys() != now.keys()
    network.load_state_dict(dict(old))  # torchvision renames
    mine = torchvision_detector.renamed(old)
    assert mine.keys() == now.keys()
    assert all(torch.equal(mine[name], value) for name, value in network.state_dict().items())


def test_start_weights_of_another_network_are_refused():
    network = retinanet.build("resnet18", 64, True)
    with pytest.raises(InputError, match=r"x\.pth: matches 0 of \d+ tensors of resnet18; expected weights of this"):
        torchvision_detector.give_start(
            network, BaselineWeights({"a": torch.zeros(3)}, {"source": "x.pth"}), "resnet18"
        )


def test_mirrored_photos_take_their_faces_along(faces, tmp_path):
    loop = _loop(faces, tmp_path)
    image, target = loop._example(0, loop._images[0], False)
    mirrored, other = loop._example(0, loop._images[0], True)
    assert torch.equal(mirrored.flip(2), image)
    width = image.shape[2]
    assert torch.allclose(other["boxes"][:, [0, 2]], width - target["boxes"][:, [2, 0]])
    assert torch.equal(other["boxes"][:, [1, 3]], target["boxes"][:, [1, 3]])
    x1, y1, x2, y2 = target["boxes"][0].round().int().tolist()
    assert image[0, y1 + 1 : y2 - 1, x1 + 1 : x2 - 1].median() > 0.8  # the square is there
    scaled = face_boxes(loop._training.faces.training, 0) * 2 / 3 + [0, 8, 0, 8]  # 96 x 72 in 64 x 64
    np.testing.assert_allclose(target["boxes"].numpy(), scaled, atol=1e-4)


def _loop(data: Path, folder: Path):
    stub = Family("retinanet", lambda *_: nn.Linear(1, 1), 0)
    training = Training("retinanet", "x", QUICK, None, read_faces(data))
    return torchvision_detector._Loop(stub, training, QUICK, folder, CPU)
