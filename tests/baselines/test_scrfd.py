"""SCRFD's boxes are those of its answers, taken apart one by one, and computed by another runtime."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.baselines.test_yunet import rows
from uncover.baselines import scrfd
from uncover.baselines.weights import BaselineWeights, as_model, load_baseline
from uncover.config.baselines import Scrfd
from uncover.errors import InputError
from uncover.images.reading import list_images, read_image
from uncover.metrics.detections import Detections

CPU = torch.device("cpu")
FILES = {"scrfd_500m": "scrfd_500m_kps.onnx", "scrfd_2_5g": "scrfd_2.5g_kps.onnx"}


def test_answers_are_taken_apart_by_hand() -> None:
    """A frame of 64 x 32 pixels has 8 x 4 places 8 pixels apart, two answers at each."""
    scores, sides, points = np.zeros((1, 64, 1)), np.zeros((1, 64, 4)), np.zeros((1, 64, 10))
    # Second answer of the place in row 2, column 3, at (24, 16).
    at = 2 * (2 * 8 + 3) + 1
    scores[0, at], sides[0, at], points[0, at] = 0.5, [1, 2, 3, 0.5], np.arange(10) / 4
    scores[0, 0] = 0.02
    found = scrfd.decode(8, 64, *(each.astype(np.float32) for each in (scores, sides, points)))
    assert found.boxes.tolist() == [[16, 0, 48, 20]] and found.confidence.tolist() == [0.5]
    assert found.landmarks.tolist() == [[[24, 18], [28, 22], [32, 26], [36, 30], [40, 34]]]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("longest", [640, 400])
def test_boxes_are_those_of_another_runtime(real: Path, name: str, longest: int) -> None:
    pytest.importorskip("onnxruntime")
    file = real / "weights" / FILES[name]
    photo = read_image(list_images(real / "face_mask/hard/images")[1], 3)
    (found,) = scrfd.load(Scrfd(image_size=longest), load_baseline(file), CPU).detect([photo])
    height, width = photo.shape[:2]
    size = [-(-side * longest // max(height, width)) for side in (width, height)]
    square = np.zeros((640, 640, 3), np.uint8)
    smaller = longest < max(height, width)
    square[: size[1], : size[0]] = cv2.resize(
        photo, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    )
    network = cv2.dnn.readNetFromONNX(str(file))
    network.setInput(cv2.dnn.blobFromImage(square, 1 / 128, mean=(127.5,) * 3))
    answers = network.forward([f"out{number}" for number in range(9)])
    boxes, confidence = [], []
    for level, stride in enumerate((8, 16, 32)):
        for at, score in enumerate(answers[level].ravel()):
            if score > 0.3:
                row, column = divmod(at // 2, 640 // stride)
                left, top, right, bottom = answers[level + 3].reshape(-1, 4)[at] * stride
                x, y = column * stride, row * stride
                boxes.append([x - left, y - top, right + left, bottom + top])
                confidence.append(float(score))
    kept = sorted(cv2.dnn.NMSBoxes(boxes, confidence, 0.3, 0.4), key=lambda number: -confidence[number])
    x, y, wide, high = np.array(boxes)[kept].T
    expected = np.stack([x, y, x + wide, y + high], axis=1) * np.tile([width / size[0], height / size[1]], 2)
    sure = found.with_confidence(0.3)
    assert len(sure) >= 1
    np.testing.assert_allclose(sure.confidence, np.array(confidence)[kept], atol=1e-3)
    np.testing.assert_allclose(sure.boxes, expected, atol=0.1)
    assert np.array_equal(rows(found), rows(Detections.concatenate([found]).nms(scrfd.NMS_IOU)))
    right_eye, left_eye, nose, *_ = sure.landmarks[0]
    assert right_eye[0] < nose[0] < left_eye[0]


def test_photos_of_any_size(real: Path) -> None:
    pytest.importorskip("onnxruntime")
    weights = load_baseline(real / "weights" / FILES["scrfd_500m"])
    for longest in (None, 320):
        detector = scrfd.load(Scrfd(image_size=longest), weights, CPU)
        for shape in ((1, 1), (3, 900), (700, 650)):
            (found,) = detector.detect([np.zeros((*shape, 3), np.uint8)])
            assert found.landmarks is not None and found.landmarks.shape == (len(found), 5, 2)


def test_what_does_not_fit_is_said_in_a_line(real: Path) -> None:
    pytest.importorskip("onnxruntime")
    small, other = (load_baseline(real / "weights" / name) for name in (FILES["scrfd_500m"], "yunet_n_640_640.onnx"))
    with pytest.raises(InputError, match=r"^image_size 960: scrfd_500m_kps\.onnx takes 640 pixels at most"):
        scrfd.load(Scrfd(image_size=960), small, CPU)
    with pytest.raises(
        InputError, match=r"^yunet_n_640_640\.onnx: not the expected model; expected the ONNX file of SCRFD"
    ):
        scrfd.load(Scrfd(), other, CPU)
    with pytest.raises(InputError, match=r"^odd\.onnx: onnxruntime cannot open it \(.*\); expected the ONNX file of"):
        scrfd.load(Scrfd(), as_model(b"\x08\x07\x12\x00 and so on", "odd.onnx"), CPU)
    with pytest.raises(InputError, match=r"^weights: is a state dict; expected the ONNX file of SCRFD"):
        scrfd.load(Scrfd(), BaselineWeights({"a": torch.zeros(1)}), CPU)
