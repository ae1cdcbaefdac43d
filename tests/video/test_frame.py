"""Decoded pictures made upright, smaller, and of ordinary range, beside known pictures and published tone curves."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.video.coded import pictures, plainly, write
from uncover.video import frame as tone
from uncover.video.decode import open_video
from uncover.video.frame import HLG, PEAK, PQ, Frame, tone_curve

PICTURES = pictures(40, 96, 64)


# ISO/IEC 14496-12, 8.3.2: the matrix takes (x, y), y down, to (a x + c y, b x + d y). With a = d = 0, b = 1, c = -1 the
# picture's right points down on the screen: a quarter turn clockwise, which telephones held upright write.
TURNS = {(1, 0, 0, 1): 0, (0, 1, -1, 0): -1, (-1, 0, 0, -1): 2, (0, -1, 1, 0): 1}
"""np.rot90's quarter turns, against the clock, by (a, b, c, d)."""
MIRRORED = {(-1, 0, 0, 1): 0, (1, 0, 0, -1): 2, (0, 1, 1, 0): 1, (0, -1, -1, 0): -1}
"""Likewise, of a picture whose left and right change places first."""


def turn(path: Path, matrix: tuple[int, int, int, int]) -> None:
    a, b, c, d = matrix
    plain, turned = (
        struct.pack(">9i", one << 16, two << 16, 0, three << 16, four << 16, 0, 0, 0, 1 << 30)
        for one, two, three, four in ((1, 0, 0, 1), (a, b, c, d))
    )
    content = path.read_bytes()
    header = content.index(b"tkhd")
    place = content.index(plain, header)
    path.write_bytes(content[:place] + turned + content[place + len(plain) :])


def moved(pixels: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Each pixel put where the matrix takes its middle."""
    a, b, c, d = matrix
    height, width = pixels.shape[:2]
    y, x = np.mgrid[0:height, 0:width] + 0.5
    columns, rows = a * x + c * y, b * x + d * y
    columns, rows = (np.floor(each - min(each.min() - 0.5, each.max() - 0.5)).astype(int) for each in (columns, rows))
    placed = np.zeros((rows.max() + 1, columns.max() + 1, 3), np.uint8)
    placed[rows, columns] = pixels
    return placed


@pytest.mark.parametrize("matrix", [*TURNS, *MIRRORED])
def test_pictures_stand_upright(tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    path = write(tmp_path / "v.mp4", PICTURES[:4], options={"crf": "5"})
    plain = plainly(path)[1]
    turn(path, matrix)
    with open_video(path) as video:
        frames = list(video.frames())
        for frame, before in zip(frames, plain, strict=True):
            mirrored = matrix in MIRRORED
            wanted = np.rot90(before[:, ::-1] if mirrored else before, (TURNS | MIRRORED)[matrix])
            assert np.array_equal(wanted, moved(before, matrix)), "two ways to say the same"
            assert np.array_equal(frame.pixels, wanted) and frame.pixels.flags.c_contiguous
            assert frame.size == (video.width, video.height) == wanted.shape[1::-1]


@pytest.mark.parametrize("matrix", [*TURNS, (0, 1, 1, 0)])
@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv420p"])
def test_shrunk_is_the_mean_of_the_pixels(tmp_path: Path, matrix: tuple[int, int, int, int], pixel_format: str) -> None:
    path = write(tmp_path / "v.mp4", pictures(2, 240, 160), pixel_format=pixel_format, options={"crf": "5"})
    turn(path, matrix)
    with open_video(path) as video:
        frame = next(iter(video.frames()))
        for width, height in ((video.width // 4, video.height // 4), (60, 56), (33, 47), frame.size):
            small = frame.shrunk(width, height)
            assert small is not None and small.shape == (height, width, 3)
            wanted = cv2.resize(frame.pixels, (width, height), interpolation=cv2.INTER_AREA)
            off = small.astype(int) - wanted
            if pixel_format == "yuv444p":
                assert np.abs(off).max() <= 2
            else:  # Brightness is as right; of colours, which have half the resolution, only every other is used.
                assert np.abs(off @ (0.299, 0.587, 0.114)).mean() < 1.5
                assert np.abs(off).mean() < 3 and np.abs(off).max() <= 30
        assert frame.shrunk(video.width + 1, 10) is None
        assert frame.shrunk(10, video.height + 1) is None


def test_a_frame_of_pixels_is_not_shrunk_and_keeps_them_under_another_number(tmp_path: Path) -> None:
    frame = Frame(3, 0.5, PICTURES[0])
    assert frame.size == (96, 64) and frame.shrunk(10, 10) is None
    again = frame.renumbered(7)
    assert (again.index, again.second, frame.index) == (7, 0.5, 3) and again.pixels is frame.pixels
    with open_video(write(tmp_path / "v.mp4", PICTURES[:2])) as video:
        decoded = next(iter(video.frames()))
        other = decoded.renumbered(9)
        small, wanted = other.shrunk(24, 16), decoded.shrunk(24, 16)
        assert other.index == 9 and small is not None and wanted is not None
        assert np.array_equal(small, wanted) and np.array_equal(other.pixels, decoded.pixels)


def test_odd_sizes(tmp_path: Path) -> None:
    given = pictures(3, 319, 239)
    path = write(tmp_path / "v.avi", given, codec="mjpeg", pixel_format="yuvj444p", options={"qscale": "1"})
    with open_video(path) as video:
        assert (video.width, video.height) == (319, 239)
        for frame, before in zip(video.frames(), given, strict=True):
            assert frame.pixels.shape == (239, 319, 3) and np.abs(frame.pixels.astype(int) - before).mean() < 4


@pytest.mark.parametrize(("codec", "tag"), [("libx264", "x264-params"), ("libx265", "x265-params")])
def test_high_dynamic_range_is_shown_brighter(tmp_path: Path, codec: str, tag: str) -> None:
    """A ramp of code values up to the reference white, which would look dim on an ordinary screen."""
    ramp = np.repeat(np.linspace(60, 148, 96).astype(np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    colours = "colorprim=bt2020:transfer={}:colormatrix=bt2020nc" + (":log-level=none" if codec == "libx265" else "")
    found = {}
    for transfer in ("smpte2084", "bt709"):
        path = tmp_path / f"{transfer}.mp4"
        write(path, [ramp] * 3, codec=codec, pixel_format="yuv420p10le", options={tag: colours.format(transfer)})
        assert av.open(str(path)).streams.video[0].codec_context.pix_fmt == "yuv420p10le"
        with open_video(path) as video:
            frame = list(video.frames())[1]
            small = frame.shrunk(48, 32)
            assert small is not None
            found[transfer] = frame.pixels.mean(axis=(0, 2))
            assert np.abs(small.mean(axis=(0, 2)) - found[transfer].reshape(48, 2).mean(axis=1)).max() < 4
    dim, bright = found["bt709"], found["smpte2084"]
    assert np.abs(dim - ramp[0, :, 0]).max() < 4, "ordinary range stays as it is"
    assert (np.diff(bright) >= -1).all() and bright[-1] > dim[-1] + 50
    curve = tone_curve(16)
    assert curve is not None and np.abs(bright - curve[ramp[0, :, 0]]).max() < 10


@pytest.mark.parametrize(
    ("value", "light"),
    # ITU-R BT.2100 and BT.2408: signal, candelas per square metre.
    [(0.0, 0.0), (0.508, 100.0), (0.581, 203.0), (0.752, 1000.0), (1.0, 10_000.0)],
)
def test_pq_has_its_published_light(value: float, light: float) -> None:
    assert tone._pq(np.array([value]))[0] == pytest.approx(light, rel=0.02)


@given(st.floats(0, 10_000))
def test_pq_undoes_its_inverse(light: float) -> None:
    """The inverse EOTF, with the decimals of SMPTE ST 2084 instead of the fractions."""
    power = (light / 10_000) ** 0.1593017578125
    value = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    assert tone._pq(np.array([value]))[0] == pytest.approx(light, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "light"),
    # BT.2408: reference white is 75 %, and 38 % is 18 % grey, on a screen of 1000 candelas per square metre.
    [(0.0, 0.0), (0.38, 26.0), (0.75, 203.0), (1.0, 1000.0)],
)
def test_hlg_has_its_published_light(value: float, light: float) -> None:
    assert tone._hlg(np.array([value]))[0] == pytest.approx(light, rel=0.02)


def test_srgb_has_its_published_values() -> None:
    """Middle grey of 18 % is 118 of 255, and half the light 188."""
    values = 255 * tone._srgb(np.array([0.0, 0.0031308, 0.18, 0.5, 1.0]))
    assert values == pytest.approx([0, 10.31, 117.6, 187.5, 255], abs=0.1)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_brighter_stays_brighter(transfer: int) -> None:
    curve = tone_curve(transfer)
    assert curve is not None and curve.shape == (256,) and curve.dtype == np.uint8
    steps = np.diff(curve.astype(int))
    assert (steps >= 0).all() and steps.max() <= 8
    assert curve[0] == 0 and curve[-1] == 255


def test_light_to_half_of_the_reference_white_is_only_scaled() -> None:
    """Faces under ordinary light: 50 of 203 candelas are a quarter of the light, and 137 of 255 in sRGB."""
    for transfer, light in ((PQ, tone._pq), (HLG, tone._hlg)):
        curve = tone_curve(transfer)
        assert curve is not None
        nearest = np.argmin(np.abs(light(np.linspace(0, 1, 256)) - 203 / 4))
        assert abs(int(curve[nearest]) - 137) <= 4


def test_reference_white_is_light_and_what_is_brighter_still_differs() -> None:
    curve = tone_curve(PQ)
    assert curve is not None
    white, bright, peak = (int(curve[round(255 * value)]) for value in (0.581, 0.65, 0.752))
    assert 215 <= white < bright < peak <= 255 and peak >= 250
    assert tone._pq(np.array([0.752]))[0] == pytest.approx(PEAK, rel=0.02)


@pytest.mark.parametrize("transfer", [None, 0, 1, 2, 6, 13, 14, 15, 17])
def test_ordinary_range_has_no_curve(transfer: int | None) -> None:
    assert tone_curve(transfer) is None
