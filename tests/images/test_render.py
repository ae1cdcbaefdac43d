"""Heatmaps at the size of a picture: as grad-cam scales them, and where they belong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pytorch_grad_cam.utils.image import scale_cam_image
from torch.nn import functional

from uncover.images.letterbox import Frame, fit
from uncover.images.maps import render, store_maps

LANDSCAPE, PORTRAIT = fit(1000, 700, 640), fit(450, 900, 640)
STRIDE = 32


def smooth_maps(frame: Frame, channels: int, seed: int) -> NDArray[np.float32]:
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
def test_letterboxed_maps_are_those_of_grad_cam(frame: Frame) -> None:
    maps = smooth_maps(frame, 10, seed=frame.width)
    for native, picture in zip(maps, render(store_maps(maps, frame, {}), "letterbox"), strict=True):
        assert picture.min() == 0 and picture.max() == 255
        assert levels_apart(picture, as_grad_cam_does(native, frame.out_width, frame.out_height)) <= 1


@pytest.mark.parametrize("frame", [LANDSCAPE, PORTRAIT, fit(200, 150, 640), fit(900, 800, 256, square=True)])
def test_maps_of_the_image_alone_are_enlarged_cropped_and_scaled(frame: Frame) -> None:
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
def test_a_blob_comes_back_where_it_was_in_the_photo(frame: Frame, scale: float) -> None:
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
