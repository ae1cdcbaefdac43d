"""Writing videos: H.264, each picture at a time of its own."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.errors import InputError

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

SUFFIXES = frozenset({".mkv", ".mov", ".mp4"})
TICKS = 90_000
"""Steps of a second in which times are kept; the clock of MPEG, a multiple of every usual frame rate."""

_HIGHEST_RATE = 1000.0
_AVX_512 = 13
"""OpenCV's number of AVX-512 (`CpuFeatures`), which has no name in Python."""


class VideoWriter:
    """A new video file, for use in a `with` statement.

    The file appears under its name when the statement ends well; on any error nothing is left behind. The same
    pictures give the same bytes.

    Args:
        path: Video to write; its suffix (.mp4, .mkv or .mov) chooses the container. Matroska keeps milliseconds only.
        width: Pixels of the pictures to come. The last column is repeated where it is odd: the colours of H.264 have
            half the resolution.
        height: Likewise.
        rate: Pictures a second, of those without a time of their own.
        quality: x264's constant rate factor: 0 is lossless, 18 looks like the original, 51 is worst.
        pixel_aspect: How wide a pixel is for its height; players stretch the pictures so.

    Raises:
        InputError: An argument is outside its limits, `path` is a folder, or no picture was written.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        rate: float,
        *,
        quality: int = 18,
        pixel_aspect: Fraction = Fraction(1),
    ) -> None:
        path = Path(path)
        if path.suffix.lower() not in SUFFIXES:
            raise InputError(f"{path}: expected a name that ends in {', '.join(sorted(SUFFIXES))}")
        if width < 1 or height < 1:
            raise InputError(f"{path}: a video of {width} x {height} px; expected at least 1 x 1")
        if not 0 < rate <= _HIGHEST_RATE:
            raise InputError(f"{path}: {rate} pictures a second; expected more than 0, and at most {_HIGHEST_RATE:g}")
        self.path, self.width, self.height, self.rate, self.quality = path, width, height, rate, quality
        self.pixel_aspect = pixel_aspect
        self.written = 0
        self._second = 0.0
        self._stack = ExitStack()
        self._container: OutputContainer
        self._stream: VideoStream

    def __enter__(self) -> VideoWriter:
        """Open the temporary file."""
        import av
        import cv2
        from av.video.reformatter import ColorRange, Colorspace

        with ExitStack() as stack:
            temporary = stack.enter_context(new_file(self.path))
            # Without "bitexact" Matroska draws a random name for each file.
            self._container = av.open(f"file:{temporary}", "w", options={"fflags": "+bitexact"})
            stack.callback(self._container.close)
            clock = Fraction(1, TICKS)
            stream = self._container.add_stream("libx264", rate=Fraction(self.rate).limit_denominator(1001))
            stream.width, stream.height = self.width + self.width % 2, self.height + self.height % 2
            stream.pix_fmt = "yuv420p"
            stream.time_base = stream.codec_context.time_base = clock
            if self.pixel_aspect != 1:
                stream.codec_context.sample_aspect_ratio = self.pixel_aspect.limit_denominator(255)
            # Said in the file, because players guess by the size of the picture.
            stream.codec_context.colorspace, stream.codec_context.color_range = Colorspace.ITU601, ColorRange.MPEG
            # x264 decides differently with more threads. Without B-frames pictures are stored in the order of their
            # times, so that even readers that know no edit lists get the times right.
            stream.codec_context.thread_count = 1
            options = {"crf": str(self.quality), "preset": "medium", "bf": "0", "threads": "1"}
            if cv2.checkHardwareSupport(_AVX_512):
                # With AVX-512, x264's macroblock tree reads memory that nothing was written to (seen in version 165):
                # equal pictures get other bytes, and other pixels, in some runs.
                options["x264-params"] = "asm=AVX2"
            stream.codec_context.options = options
            self._stream = stream
            self._stack = stack.pop_all()
        return self

    def write(self, pixels: NDArray[np.uint8], second: float | None = None) -> None:
        """Add a picture.

        Args:
            pixels: (height, width, 3) uint8 RGB.
            second: When it is shown, from 0 on, to 1/90000 s; None: 1/rate s after the last one.

        Raises:
            ValueError: The picture has another shape or type, or is not later than the one before.
        """
        from av import VideoFrame

        if pixels.shape != (self.height, self.width, 3) or pixels.dtype != np.uint8:
            raise ValueError(
                f"a picture of {pixels.shape} {pixels.dtype}; expected ({self.height}, {self.width}, 3) uint8"
            )
        if second is None:
            second = self._second + 1 / self.rate if self.written else 0.0
        tick = round(second * TICKS)
        if tick < 0 or (self.written and tick <= round(self._second * TICKS)):
            raise ValueError(f"a picture at {second:g} s, {self.written} before it; expected one later than the last")
        padded = np.pad(pixels, ((0, self.height % 2), (0, self.width % 2), (0, 0)), mode="edge")
        frame = VideoFrame.from_ndarray(padded, format="rgb24")
        frame.pts, frame.time_base, frame.duration = tick, Fraction(1, TICKS), round(TICKS / self.rate)
        self._container.mux(self._stream.encode(frame))
        self._second = second
        self.written += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file, or remove it after an error."""
        if error is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            if not self.written:
                raise InputError(f"{self.path}: no picture to write; expected at least one")
            self._container.mux(self._stream.encode(None))
