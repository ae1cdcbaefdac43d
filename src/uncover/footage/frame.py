"""One picture of a video, which becomes pixels when somebody asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


class Frame:
    """One picture of a video.

    Attributes:
        index: Its number, from 0; pictures that could not be decoded have none.
        second: When it is shown, from the first picture on.
        corrupt: Pictures before it that could not be decoded, as far as somebody counted them.
    """

    def __init__(
        self,
        index: int,
        second: float,
        pixels: NDArray[np.uint8] | None = None,
        source: VideoFrame | None = None,
        curve: NDArray[np.uint8] | None = None,
    ) -> None:
        """
        Args:
            index: See above.
            second: See above.
            pixels: uint8 (H, W, 3) RGB, upright; or
            source: the picture as it was decoded, which becomes pixels when somebody asks for them.
            curve: What each of its values means, where it is of high dynamic range.
        """
        self.index, self.second, self.corrupt = index, second, 0
        self._pixels, self._source, self._curve = pixels, source, curve

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """uint8 (H, W, 3) RGB, upright."""
        if self._pixels is None:
            assert self._source is not None
            self._pixels = _upright(self._source, self._source.to_ndarray(format="rgb24"), self._curve)
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
        return Frame(index, self.second, self._pixels, self._source, self._curve)

    def shrunk(self, width: int, height: int) -> NDArray[np.uint8] | None:
        """The picture at a smaller size, each pixel the mean of those that it stands for.

        Of a decoded picture that is five times as quick as making all of it RGB first.

        Returns:
            uint8 (height, width, 3) RGB, upright; None where the picture is no decoded one, or would not shrink.
        """
        own_width, own_height = self.size
        if self._source is None or width > own_width or height > own_height:
            return None
        sides = (width, height) if _turns(self._source) % 2 == 0 else (height, width)
        small = self._source.reformat(*sides, "rgb24", interpolation="AREA")
        return _upright(self._source, small.to_ndarray(), self._curve)


def _upright(frame: VideoFrame, decoded: NDArray[Any], curve: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    pixels = np.asarray(decoded, np.uint8)
    if curve is not None:
        import cv2

        pixels = np.asarray(cv2.LUT(pixels, curve), np.uint8)
    turns = _turns(frame)
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _turns(frame: VideoFrame) -> int:
    """Quarter turns against the clock that make it upright; PyAV counts degrees so too."""
    return round(frame.rotation / 90) % 4


def upright_size(frame: VideoFrame) -> tuple[int, int]:
    """Width and height in pixels of a decoded picture once it is turned."""
    sides = (frame.width, frame.height)
    return sides if _turns(frame) % 2 == 0 else sides[::-1]
