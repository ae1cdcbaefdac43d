"""From files to pixels: each kind of input shows what it says, and heatmaps never at the size of the photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from uncover.config.detectors import Input
from uncover.errors import InputError
from uncover.images.letterbox import fit
from uncover.images.maps import StoredMaps, read_maps, store_maps, write_maps
from uncover.images.reading import OVERHEAD, bytes_of_maps, read_source, scale

FRAME = fit(4000, 3000, 64)
NAMES = ["eyes", "whole face", "mouth"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Maps of three classes of a large photo: all from 0 on, the last one blank."""
    maps = np.random.default_rng(0).random((3, 16, 16)).astype(np.float32) * [[[1]], [[9]], [[0]]]
    seen = fit(4000, 3000, 128, square=True)
    write_maps(tmp_path / "a.tif", store_maps(maps.astype(np.float32), seen, {"class_names": NAMES}))
    return tmp_path / "a.tif"


def enlarged(maps: np.ndarray) -> np.ndarray:
    """float64 (C, 48, 64): a grid of 16 cells over a square, of which the photo is the middle; each from 0 to 255."""
    whole = functional.interpolate(torch.from_numpy(maps)[None].double(), (64, 64), mode="bilinear")[0].numpy()
    inside = whole[:, 8:56]
    low, high = (edge(inside, (1, 2), keepdims=True) for edge in (np.min, np.max))
    return (inside - low) / np.maximum(high - low, 1e-9) * 255


@pytest.mark.parametrize("kind", ["classes", "mean", "whole_face"])
def test_heatmaps_are_shown_as_they_would_be_enlarged(path: Path, kind: Input) -> None:
    source = read_source(path, 3 if kind == "classes" else 1, FRAME, kind)
    assert isinstance(source, StoredMaps) and source.values.shape[1:] == (16, 16) and not source.about
    shares = read_maps(path).values / 65535
    spread = (shares - shares.min((1, 2), keepdims=True)) / np.maximum(np.ptp(shares, (1, 2), keepdims=True), 1e-9)
    wanted = {"classes": shares, "mean": spread.mean(0, keepdims=True), "whole_face": shares[1:2]}[kind]
    pixels = scale(source, FRAME)
    assert pixels.shape == (48, 64, len(wanted)) and pixels.dtype == np.uint8
    assert np.abs(pixels.transpose(2, 0, 1) - enlarged(wanted)).max() < 1.1


def test_grey_is_the_luminance_of_the_photo(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(colours).save(tmp_path / "a.png")
    grey = scale(read_source(tmp_path / "a.png", 1, fit(64, 48, 64), "grey"), fit(64, 48, 64))
    assert grey.shape == (48, 64, 1)
    assert np.abs(grey[..., 0] - colours @ [0.299, 0.587, 0.114]).max() < 1
    assert np.array_equal(read_source(tmp_path / "a.png", 3, fit(64, 48, 64), "photo"), colours)


def test_memory_of_maps_is_that_of_their_cells(path: Path) -> None:
    frames = [fit(4000, 3000, 640), fit(3000, 4000, 640), fit(50, 50, 640)]
    # 16 x 16 cells for 128 x 128 pixels: of 128 x 96, 96 x 128 and 128 x 128 pixels.
    cells = 16 * 12 + 12 * 16 + 16 * 16
    needed = bytes_of_maps([path] * 3, frames, 3, "classes")
    assert needed == cells * 2 * 3 + 3 * OVERHEAD
    assert bytes_of_maps([path] * 3, frames, 1, "mean") == cells * 2 + 3 * OVERHEAD


@pytest.mark.parametrize(
    ("kind", "channels", "frame", "says"),
    [
        ("classes", 10, FRAME, r"a\.tif: holds heatmaps of 3 channels; expected 10"),
        ("joint", 1, FRAME, r"a\.tif: holds heatmaps of 3 channels; expected 1"),
        ("classes", 3, fit(800, 600, 64), r"of an image of 4000 x 3000 pixels; expected 800 x 600, so make them anew"),
    ],
)
def test_other_maps_are_refused(path: Path, kind: Input, channels: int, frame: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_source(path, channels, frame, kind)  # type: ignore[arg-type]


def test_a_photo_is_no_heatmap_and_a_class_must_be_there(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"a\.tif: holds no heatmaps"):
        read_source(tmp_path / "a.tif", 1, FRAME, "joint")
    write_maps(tmp_path / "b.tif", store_maps(np.ones((1, 2, 2), np.float32), FRAME, {"class_names": ["dog"]}))
    with pytest.raises(InputError, match=r"b\.tif: no map of the class 'whole face' among dog"):
        read_source(tmp_path / "b.tif", 1, FRAME, "whole_face")
