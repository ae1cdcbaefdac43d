"""Faces in pictures in memory: the same as those of the command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import uncover
from tests.video import live_run as fixtures
from tests.video.live_run import LiveRun, texture
from uncover.cli import main
from uncover.errors import InputError
from uncover.images.reading import read_image
from uncover.metrics.detections import Detections
from uncover.video.model import Found, Model
from uncover.video.rescue import Missed, TurnedDetector

live_run = fixtures.live_run


def test_boxes_are_those_of_the_command(live_run: LiveRun, tmp_path: Path) -> None:
    weights, sure = live_run.weights("rgb10"), live_run.confidence
    words = ["detect", live_run.folder / "pictures", "--out", tmp_path / "out", "--weights", weights]
    assert main([*map(str, words), "--confidence", str(sure), "--device", "cpu", "--rescue", "none"]) == 0
    table = pd.read_parquet(tmp_path / "out" / "boxes.parquet")
    detector = uncover.FaceDetector(weights, sure, device="cpu")
    paths = live_run.images
    by_path, by_pixels = detector.detect([*paths.values()]), detector.detect([read_image(p, 3) for p in paths.values()])
    assert 0 < sum(map(len, by_path)) == len(table)
    for name, one, other in zip(paths, by_path, by_pixels, strict=True):
        expected = Detections.from_pandas(table[table["source"] == name]).sorted()
        for found in (one, other, detector(paths[name])):
            np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-3)
            np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-4)


def test_the_default_is_what_comes_with_the_package() -> None:
    detector = uncover.FaceDetector(device="cpu", confidence=0)
    (found,) = detector.detect([texture(0, 64, 48)])
    assert found.boxes.shape[1] == 4 and (np.diff(found.confidence) <= 0).all()
    assert detector.detect([]) == []


def test_who_asks_for_weak_boxes_too_gets_a_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no box is as sure as a face usually is, turned looks follow; of two boxes of one face the surer stays."""
    looked: list[int] = []

    def count(self: TurnedDetector, missed: Missed, lowest: float) -> Found:
        looked.append(len(missed.pictures))
        box = Detections(np.array([[8, 8, 30, 30]], np.float32), np.array([0.9], np.float32))
        return Found([box] * len(missed.pictures), [None] * len(missed.pictures))

    monkeypatch.setattr(TurnedDetector, "find", count)
    monkeypatch.setattr(
        Model, "faces", lambda self, decoded, places, least: [first.with_confidence(least)] * len(places)
    )
    for sure, boxes in ((0.3, [[8, 8, 30, 30]]), (0.5, [[9, 9, 31, 31]])):
        first = Detections(np.array([[9, 9, 31, 31]], np.float32), np.array([sure], np.float32))
        for confidence in (0.01, 0.4):
            (found,) = uncover.FaceDetector(device="cpu", confidence=confidence).detect([texture(0, 64, 48)])
            assert found.boxes.tolist() == boxes
    assert looked == [1, 1]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((8, 8), np.uint8), r"uint8 \(8, 8\); expected uint8 \(height, width, 3\)"),
        (np.zeros((8, 8, 3), np.float32), "float32"),
        (np.zeros((0, 8, 3), np.uint8), "8 x 0 pixels"),
        (7, "an image is int"),
        ("absent.png", "absent.png"),
    ],
)
def test_what_is_no_image_is_named(image: object, message: str) -> None:
    detector = uncover.FaceDetector(device="cpu")
    with pytest.raises(InputError, match=message):
        detector(image)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="takes several images"):
        detector.detect(np.zeros((8, 8, 3), np.uint8))  # type: ignore[arg-type]


def test_importing_uncover_imports_nothing_heavy() -> None:
    code = "import sys, uncover; print(sorted({'torch', 'numpy', 'pandas'} & set(sys.modules)), uncover.__version__)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["[]", uncover.__version__]
    with pytest.raises(AttributeError, match="no attribute 'FaceDetectr'"):
        uncover.FaceDetectr  # noqa: B018
