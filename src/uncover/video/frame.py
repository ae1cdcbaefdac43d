"""A frame of a video, converted to pixels on demand: upright, and with standard dynamic range.

Networks were trained on ordinary photos, so high dynamic range is mapped to the range of an ordinary screen. The curves
of PQ and HLG are those of ITU-R BT.2100-2 (tables 4 and 5) and of sRGB (IEC 61966-2-1). Light up to the reference white
of ITU-R BT.2408 (203 candelas per square metre) is dimmed little; brighter light is rolled off (Reinhard, extended).
The wider colours of BT.2020 are not converted: faces look slightly paler.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from uncover.errors import InputError

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


PQ, HLG = 16, 18
"""Numbers of the transfer characteristics (ITU-T H.273, table 3)."""

WHITE, PEAK = 203.0, 1000.0
"""Candelas per square metre."""

LEVELS = 256


class Frame:
    """One frame of a video.

    Attributes:
        index: Number, from 0; frames that could not be decoded have no number.
        second: Display time since the first frame.
        joint: Whether the time since the frame before it is unknown.
        corrupt: Known number of frames before it that could not be decoded.
    """

    def __init__(
        self,
        index: int,
        second: float,
        pixels: NDArray[np.uint8] | None = None,
        source: VideoFrame | None = None,
        curve: NDArray[np.uint8] | None = None,
        joint: bool = False,
    ) -> None:
        """
        Args:
            index: Number, from 0.
            second: Display time since the first frame.
            pixels: uint8 (H, W, 3) RGB, upright; or
            source: the decoded frame, which is converted to pixels on demand.
            curve: Result of `tone_curve` for high dynamic range.
            joint: Whether the time since the frame before it is unknown.
        """
        self.index, self.second, self.joint, self.corrupt = index, second, joint, 0
        self._pixels, self._source, self._curve = pixels, source, curve

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """uint8 (H, W, 3) RGB, upright."""
        if self._pixels is None:
            assert self._source is not None
            self._pixels = self._converted(self._source.width, self._source.height, None)
        return self._pixels

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, upright."""
        if self._source is not None:
            return upright_size(self._source)
        height, width = self.pixels.shape[:2]
        return width, height

    @property
    def stamp(self) -> float | None:
        """Its time by the file's own clock, in seconds; None if the file has none."""
        source = self._source
        if source is None or source.pts is None or source.time_base is None:
            return None
        return float(source.pts * source.time_base)

    def renumbered(self, index: int) -> Frame:
        """The same frame with another number."""
        return Frame(index, self.second, self._pixels, self._source, self._curve, self.joint)

    def shrunk(self, width: int, height: int) -> NDArray[np.uint8] | None:
        """The frame at a smaller size; each pixel is the mean of those that it covers.

        For a decoded frame this is five times as fast as converting all of it to RGB first.

        Returns:
            uint8 (height, width, 3) RGB, upright; None if it is not a decoded frame, or would not become smaller.
        """
        own_width, own_height = self.size
        if self._source is None or width > own_width or height > own_height:
            return None
        sides = (height, width) if _pose_of(self._source).turned else (width, height)
        return self._converted(*sides, "AREA")

    def _converted(self, width: int, height: int, interpolation: str | None) -> NDArray[np.uint8]:
        import av

        assert self._source is not None
        try:
            made = self._source.reformat(width, height, "rgb24", interpolation=interpolation)
            return _upright(self._source, made.to_ndarray(), self._curve)
        except (av.FFmpegError, ValueError) as error:
            raise InputError(f"frame {self.index}: cannot be converted to RGB ({error})") from None


def _upright(frame: VideoFrame, decoded: NDArray[Any], curve: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    pixels = np.asarray(decoded, np.uint8)
    if curve is not None:
        import cv2

        pixels = np.asarray(cv2.LUT(pixels, curve), np.uint8)
    pose = _pose_of(frame)
    if pose.turned:
        pixels = pixels.transpose(1, 0, 2)
    if pose.left_right:
        pixels = pixels[:, ::-1]
    if pose.up_down:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


@dataclass(frozen=True)
class _Pose:
    """Steps that make a decoded frame upright, in this order.

    Attributes:
        turned: Transpose rows and columns.
        left_right: Mirror left and right.
        up_down: Mirror top and bottom.
    """

    turned: bool = False
    left_right: bool = False
    up_down: bool = False


def _pose_of(frame: VideoFrame) -> _Pose:
    """Pose by the display matrix (ISO/IEC 14496-12, 8.3.2), which maps (x, y) to (a x + c y, b x + d y); y points down.

    Other rotations are rounded to the nearest quarter turn.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return _Pose()
    a, b, _, c, d = struct.unpack_from("=5i", bytes(matrix))  # type: ignore[call-overload]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return _Pose(False, a < 0, d < 0)
    return _Pose(True, c < 0, b < 0)


def upright_size(frame: VideoFrame) -> tuple[int, int]:
    """Width and height in pixels of a decoded frame after rotation."""
    return (frame.height, frame.width) if _pose_of(frame).turned else (frame.width, frame.height)


def pixel_aspect(frame: VideoFrame, stored: Fraction) -> Fraction:
    """Width of a pixel relative to its height after rotation.

    Args:
        frame: The frame.
        stored: Pixel aspect ratio as stored.
    """
    if stored <= 0:
        return Fraction(1)
    return 1 / stored if _pose_of(frame).turned else stored


@cache
def tone_curve(transfer: int | None) -> NDArray[np.uint8] | None:
    """Output value of each 8-bit value of a video.

    Args:
        transfer: Number of the video's transfer characteristics.

    Returns:
        uint8 (256,); None for standard dynamic range, which is not changed.
    """
    value = np.linspace(0, 1, LEVELS)
    if transfer == PQ:
        light = _pq(value)
    elif transfer == HLG:
        light = _hlg(value)
    else:
        return None
    share, most = light / WHITE, PEAK / WHITE
    shown = np.where(share <= 0.5, share, 0.5 + _roll_off(np.maximum(share - 0.5, 0), most - 0.5))
    return np.asarray(np.rint(_srgb(shown.clip(0, 1)) * (LEVELS - 1)), np.uint8)


def _roll_off(share: NDArray[np.float64], most: float) -> NDArray[np.float64]:
    """Map 0 to `most` onto 0 to 0.5, with an unchanged slope at 0."""
    scaled, top = share * 2, most * 2
    return 0.5 * scaled * (1 + scaled / top**2) / (1 + scaled)


def _pq(value: NDArray[np.float64]) -> NDArray[np.float64]:
    m1, m2, c1, c2, c3 = 1305 / 8192, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128
    power = value ** (1 / m2)
    return 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def _hlg(value: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b, c, gamma = 0.17883277, 0.28466892, 0.55991073, 1.2
    scene = np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)
    return PEAK * scene**gamma


def _srgb(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
