"""Heatmaps on disk: what is written comes back, in other readers too, and what is broken is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image

from uncover.errors import InputError
from uncover.images.letterbox import fit
from uncover.images.maps import StoredMaps, average, read_maps, store_maps, write_maps
from uncover.images.reading import inspect_image, read_image

FRAME = fit(1000, 750, 640)
NAMES = ["whole face", "eyes", "nez à côté", "mouth"]
ABOUT = {
    "class_names": NAMES,
    "status": ["map", "map", "no detection", "map"],
    "detections": [[1.5, 2, 30, 40, 0.9, 0]],
}


def some_maps(channels: int = 4, height: int = 15, width: int = 20) -> NDArray[np.float32]:
    """float32 (C, h, w) of very different maxima, zeros among them; the third is blank."""
    maps = np.random.default_rng(0).normal(0, 1, (channels, height, width)).clip(0).astype(np.float32)
    maps *= np.logspace(-9, 5, channels, dtype=np.float32)[:, None, None]
    maps[2:3] = 0
    return maps


STORED = store_maps(some_maps(), FRAME, ABOUT)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A whole file."""
    write_maps(tmp_path / "face.tif", STORED)
    return tmp_path / "face.tif"


def same(one: StoredMaps, other: StoredMaps) -> bool:
    arrays_agree = np.array_equal(one.values, other.values) and np.array_equal(one.scales, other.scales)
    return arrays_agree and one.frame == other.frame and one.about == other.about


def test_values_are_shares_of_the_maximum() -> None:
    maps = some_maps()
    assert STORED.values.dtype == np.uint16 and STORED.scales.dtype == np.float32
    assert STORED.scales.tolist() == maps.max((1, 2)).tolist() and STORED.scales[2] == 0
    assert STORED.values.max((1, 2)).tolist() == [65535, 65535, 0, 65535] and not STORED.values[2].any()
    # Half a step of 65535, and float32's own rounding.
    assert np.all(np.abs(STORED.native() - maps) <= maps.max((1, 2))[:, None, None] * (0.5 / 65535 + 1e-7))


@given(
    arrays(
        np.float32,
        array_shapes(min_dims=3, max_dims=3, max_side=6),
        elements=st.floats(0, np.finfo(np.float32).max, width=32),
    ),
    st.dictionaries(
        st.text(), st.none() | st.text() | st.integers() | st.floats(allow_nan=False) | st.lists(st.text())
    ),
)
def test_any_maps_come_back(
    tmp_path_factory: pytest.TempPathFactory, maps: NDArray[np.float32], about: dict[str, Any]
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.tif"
    stored = store_maps(maps, FRAME, about)
    assert np.array_equal(stored.scales, maps.max((1, 2)))
    write_maps(file, stored)
    assert same(read_maps(file, len(maps)), stored)
    tolerance = stored.scales.astype(np.float64)[:, None, None] * (0.5 / 65535 + 1e-7)
    # The smallest float32, beside which there is nothing to round to.
    assert np.all(np.abs(stored.native().astype(np.float64) - maps) <= tolerance + 2e-45)


@pytest.mark.parametrize("channels", [1, 3, 4, 10, 80])
def test_other_readers_find_a_page_per_channel(tmp_path: Path, channels: int) -> None:
    stored = store_maps(some_maps(channels), FRAME, {"class_names": [str(number) for number in range(channels)]})
    file = tmp_path / "a.tif"
    write_maps(file, stored)
    assert np.array_equal(tifffile.imread(file).reshape(stored.values.shape), stored.values)
    with Image.open(file) as image:
        pages = []
        for number in range(image.n_frames):
            image.seek(number)
            pages.append(np.array(image))
    assert np.array_equal(pages, stored.values)
    found, read = cv2.imreadmulti(str(file), flags=cv2.IMREAD_UNCHANGED)
    assert found and np.array_equal(read, stored.values)
    with tifffile.TiffFile(file) as tiff:
        described = json.loads(tiff.pages.first.description)["uncover maps"]
    assert described["about"] == stored.about and described["frame"]["inner_height"] == 480


def test_channels_are_checked_where_they_are_known(path: Path) -> None:
    assert same(read_maps(path), STORED) and same(read_maps(path, 4), STORED)
    with pytest.raises(InputError, match=r"face\.tif: holds heatmaps of 4 channels; expected 10$"):
        read_maps(path, 10)


def test_a_file_that_is_cut_off_anywhere_is_refused(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = path.read_bytes()
    # Every byte where a reader finds its way, and steps through the maps.
    for length in [*range(300), *range(300, len(content), 37), *range(len(content) - 20, len(content))]:
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"face\.tif: (is cut off|cannot be|holds no heat)[^\n]*$"):
            read_maps(path)
    assert not caplog.records  # tifffile adds nothing to our line


def test_a_file_that_is_cut_off_between_channels_says_how_many_there_are(path: Path) -> None:
    with tifffile.TiffFile(path) as tiff:
        third = tiff.pages[2].offset
    path.write_bytes(path.read_bytes()[:third])
    with pytest.raises(InputError, match=r"face\.tif: is cut off after 2 of 4 channels; make it anew$"):
        read_maps(path)


def test_spoilt_maps_are_refused(path: Path) -> None:
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages.first.dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[start + 20] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"face\.tif: cannot be decoded"):
        read_maps(path)


@pytest.mark.parametrize(
    ("values", "metadata", "expected"),
    [
        (STORED.values, None, "holds no heatmaps; expected a file that `uncover heatmaps` wrote"),
        (STORED.values, {"about": {}}, "holds no heatmaps"),
        (STORED.values.astype(np.uint8), {"uncover maps": {}}, "holds uint8 values; expected heatmaps of 16 bits"),
        (STORED.values, {"uncover maps": {"scales": [1, 2]}}, "cannot be decoded"),
        (STORED.values, {"uncover maps": {"scales": [1, 2, 3, 4], "frame": {"width": 3}}}, "cannot be decoded"),
    ],
)
def test_files_of_others_are_refused(
    tmp_path: Path, values: NDArray[np.generic], metadata: dict[str, Any] | None, expected: str
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", metadata=metadata)
    with pytest.raises(InputError, match=f"a.tif: {expected}"):
        read_maps(tmp_path / "a.tif")


def test_missing_files_and_other_contents_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("no image")
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    for name in ("missing.tif", "text.tif", "photo.png"):
        with pytest.raises(InputError, match=name):
            read_maps(tmp_path / name)


def test_a_write_that_fails_leaves_what_was_there(path: Path) -> None:
    with pytest.raises(TypeError):
        write_maps(path, replace(STORED, about={"path": path}))
    assert same(read_maps(path), STORED) and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_maps_are_images_of_the_size_of_what_they_explain(tmp_path: Path, channels: int) -> None:
    write_maps(tmp_path / "a.tif", store_maps(some_maps(channels), FRAME, {"class_names": NAMES[:channels]}))
    assert inspect_image(tmp_path / "a.tif", channels) == (1000, 750)
    image = read_image(tmp_path / "a.tif", channels)
    assert image.shape == (750, 1000, channels) and image.dtype == np.uint8 and image.flags.c_contiguous
    assert image.max((0, 1)).tolist() == [255, 255, 0, 255][:channels]


@pytest.mark.parametrize(("channels", "expected"), [(1, 3), (1, 10), (3, 1), (4, 3)])
def test_as_images_they_must_have_the_channels_too(tmp_path: Path, channels: int, expected: int) -> None:
    write_maps(tmp_path / "a.tif", store_maps(some_maps(channels), FRAME, {"class_names": NAMES[:channels]}))
    for read in (inspect_image, read_image):
        with pytest.raises(InputError, match=f"holds heatmaps of {channels} channels; expected {expected}"):
            read(tmp_path / "a.tif", expected)


def test_the_mean_is_that_of_maps_from_0_to_1() -> None:
    maps = some_maps()
    one = average(STORED, "mean")
    wanted = np.mean([each / max(each.max(), 1e-30) for each in maps], axis=0)
    np.testing.assert_allclose(one.native(), wanted[None], atol=2e-5)
    assert one.about["class_names"] == ["mean"] and one.about["average"] == "mean" and one.about["status"] == ["map"]
    assert one.frame == FRAME and one.about["detections"] == ABOUT["detections"]


def test_the_whole_face_is_one_of_the_classes() -> None:
    one = average(STORED, "whole_face")
    assert np.array_equal(one.values, STORED.values[:1]) and one.scales == pytest.approx(STORED.scales[:1], rel=1e-6)
    assert one.about["class_names"] == ["whole_face"]
    with pytest.raises(InputError, match="no map of the class 'whole face' among dog, cat; choose another average"):
        average(replace(STORED, about={"class_names": ["dog", "cat"]}), "whole_face")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (["no detection"] * 4, "no detection"),
        (["no detection", "no positive evidence", "no detection", "no detection"], "no positive evidence"),
    ],
)
def test_an_average_of_blank_maps_is_blank_and_says_why(status: list[str], expected: str) -> None:
    blank = store_maps(np.zeros((4, 15, 20), np.float32), FRAME, {"class_names": NAMES, "status": status})
    one = average(blank, "mean")
    assert not one.values.any() and one.scales.tolist() == [0] and one.about["status"] == [expected]
