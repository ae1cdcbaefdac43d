"""YuNet's boxes are those of OpenCV's own class, whatever sizes the photos before had."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from uncover.baselines import yunet
from uncover.baselines.registry import load_detector
from uncover.baselines.weights import MODEL, BaselineWeights, as_model, load_baseline
from uncover.config.baselines import YuNet
from uncover.errors import InputError
from uncover.images.reading import list_images, read_image
from uncover.metrics.detections import Detections, Detector

CPU = torch.device("cpu")
NAME = "yunet_n_640_640.onnx"


@pytest.fixture(scope="module")
def weights(real: Path) -> BaselineWeights:
    return load_baseline(real / "weights" / NAME)


@pytest.fixture(scope="module")
def photos(real: Path) -> list[np.ndarray]:
    """Of three sizes: high, small and wide."""
    high, low = (read_image(path, 3) for path in list_images(real / "face_mask/no_occlusion/images")[:2])
    return [high, cv2.resize(low, (150, 200)), np.ascontiguousarray(np.rot90(high))]


def rows(found: Detections) -> np.ndarray:
    """All that is known of each box, in one order."""
    table = np.column_stack([found.boxes, found.confidence, found.landmarks.reshape(-1, 10)])
    return table[np.lexsort(table.T)]


@pytest.mark.parametrize(("longest", "size"), [(640, 640), (None, 400), (320, 320)])
def test_boxes_are_those_of_opencvs_class(
    weights: BaselineWeights, real: Path, photos: list[np.ndarray], longest: int | None, size: int
) -> None:
    photo = photos[0]
    height, width = photo.shape[:2]
    assert max(height, width) == 400
    detector = yunet.load(YuNet(image_size=longest), weights, CPU)
    (found,) = detector.detect([photo])
    # Their class, on the photo in the upper left corner of a black square.
    seen = (-(-width * size // 400), size)
    scaled = cv2.resize(photo, seen, interpolation=cv2.INTER_AREA if size < 400 else cv2.INTER_LINEAR)
    square = np.zeros((-(-size // 32) * 32,) * 2 + (3,), np.uint8)
    square[: seen[1], : seen[0]] = scaled[..., ::-1]
    theirs = cv2.FaceDetectorYN.create(str(real / "weights" / NAME), "", square.shape[1::-1], 0.6, 0.3)
    (expected,) = theirs.detect(square)[1]
    x, y, wide, high = expected[:4]
    gain = np.tile([width / seen[0], height / seen[1]], 2)
    assert found.confidence[0] == pytest.approx(expected[14], abs=2e-3) and found.confidence[0] > 0.8
    np.testing.assert_allclose(found.boxes[0], np.array([x, y, x + wide, y + high]) * gain, atol=0.5)
    np.testing.assert_allclose(found.landmarks[0].ravel(), expected[4:14] * np.tile(gain[:2], 5), atol=0.5)
    assert (np.diff(found.confidence) <= 0).all() and found.confidence.min() >= np.float32(yunet.CONFIDENCE)
    right_eye, left_eye, nose, right_mouth, left_mouth = found.landmarks[0]
    assert right_eye[0] < left_eye[0] and right_mouth[0] < left_mouth[0] and right_eye[1] < nose[1] < left_mouth[1]


def test_sizes_that_were_seen_before_change_nothing(weights: BaselineWeights, photos: list[np.ndarray]) -> None:
    def fresh() -> Detector:
        return yunet.load(YuNet(image_size=None), weights, CPU)

    for photo, found in zip([*photos, photos[0]], fresh().detect([*photos, photos[0]]), strict=True):
        assert np.array_equal(rows(found), rows(fresh().detect([photo])[0])) and len(found)


def test_at_four_turns_a_turned_photo_has_turned_boxes(weights: BaselineWeights, photos: list[np.ndarray]) -> None:
    detector = load_detector("yunet", YuNet(turns=4), weights, CPU, 0.6)
    photo = photos[0]
    width = photo.shape[1]
    upright, turned = detector.detect([photo, np.ascontiguousarray(np.rot90(photo))])
    sure = upright.with_confidence(0.1)
    # Against the clock, x becomes what is left to the right edge from below.
    x1, y1, x2, y2 = sure.boxes.T
    points = np.stack([sure.landmarks[..., 1], width - sure.landmarks[..., 0]], axis=-1)
    expected = Detections(np.stack([y1, width - x2, y2, width - x1], axis=1), sure.confidence, landmarks=points)
    np.testing.assert_allclose(rows(turned.with_confidence(0.1)), rows(expected), atol=1e-3)
    alone = load_detector("yunet", YuNet(), weights, CPU, 0.6)
    lying = alone.detect([np.ascontiguousarray(np.rot90(photo))])[0]
    assert turned.confidence[0] > 0.8 > lying.confidence.max(initial=0), "this photo needs no turn"


def test_tiny_photos(weights: BaselineWeights) -> None:
    detector = yunet.load(YuNet(), weights, CPU)
    for shape in ((1, 1), (3, 500), (31, 33)):
        (found,) = detector.detect([np.zeros((*shape, 3), np.uint8)])
        assert found.landmarks is not None and found.landmarks.shape == (len(found), 5, 2)


def test_what_is_no_yunet_is_said_in_a_line(real: Path) -> None:
    other = load_baseline(real / "weights" / "scrfd_500m_kps.onnx")
    with pytest.raises(
        InputError, match=r"^scrfd_500m_kps\.onnx: not the expected model; expected the ONNX file of YuNet"
    ):
        yunet.load(YuNet(), other, CPU)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (None, "^yunet: requires weights; pass --weights"),
        (as_model(b"\x08\x07\x12\x00 and so on", "odd.onnx"), r"^odd\.onnx: not the expected model; expec"),
        (
            BaselineWeights({"a": torch.zeros(1)}, {"source": "some.pth"}),
            r"^some\.pth: is a state dict; expected the ON",
        ),
    ],
)
def test_weights_that_do_not_fit(weights: BaselineWeights | None, says: str) -> None:
    assert weights is None or (MODEL in weights.state) == ("odd" in says)
    with pytest.raises(InputError, match=says):
        load_detector("yunet", YuNet(), weights, CPU, 0.6)
