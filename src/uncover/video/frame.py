"""One picture of a video, which becomes pixels when somebody asks for them: upright, and of ordinary dynamic range.

Networks learnt from ordinary photos, so high dynamic range is brought to what an ordinary screen shows. The curves of
PQ and HLG are those of ITU-R BT.2100-2 (tables 4 and 5) and of sRGB (IEC 61966-2-1). Light up to the reference white of
ITU-R BT.2408 (203 candelas per square metre) is dimmed little; brighter light is rolled off (Reinhard, extended).
The wider colours of BT.2020 are left as they are: faces look a little paler.
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
    """One picture of a video.

    Attributes:
        index: Its number, from 0; pictures that could not be decoded have none.
        second: When it is shown, from the first picture on.
        joint: Whether nobody knows how much time passed since the picture before it.
        corrupt: Pictures before it that could not be decoded, as far as somebody counted them.
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
            source: the picture as it was decoded, which becomes pixels when somebody asks for them.
            curve: What each of its values means, where it is of high dynamic range.
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
        """Its time by the file's own clock, in seconds; None where the file gives none."""
        source = self._source
        if source is None or source.pts is None or source.time_base is None:
            return None
        return float(source.pts * source.time_base)

    def renumbered(self, index: int) -> Frame:
        """The same picture under another number."""
        return Frame(index, self.second, self._pixels, self._source, self._curve, self.joint)

    def shrunk(self, width: int, height: int) -> NDArray[np.uint8] | None:
        """The picture at a smaller size, each pixel the mean of those that it stands for.

        Of a decoded picture that is five times as quick as making all of it RGB first.

        Returns:
            uint8 (height, width, 3) RGB, upright; None where the picture is no decoded one, or would not shrink.
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
            raise InputError(f"picture {self.index}: cannot be made RGB ({error})") from None


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
    """What makes a decoded picture upright, in this order.

    Attributes:
        turned: Rows and columns change places.
        left_right: Left and right change places.
        up_down: Top and bottom change places.
    """

    turned: bool = False
    left_right: bool = False
    up_down: bool = False


def _pose_of(frame: VideoFrame) -> _Pose:
    """By the display matrix (ISO/IEC 14496-12, 8.3.2), which takes (x, y) to (a x + c y, b x + d y); y points down.

    Between quarter turns, the nearest one counts.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return _Pose()
    a, b, _, c, d = struct.unpack_from("=5i", bytes(matrix))  # type: ignore[call-overload]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return _Pose(False, a < 0, d < 0)
    return _Pose(True, c < 0, b < 0)


def upright_size(frame: VideoFrame) -> tuple[int, int]:
    """Width and height in pixels of a decoded picture once it is turned."""
    return (frame.height, frame.width) if _pose_of(frame).turned else (frame.width, frame.height)


def pixel_aspect(frame: VideoFrame, stored: Fraction) -> Fraction:
    """How wide a pixel is for its height once the picture is turned.

    Args:
        frame: The picture.
        stored: The same as it is stored.
    """
    if stored <= 0:
        return Fraction(1)
    return 1 / stored if _pose_of(frame).turned else stored


@cache
def tone_curve(transfer: int | None) -> NDArray[np.uint8] | None:
    """What each 8-bit value of a video becomes.

    Args:
        transfer: Number of the video's transfer characteristics.

    Returns:
        uint8 (256,); None where values stay as they are, in all videos of ordinary range.
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
    """From 0 to `most` onto 0 to 0.5, as steep as before at 0."""
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
