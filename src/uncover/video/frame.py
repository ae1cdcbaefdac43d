"""A video frame that is converted to pixels on access: upright, and in standard dynamic range.

Networks were trained on ordinary photos, so high dynamic range is tone-mapped to standard range. The curves of PQ and
HLG are those of ITU-R BT.2100-2 (tables 4 and 5), that of sRGB is IEC 61966-2-1. Light up to the reference white of
ITU-R BT.2408 (203 candelas per square metre) is dimmed little; brighter light is rolled off (Reinhard, extended).
The wider colour gamut of BT.2020 is not converted: faces look slightly paler.
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
"""Codes of the transfer characteristics (ITU-T H.273, table 3)."""

WHITE, PEAK = 203.0, 1000.0
"""Luminance of reference white and peak, in candelas per square metre."""

LEVELS = 256


class Frame:
    """A frame of a video, or an image.

    Attributes:
        index: Its index, from 0; frames that could not be decoded are not counted.
        second: Its time since the first frame, in seconds.
        joint: Whether the time since the previous frame is unknown.
        corrupt: Number of frames before it that could not be decoded, if counted.
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
            index: See above.
            second: See above.
            pixels: uint8 (H, W, 3) RGB, upright; or
            source: the decoded frame, which is converted to pixels on access.
            curve: Tone curve, for a decoded frame of high dynamic range.
            joint: See above.
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
        """Its time stamp in the file, in seconds; None if it has none."""
        source = self._source
        if source is None or source.pts is None or source.time_base is None:
            return None
        return float(source.pts * source.time_base)

    def renumbered(self, index: int) -> Frame:
        """The same frame with another index."""
        return Frame(index, self.second, self._pixels, self._source, self._curve, self.joint)

    def shrunk(self, width: int, height: int) -> NDArray[np.uint8] | None:
        """The frame at a smaller size, by averaging pixels.

        For a decoded frame, this is five times as fast as converting the full frame to RGB first.

        Returns:
            uint8 (height, width, 3) RGB, upright; None if there is no decoded frame, or the size is not smaller.
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
    """Operations that turn a decoded frame upright, in this order.

    Attributes:
        turned: Transpose rows and columns.
        left_right: Flip horizontally.
        up_down: Flip vertically.
    """

    turned: bool = False
    left_right: bool = False
    up_down: bool = False


def _pose_of(frame: VideoFrame) -> _Pose:
    """From the display matrix (ISO/IEC 14496-12, 8.3.2), which maps (x, y) to (a x + c y, b x + d y); y points down.

    Other angles are rounded to quarter turns.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return _Pose()
    a, b, _, c, d = struct.unpack_from("=5i", bytes(matrix))  # type: ignore[call-overload]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return _Pose(False, a < 0, d < 0)
    return _Pose(True, c < 0, b < 0)


def upright_size(frame: VideoFrame) -> tuple[int, int]:
    """Width and height of a decoded frame when upright, in pixels."""
    return (frame.height, frame.width) if _pose_of(frame).turned else (frame.width, frame.height)


def pixel_aspect(frame: VideoFrame, stored: Fraction) -> Fraction:
    """Pixel aspect ratio (width / height) when upright.

    Args:
        frame: The decoded frame.
        stored: Stored pixel aspect ratio.
    """
    if stored <= 0:
        return Fraction(1)
    return 1 / stored if _pose_of(frame).turned else stored


@cache
def tone_curve(transfer: int | None) -> NDArray[np.uint8] | None:
    """Lookup table from 8-bit values of a video to standard dynamic range.

    Args:
        transfer: Code of the video's transfer characteristics.

    Returns:
        uint8 (256,); None for videos of standard range, whose values are unchanged.
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
