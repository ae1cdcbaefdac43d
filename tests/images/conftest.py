"""Small labelled data sets: each image is dark with one bright rectangle, which its label frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from PIL import Image

from uncover.images.labelled import LabelledImages, read_labelled_images

DARK, BRIGHT = 20, 250
SIDED = ("eyes", "left face", "right face")


def rectangle_image(width: int, height: int, box: tuple[int, int, int, int], channels: int) -> np.ndarray:
    """uint8 (height, width, channels), dark but for a box x1 y1 x2 y2 in whole pixels."""
    image = np.full((height, width, channels), DARK, np.uint8)
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = BRIGHT
    return image


def save_image(folder: Path, stem: str, image: np.ndarray) -> Path:
    """Save an image without loss, in the format that its channels need."""
    channels = image.shape[2]
    path = folder / f"{stem}{'.tif' if channels not in (1, 3) else '.png'}"
    if channels in (1, 3):
        Image.fromarray(image[..., 0] if channels == 1 else image).save(path)
    else:
        tifffile.imwrite(path, np.ascontiguousarray(image.transpose(2, 0, 1)))
    return path


def write_data_set(
    folder: Path, count: int = 8, channels: int = 3, names: Sequence[str] = SIDED, seed: int = 0
) -> Path:
    """Write `count` images of various shapes."""
    chance = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    content = {"path": ".", "train": "images", "val": "images", "names": dict(enumerate(names))}
    (folder / "data.yaml").write_text(yaml.safe_dump(content))
    for number in range(count):
        width, height = chance.integers(40, 160, 2).tolist()
        x1, y1 = int(chance.integers(0, width // 2)), int(chance.integers(0, height // 2))
        x2, y2 = int(chance.integers(x1 + 12, width)), int(chance.integers(y1 + 12, height))
        save_image(folder / "images", f"{number:03}", rectangle_image(width, height, (x1, y1, x2, y2), channels))
        shares = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
        (folder / f"labels/{number:03}.txt").write_text(" ".join(map(str, (number % len(names), *shares))) + "\n")
    return folder


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight photos; not to be changed."""
    return write_data_set(tmp_path_factory.mktemp("images") / "set")


@pytest.fixture(scope="session")
def labelled(data_set: Path) -> LabelledImages:
    """The same, read."""
    return read_labelled_images(data_set)


@pytest.fixture(scope="session")
def labelled_by_channels(tmp_path_factory: pytest.TempPathFactory) -> dict[int, LabelledImages]:
    """Eight images of 1, 3 and 10 channels each."""
    folder = tmp_path_factory.mktemp("channels")
    return {
        channels: read_labelled_images(write_data_set(folder / str(channels), channels=channels), channels=channels)
        for channels in (1, 3, 10)
    }
