"""Batches of composed images: one seed gives the same ones, their sizes change, an epoch has its number of images."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from uncover.config.packaged import Composition
from uncover.data.outlines import frame_of_box, outline_of_box
from uncover.errors import InputError
from uncover.images.compose import DrawnFace
from uncover.images.composed import ComposedImages, face_entry

BOX = np.array([20.0, 15.0, 60.0, 65.0])
ALL = {"some": 1.0}
SETTINGS = Composition(close=ALL, scene=ALL, heads=ALL, images=25, sizes=(32, 64))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photos, the second of which has no face, and a piece without a face."""
    for name in ("images", "labels", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "data.yaml").write_text("names: {2: whole face}\n")
    faces = {}
    for number in range(2):
        image = np.random.default_rng(number).integers(0, 255, (80, 90, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"images/{number}.png"), image)
        own = [] if number else [DrawnFace(outline_of_box(BOX), frame_of_box(BOX))]
        faces[f"{number}.png"] = face_entry("some", own)
        rows = "" if number else "2 0.44 0.5 0.44 0.62\n"
        (tmp_path / f"labels/{number}.txt").write_text(rows)
    cv2.imwrite(str(tmp_path / "empty/0.png"), np.zeros((40, 50, 3), np.uint8))
    (tmp_path / "faces.json").write_text(json.dumps(faces))
    return tmp_path


def test_batches_are_the_same_whatever_the_threads(folder: Path) -> None:
    source = ComposedImages.read([folder], None, SETTINGS)
    epochs = [source.epochs(4, 64, seed=3) for _ in range(2)]
    first, second = (list(each.batches(1, workers)) for each, workers in zip(epochs, (1, 3), strict=True))
    assert len(first) == len(second) == epochs[0].steps
    for (pixels, labels), (others, other_labels) in zip(first, second, strict=True):
        assert np.array_equal(pixels, others) and np.array_equal(labels, other_labels)
    other = next(iter(epochs[0].batches(2)))
    assert other[0].shape != first[0][0].shape or not np.array_equal(other[0], first[0][0])


def test_an_epoch_has_its_number_of_images_and_batches_about_as_many_pixels(folder: Path) -> None:
    epochs = ComposedImages.read([folder], None, SETTINGS).epochs(4, 64, seed=0)
    batches = list(epochs.batches(0))
    shapes = sorted(pixels.shape for pixels, _ in batches)
    assert shapes == [(4, 3, 64, 64), (5, 3, 32, 32), (16, 3, 32, 32)]
    for pixels, labels in batches:
        assert pixels.dtype == np.uint8 and labels.dtype == np.float32
        assert (labels[:, 0] < len(pixels)).all() and (labels[:, 1] == 0).all()
        assert ((labels[:, 2:] >= 0) & (labels[:, 2:] <= 1)).all()
    assert sum(len(labels) for _, labels in batches) > 5


def test_photos_without_a_face_are_backgrounds_and_other_settings_another_training(folder: Path) -> None:
    source = ComposedImages.read([folder], None, SETTINGS)
    assert [path.name for path in source.empty] == ["0.png", "1.png"]
    assert ComposedImages.read([folder], None, SETTINGS).digest() == source.digest()
    faces = json.loads((folder / "faces.json").read_text())
    faces["0.png"]["faces"][0]["covered"] = True
    (folder / "faces.json").write_text(json.dumps(faces))
    assert ComposedImages.read([folder], None, SETTINGS).digest() != source.digest()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (SETTINGS.model_copy(update={"close": {"others": 1.0}}), "draws from 'others', but no photo with a face"),
        (
            SETTINGS.model_copy(update={"heads": {}}),
            r"composed.heads: is empty; name a source, or set kinds.heads to 0",
        ),
    ],
)
def test_what_cannot_be_composed_is_told(folder: Path, settings: Composition, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ComposedImages.read([folder], None, settings)
    (folder / "faces.json").write_text("{}}")
    with pytest.raises(InputError, match=r"faces.json: is damaged"):
        ComposedImages.read([folder], None, SETTINGS)
