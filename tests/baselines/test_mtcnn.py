"""MTCNN finds what facenet-pytorch's own `detect` finds, and where that one fails, nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN

from uncover.baselines import mtcnn
from uncover.config.baselines import ReadyMade
from uncover.images.reading import list_images, read_image
from uncover.metrics.detections import Detections

MIRRORED = [1, 0, 2, 4, 3]
"""Landmarks of a face in a mirror, in the order of `LANDMARKS`."""

Find = Callable[[np.ndarray], Detections]


@pytest.fixture(scope="module")
def find() -> Find:
    detector = mtcnn.load(ReadyMade(), None, torch.device("cpu"))
    return lambda photo: detector.detect([photo])[0]


def some_photos(real: Path) -> list[np.ndarray]:
    """With one face, with several, with masks."""
    face_mask = [list_images(real / "face_mask" / grade / "images") for grade in ("no_occlusion", "medium", "hard")]
    paths = [path for group in face_mask for path in group[:1]]
    return [read_image(path, 3) for path in paths]


def assert_as_upstream(library: MTCNN, photo: np.ndarray, found: Detections, confidence: float) -> int:
    """Number of boxes from this confidence on."""
    boxes, chances, points = library.detect(photo, landmarks=True)
    sure = found.confidence >= confidence
    if boxes is None:
        assert not sure.any()
        return 0
    for own, theirs in ((found.confidence, chances), (found.boxes, boxes), (found.landmarks, points)):
        assert own is not None
        np.testing.assert_allclose(own[sure], theirs.astype(np.float32), rtol=1e-4, atol=2e-2)
    return int(sure.sum())


def test_sure_boxes_are_those_of_the_library(find: Find, real: Path) -> None:
    library = MTCNN(keep_all=True, select_largest=False)
    doubtful = sure = 0
    for photo in some_photos(real):
        found = find(photo)
        sure += assert_as_upstream(library, photo, found, 0.7)
        doubtful += int((found.confidence < 0.7).sum())
    assert sure >= 3 and doubtful > 0


@pytest.mark.parametrize("thresholds", [(0.05, 0.02, 0.002), (0.2, 0.05, 0.01)])
def test_any_thresholds_do_what_they_do_in_the_library(
    find: Find, monkeypatch: pytest.MonkeyPatch, thresholds: tuple[float, float, float]
) -> None:
    """Noise holds no face; the thresholds are so low that boxes pass all networks."""
    monkeypatch.setattr(mtcnn, "LIBRARY", thresholds)
    monkeypatch.setattr(mtcnn, "DOUBTFUL", thresholds)
    library = MTCNN(keep_all=True, select_largest=False, thresholds=list(thresholds))
    coarse = np.random.default_rng(5).integers(0, 255, (2, 10, 12, 3)).astype(np.uint8)
    photos = [cv2.resize(each, (120, 100), interpolation=cv2.INTER_CUBIC) for each in coarse]
    assert sum(assert_as_upstream(library, photo, find(photo), 0) for photo in photos) > 3


@pytest.mark.parametrize("shape", [(1, 1), (12, 12), (19, 300), (20, 20), (21, 400), (300, 20), (90, 120)])
@pytest.mark.parametrize("low", [False, True])
def test_a_photo_without_a_face(find: Find, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], low: bool) -> None:
    """Too small, even, or so that candidates lie beyond its edge: never a crash, and the arrays are there."""
    if low:
        monkeypatch.setattr(mtcnn, "DOUBTFUL", (0.0, 0.0, 0.0))
    photo = np.random.default_rng(1).integers(100, 130, (*shape, 3)).astype(np.uint8)
    found = find(photo)
    assert found.landmarks is not None and found.landmarks.shape == (len(found.boxes), 5, 2)
    assert found.confidence.shape == (len(found.boxes),) and found.boxes.shape[1:] == (4,)
    assert {values.dtype for values in (found.boxes, found.confidence, found.landmarks)} == {np.dtype(np.float32)}
    assert (found.confidence < 0.7).all() and (low or not len(found.boxes))


def test_landmarks_know_the_sides_of_the_person(find: Find, real: Path) -> None:
    photo = some_photos(real)[0]
    (face, *_), (mirrored, *_) = (find(each).landmarks for each in (photo, np.ascontiguousarray(photo[:, ::-1])))
    right_eye, left_eye, nose, right_mouth, left_mouth = face
    assert right_eye[0] < nose[0] < left_eye[0] and right_mouth[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    back = mirrored[MIRRORED] * (-1, 1) + (photo.shape[1], 0)
    assert np.abs(back - face).max() < 0.2 * (left_eye - right_eye)[0]
