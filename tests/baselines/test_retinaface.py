"""RetinaFace finds what facexlib's own `detect_faces` finds, and each edition of its weights gets its own network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from facexlib.detection.retinaface import RetinaFace
from facexlib.detection.retinaface_utils import PriorBox
from torch import Tensor, nn

from uncover.baselines import retinaface
from uncover.baselines.weights import BaselineWeights
from uncover.config import baselines as config
from uncover.data.parts import to_xyxy
from uncover.data.yolo import read_label_file
from uncover.errors import InputError
from uncover.images.reading import list_images, read_image
from uncover.metrics.detections import Detections

Find = Callable[[np.ndarray], Detections]
CPU = torch.device("cpu")
(SMALL_HASH,) = retinaface.BY_HASH
EDITIONS = {"usual": {}, "small": {"sha256": SMALL_HASH}}


@pytest.fixture(scope="module")
def untrained() -> dict[str, Tensor]:
    """Weights by chance, normalised so that no two places look equally sure."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(2)
        network = RetinaFace(network_name=retinaface.NETWORK, device=CPU).train()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        network(torch.randn(2, 3, 96, 96) * 70)
        return dict(network.state_dict())


def opened(weights: BaselineWeights) -> Find:
    detector = retinaface.load(config.RetinaFace(), weights, CPU)
    return lambda photo: detector.detect([photo])[0]


def test_an_edition_can_be_named(untrained: dict[str, Tensor]) -> None:
    known = BaselineWeights(untrained, EDITIONS["small"])
    slopes = {
        (given, name): {
            module.negative_slope
            for module in retinaface.build(weights, CPU, name).modules()
            if isinstance(module, nn.LeakyReLU)
        }
        for given, weights in (("unknown", BaselineWeights(untrained)), ("known", known))
        for name in ("auto", "facexlib", "small")
    }
    assert slopes == {
        ("unknown", "auto"): {0.1},
        ("known", "auto"): {0.0},
        **{(given, "facexlib"): {0.1} for given in ("unknown", "known")},
        **{(given, "small"): {0.0} for given in ("unknown", "known")},
    }


@pytest.mark.parametrize("edition", EDITIONS)
def test_boxes_and_landmarks_are_those_of_the_library(untrained: Mapping[str, Tensor], edition: str) -> None:
    network = retinaface.build(BaselineWeights(untrained, EDITIONS[edition]), CPU)
    photo = np.random.default_rng(4).integers(0, 255, (97, 61, 3)).astype(np.uint8)
    found = retinaface.find_faces(network, photo)
    with torch.no_grad():
        theirs = network.detect_faces(photo[..., ::-1].astype(np.float32), retinaface.CONFIDENCE, retinaface.NMS_IOU)
    assert len(found.boxes) > 5 and found.landmarks is not None
    own = np.column_stack([found.boxes, found.confidence, found.landmarks.reshape(-1, 10)])
    # Confidences are close together, and equal ones may come in any order.
    apart = np.abs(own[:, None] - theirs[None]).max(axis=2)
    assert len(own) == len(theirs) and max(apart.min(axis=0).max(), apart.min(axis=1).max()) < 1e-3
    assert all(values.dtype == np.float32 for values in (found.boxes, found.confidence, found.landmarks))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (97, 61), (64, 96), (240, 321)])
@pytest.mark.parametrize("edition", [retinaface.USUAL, retinaface.SMALL])
def test_anchors_are_those_of_the_library(height: int, width: int, edition: retinaface.Edition) -> None:
    cfg = {"steps": [8, 16, 32], "min_sizes": edition.anchors, "clip": False}
    own = retinaface.anchors_of(cfg, height, width)
    torch.testing.assert_close(own, PriorBox(cfg, image_size=(height, width)).forward(), rtol=0, atol=0)


def test_the_usual_edition_is_what_the_library_builds(untrained: Mapping[str, Tensor]) -> None:
    theirs, own = RetinaFace(retinaface.NETWORK, device=CPU), retinaface.build(BaselineWeights(untrained), CPU)
    assert own.cfg == theirs.cfg and str(own) == str(theirs)


def test_the_small_edition_has_plain_activations(untrained: Mapping[str, Tensor]) -> None:
    network = retinaface.build(BaselineWeights(untrained, EDITIONS["small"]), CPU)
    slopes = {module.negative_slope for module in network.modules() if isinstance(module, nn.LeakyReLU)}
    assert slopes == {0.0} and network.cfg["min_sizes"] == [[10, 20], [32, 64], [128, 256]]


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (33, 31)])
def test_tiny_photos(untrained: Mapping[str, Tensor], shape: tuple[int, int]) -> None:
    state = {name: value.clone() for name, value in untrained.items()}
    for level in range(3):  # so sure that there is no face that nothing is left
        bias = state[f"ClassHead.{level}.conv1x1.bias"]
        bias[0::2], bias[1::2] = 50, -50
    photo = np.zeros((*shape, 3), np.uint8)
    found, none = (opened(BaselineWeights(each))(photo) for each in (untrained, state))
    assert found.landmarks is not None and found.landmarks.shape == (len(found.boxes), 5, 2)
    assert none.landmarks is not None and none.boxes.shape == (0, 4) and none.landmarks.shape == (0, 5, 2)


def test_weights_that_do_not_fit(untrained: Mapping[str, Tensor]) -> None:
    name, about = "BboxHead.0.conv1x1.bias", {"source": "some.pth"}
    without = {key: value for key, value in untrained.items() if key != name}
    for state, says in (
        (without, f"some.pth: {name} is missing; expected weights of RetinaFace with MobileNet 0.25"),
        ({**untrained, "a": torch.zeros(1), "b": torch.zeros(1)}, "some.pth: a and 1 more are not of this network"),
        ({**untrained, name: torch.zeros(3)}, f"some.pth: {name} is of another shape"),
    ):
        with pytest.raises(InputError, match=says.replace(".", r"\.")):
            opened(BaselineWeights(state, about))
    with pytest.raises(InputError, match="retinaface: requires weights; pass --weights"):
        retinaface.load(config.RetinaFace(), None, CPU)


def found_share(find: Find, folder: Path) -> float:
    """Share of the faces of a set that a sure box covers by half."""
    hits = []
    for path in list_images(folder / "images")[:5]:
        photo = read_image(path, 3)
        height, width = photo.shape[:2]
        labels = read_label_file((folder / "labels" / path.name).with_suffix(".txt")).boxes
        true = to_xyxy(labels[:, 1:]) * (width, height, width, height)
        found = find(photo)
        hits += _covered(true, found).tolist()
    return float(np.mean(hits))


def _covered(true: np.ndarray, found: Detections) -> np.ndarray:
    boxes = found.boxes[found.confidence >= 0.6]
    sides = np.minimum(true[:, None, 2:], boxes[None, :, 2:]) - np.maximum(true[:, None, :2], boxes[None, :, :2])
    both = sides.clip(0).prod(axis=2)
    areas = [(each[:, 2:] - each[:, :2]).prod(axis=1) for each in (true, boxes)]
    return (both > 0.5 * (areas[0][:, None] + areas[1] - both)).any(axis=1)


def test_published_weights_find_faces_in_their_own_edition_only(real: Path) -> None:
    file = real / "weights" / "retinaface_mobilenet0.25.pth"
    weights = BaselineWeights(torch.load(file, map_location="cpu", weights_only=True), {"sha256": SMALL_HASH})
    folder = real / "face_mask" / "no_occlusion"
    assert found_share(opened(weights), folder) > 0.7
    assert found_share(opened(replace(weights, about={})), folder) < 0.3


def test_landmarks_know_the_sides_of_the_person(real: Path) -> None:
    file = real / "weights" / "retinaface_mobilenet0.25.pth"
    find = opened(BaselineWeights(torch.load(file, map_location="cpu", weights_only=True), {"sha256": SMALL_HASH}))
    photo = read_image(list_images(real / "face_mask" / "no_occlusion" / "images")[0], 3)
    (face, *_), (mirrored, *_) = (find(each).landmarks for each in (photo, np.ascontiguousarray(photo[:, ::-1])))
    right_eye, left_eye, nose, right_mouth, left_mouth = face
    assert right_eye[0] < nose[0] < left_eye[0] and right_mouth[0] < left_mouth[0]
    back = mirrored[[1, 0, 2, 4, 3]] * (-1, 1) + (photo.shape[1], 0)
    assert np.abs(back - face).max() < 0.15 * (left_eye - right_eye)[0]
