"""The frame around an image, for any size and any number of channels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.images.letterbox import fit, letterbox, resize

lengths = st.integers(1, 3000)
sizes = st.sampled_from([64, 320, 416, 640])
shares = st.floats(0, 1)


@given(lengths, lengths, sizes, st.sampled_from([32, 64]), st.booleans(), st.booleans())
def test_a_frame_is_the_smallest_that_the_stride_allows(
    width: int, height: int, size: int, stride: int, square: bool, enlarge: bool
) -> None:
    frame = fit(width, height, size, stride, square, enlarge)
    longest = size if enlarge else min(size, max(width, height))
    assert max(frame.inner_width, frame.inner_height) == longest
    assert frame.scale == longest / max(width, height)
    for inner, out, start, side in (
        (frame.inner_width, frame.out_width, frame.left, width),
        (frame.inner_height, frame.out_height, frame.top, height),
    ):
        assert out % stride == 0 and start >= 0 and start + inner <= out
        assert 0 <= side * frame.scale - inner + 1 <= 1 + 1e-6 or inner == 1
        assert 0 <= (out - inner - start) - start <= 1
        if square:
            assert out == -(-size // stride) * stride
        else:
            assert out - inner < stride


@given(lengths, lengths, sizes, st.booleans(), shares, shares, shares, shares)
def test_boxes_return_from_the_frame_as_they_went(
    width: int, height: int, size: int, square: bool, a: float, b: float, c: float, d: float
) -> None:
    frame = fit(width, height, size, square=square)
    box = np.array([[min(a, c) * width, min(b, d) * height, max(a, c) * width, max(b, d) * height]])
    inside = frame.to_network(box)
    assert (inside >= -1e-9).all() and (inside[0] <= np.tile([frame.out_width, frame.out_height], 2) + 1e-6).all()
    assert np.allclose(frame.to_original(inside), box, atol=1e-6)


def test_the_image_fills_its_place_exactly_and_boxes_are_clipped_to_it() -> None:
    frame = fit(100, 37, 320)
    whole = np.array([0.0, 0.0, 100.0, 37.0])
    assert (frame.out_width, frame.out_height, frame.top) == (320, 128, 4)
    assert frame.to_network(whole).tolist() == [0, 4, 320, 4 + 119]
    assert frame.to_original(np.array([-50.0, -50.0, 999.0, 999.0])).tolist() == whole.tolist()


@pytest.mark.parametrize("channels", [1, 3, 4, 5, 10])
@pytest.mark.parametrize(("width", "height"), [(200, 120), (31, 90), (320, 256), (64, 64)])
@pytest.mark.parametrize("padding", [0, 114])
def test_a_letterbox_is_the_same_channel_by_channel(channels: int, width: int, height: int, padding: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, channels)).astype(np.uint8)
    frame = fit(width, height, 96)
    framed = letterbox(image, frame, padding)
    assert framed.shape == (frame.out_height, frame.out_width, channels) and framed.dtype == np.uint8
    rule = cv2.INTER_AREA if channels <= 4 and max(width, height) > 96 else cv2.INTER_LINEAR
    inner = (slice(frame.top, frame.top + frame.inner_height), slice(frame.left, frame.left + frame.inner_width))
    around = np.ones(framed.shape[:2], bool)
    around[inner] = False
    assert (framed[around] == padding).all()
    for channel in range(channels):
        alone = np.ascontiguousarray(image[..., channel])
        expected = cv2.resize(alone, (frame.inner_width, frame.inner_height), interpolation=rule)
        # OpenCV's code for several channels at once may round a half the other way.
        assert np.abs(framed[inner][..., channel].astype(int) - expected).max() <= 1


def test_training_takes_the_nearest_pixels_and_all_else_averages() -> None:
    stripes = np.zeros((90, 90, 3), np.uint8)
    stripes[:, ::3] = 255
    assert np.ptp(resize(stripes, 30, 30, smooth=True)) == 0
    assert not np.array_equal(resize(stripes, 30, 30, smooth=True), resize(stripes, 30, 30, smooth=False))
    assert np.array_equal(resize(stripes, 180, 180, smooth=True), resize(stripes, 180, 180, smooth=False))
