"""Viola-Jones's boxes are OpenCV's own, and those that it believes in have half of the confidence or more."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from uncover.baselines import viola_jones
from uncover.config.baselines import ReadyMade
from uncover.metrics.detections import Detections

Find = Callable[[np.ndarray], Detections]


@pytest.fixture(scope="module")
def find() -> Find:
    detector = viola_jones.load(ReadyMade(), None, torch.device("cpu"))
    return lambda photo: detector.detect([photo])[0]


def some_photos() -> list[np.ndarray]:
    """Blurred noise, in which the cascade sees a few faces that are none."""
    random = np.random.default_rng(3)
    coarse = random.integers(0, 255, (12, 40, 40, 3)).astype(np.uint8)
    return [cv2.resize(each, (320, 240), interpolation=cv2.INTER_CUBIC) for each in coarse]


def test_sure_boxes_are_those_of_the_library(find: Find) -> None:
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + viola_jones.CASCADE)
    believed = doubtful = 0
    for photo in some_photos():
        grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
        own = np.array(cascade.detectMultiScale(grey, minNeighbors=viola_jones.NEIGHBOURS)).reshape(-1, 4)
        found = find(photo)
        sure = found.boxes[found.confidence >= 0.5]
        assert sorted(map(tuple, sure)) == sorted((x, y, x + w, y + h) for x, y, w, h in own)
        assert (found.confidence >= np.float32(viola_jones.CONFIDENCE)).all() and (np.diff(found.confidence) <= 0).all()
        believed, doubtful = believed + len(own), doubtful + len(found.boxes) - len(own)
    assert believed or doubtful


def test_the_same_photo_gives_the_same_boxes(find: Find) -> None:
    first, again = ([find(photo) for photo in some_photos()] for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert one.boxes.tolist() == other.boxes.tolist() and one.confidence.tolist() == other.confidence.tolist()


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (64, 64)])
def test_a_photo_without_a_face_has_no_box(find: Find, shape: tuple[int, int]) -> None:
    found = find(np.full((*shape, 3), 128, np.uint8))
    assert found.boxes.shape == (0, 4) and found.confidence.shape == (0,) and found.landmarks is None


def test_the_cascade_is_in_the_package() -> None:
    assert Path(cv2.data.haarcascades, viola_jones.CASCADE).is_file()
