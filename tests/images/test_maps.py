"""Heatmaps on disk come back, in other readers too; at the size of a picture they are as grad-cam scales them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image
from pytorch_grad_cam.utils.image import scale_cam_image
from torch.nn import functional

from uncover.errors import InputError
from uncover.images.letterbox import Letterbox, fit
from uncover.images.maps import StoredMaps, average, read_maps, render, store_maps, write_maps
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
    with pytest.raises(InputError, match=r"face\.tif: contains heatmaps of 4 channels; expected 10$"):
        read_maps(path, 10)


def test_a_file_that_is_cut_off_anywhere_is_refused(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = path.read_bytes()
    # Every byte where a reader finds its way, and steps through the maps.
    for length in [*range(300), *range(300, len(content), 37), *range(len(content) - 20, len(content))]:
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"face\.tif: (is truncated|cannot be|contains no heat)[^\n]*$"):
            read_maps(path)
    assert not caplog.records  # tifffile adds nothing to our line


def test_a_file_that_is_cut_off_between_channels_says_how_many_there_are(path: Path) -> None:
    with tifffile.TiffFile(path) as tiff:
        third = tiff.pages[2].offset
    path.write_bytes(path.read_bytes()[:third])
    with pytest.raises(InputError, match=r"face\.tif: is truncated after 2 of 4 channels; make it again$"):
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
        (STORED.values, None, "contains no heatmaps; expected a file of `uncover heatmaps`"),
        (STORED.values, {"about": {}}, "contains no heatmaps"),
        (STORED.values.astype(np.uint8), {"uncover maps": {}}, "contains uint8 values; expected 16-bit heatmaps"),
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
        with pytest.raises(InputError, match=f"contains heatmaps of {channels} channels; expected {expected}"):
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
    with pytest.raises(InputError, match="no heatmap of the class 'whole face' among dog, cat; choose another average"):
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


LANDSCAPE, PORTRAIT = fit(1000, 700, 640), fit(450, 900, 640)
STRIDE = 32


def smooth_maps(frame: Letterbox, channels: int, seed: int) -> NDArray[np.float32]:
    """float32 (C, h, w) at stride 32, as an activation map after ReLU: blobs, some below 0."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[: frame.out_height // STRIDE, : frame.out_width // STRIDE].astype(np.float32)
    maps = []
    for _ in range(channels):
        centres = chance.uniform(0, [len(y), len(y[0])], (3, 2))
        spread, height = chance.uniform(1, 4, 3), [1, *chance.uniform(-0.25, 1, 2)]
        blobs = [
            h * np.exp(-((y - b) ** 2 + (x - a) ** 2) / s**2)
            for (b, a), s, h in zip(centres, spread, height, strict=True)
        ]
        maps.append(np.maximum(np.sum(blobs, 0), 0) * 10 ** chance.uniform(-3, 3))
    return np.array(maps, np.float32)


def as_grad_cam_does(native: NDArray[np.float32], width: int, height: int) -> NDArray[np.uint8]:
    """One full-size map as grad-cam's public API scales it, and as the thesis's tools make 8 bits of it."""
    full = scale_cam_image(scale_cam_image(native[None], (width, height)))[0]
    return np.uint8(full / full.max() * 255)


def levels_apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    return int(np.abs(one.astype(int) - other).max())


@pytest.mark.parametrize("frame", [LANDSCAPE, PORTRAIT, fit(300, 300, 640), fit(640, 480, 64)])
def test_letterboxed_maps_are_those_of_grad_cam(frame: Letterbox) -> None:
    maps = smooth_maps(frame, 10, seed=frame.width)
    for native, picture in zip(maps, render(store_maps(maps, frame, {}), "letterbox"), strict=True):
        assert picture.min() == 0 and picture.max() == 255
        assert levels_apart(picture, as_grad_cam_does(native, frame.out_width, frame.out_height)) <= 1


@pytest.mark.parametrize("frame", [LANDSCAPE, PORTRAIT, fit(200, 150, 640), fit(900, 800, 256, square=True)])
def test_maps_of_the_image_alone_are_enlarged_cropped_and_scaled(frame: Letterbox) -> None:
    maps = smooth_maps(frame, 3, seed=frame.height)
    full = functional.interpolate(
        torch.from_numpy(maps)[None].double(), (frame.out_height, frame.out_width), mode="bilinear"
    )
    inside = full[..., frame.top :, frame.left :][..., : frame.inner_height, : frame.inner_width]
    alone = functional.interpolate(inside, (frame.height, frame.width), mode="bilinear")[0].numpy()
    for wanted, picture in zip(alone, render(store_maps(maps, frame, {})), strict=True):
        assert levels_apart(picture, np.uint8((wanted - wanted.min()) / np.ptp(wanted) * 255)) <= 1


@given(st.data())
def test_any_map_is_that_of_grad_cam(data: st.DataObject) -> None:
    # Shares of 65535 are exact here: what a map of almost equal cells loses by them is no matter of scaling.
    native = data.draw(arrays(np.uint16, (4, 5))).astype(np.float32)
    native.flat[0] = 65535
    picture = render(store_maps(native[None], fit(160, 128, 160), {}), "letterbox")[0]
    if np.ptp(native) == 0:
        assert not picture.any()
    else:
        assert levels_apart(picture, as_grad_cam_does(native, 160, 128)) <= 1


@pytest.mark.parametrize("frame", [LANDSCAPE, PORTRAIT])
@pytest.mark.parametrize("scale", [1, 0.5])
def test_a_blob_comes_back_where_it_was_in_the_photo(frame: Letterbox, scale: float) -> None:
    place = np.array([0.3 * frame.width, 0.6 * frame.height])  # x, y in pixels of the photo
    in_frame = frame.to_network(np.tile(place, 2))[:2]
    y, x = (np.mgrid[: frame.out_height // STRIDE, : frame.out_width // STRIDE] + 0.5) * STRIDE
    blob = np.exp(-((x - in_frame[0]) ** 2 + (y - in_frame[1]) ** 2) / (2 * 50**2)).astype(np.float32)
    size = (round(frame.width * scale), round(frame.height * scale))
    picture = render(store_maps(blob[None], frame, {}), "original" if scale == 1 else size)[0]
    assert picture.shape == size[::-1]
    weights = picture.astype(np.float64) / picture.sum()
    rows, columns = np.mgrid[: size[1], : size[0]] + 0.5
    found = np.array([(weights * columns).sum(), (weights * rows).sum()]) / scale
    # A tenth of a cell, in pixels of the photo.
    assert np.abs(found - place).max() < 0.1 * STRIDE / frame.scale


def test_what_lies_in_the_padding_is_removed_before_the_scaling() -> None:
    frame = fit(640, 352, 640, square=True)
    maps = np.zeros((1, 20, 20), np.float32)
    maps[0, 1, 5] = 100  # in the padding
    maps[0, 10, 10] = 1
    stored = store_maps(maps, frame, {})
    framed, alone = render(stored, "letterbox")[0], render(stored)[0]
    assert framed.shape == (640, 640) and framed[frame.top :].max() <= 2 and framed[: frame.top].max() == 255
    assert alone.shape == (352, 640) and alone.max() == 255 and alone[:32].max() == 0
    assert np.unravel_index(alone.argmax(), alone.shape)[1] // STRIDE == 10


@pytest.mark.parametrize("size", ["original", "letterbox", (50, 40)])
@pytest.mark.parametrize("value", [0, 0.3, 7])
def test_blank_and_constant_maps_are_zero(size: Any, value: float) -> None:
    maps = np.full((2, 15, 20), value, np.float32)
    maps[1, 3, 4] += 1
    pictures = render(store_maps(maps, fit(700, 500, 640), {}), size)
    assert not pictures[0].any() and pictures[1].max() == 255
    assert pictures.flags.c_contiguous and pictures.dtype == np.uint8


def test_maps_that_are_constant_in_the_photo_are_zero() -> None:
    maps = np.full((1, 20, 20), 0.3, np.float32)
    maps[0, :3] = np.linspace(0, 1, 20)  # in the padding
    stored = store_maps(maps, fit(701, 352, 640, square=True), {})
    assert render(stored, "letterbox").any()
    assert not render(stored).any() and not render(stored, (333, 177)).any()


def test_any_number_of_channels_is_enlarged() -> None:
    maps = np.random.default_rng(0).random((600, 2, 2), np.float32)
    pictures = render(store_maps(maps, fit(64, 64, 64), {}))
    assert pictures.shape == (600, 64, 64) and (pictures.max((1, 2)) == 255).all()


@pytest.mark.parametrize("factor", [1, 0.5, 0.25, 2])
def test_maps_go_straight_to_a_size_that_the_frame_scales_to_evenly(factor: float) -> None:
    for frame in (LANDSCAPE, fit(640, 352, 640, square=True)):
        maps = smooth_maps(frame, 2, seed=1)
        whole = (int(frame.out_height * factor), int(frame.out_width * factor))
        full = functional.interpolate(torch.from_numpy(maps)[None].double(), whole, mode="bilinear")[0].numpy()
        width, height = int(frame.inner_width * factor), int(frame.inner_height * factor)
        left, top = int(frame.left * factor), int(frame.top * factor)
        inside = full[:, top : top + height, left : left + width]
        for wanted, picture in zip(inside, render(store_maps(maps, frame, {}), (width, height)), strict=True):
            assert levels_apart(picture, np.uint8((wanted - wanted.min()) / np.ptp(wanted) * 255)) <= 1
