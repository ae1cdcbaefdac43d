"""Encode videos: H.264, with an individual time for each frame."""

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
"""Resolution of times, in steps per second; MPEG's clock, a multiple of every usual frame rate."""

_HIGHEST_RATE = 1000.0
_AVX_512 = 13
"""OpenCV's number of AVX-512 (`CpuFeatures`), which has no name in Python."""


class VideoWriter:
    """A new video file; use it in a `with` statement.

    The file gets its name when the statement ends without an error; after an error nothing remains. Equal frames give
    equal bytes.

    Args:
        path: Video to write; its suffix (.mp4, .mkv or .mov) selects the container. Matroska has a time resolution of
            milliseconds.
        width: Width of the frames, in pixels. If it is odd, the last column is repeated: colours in H.264 have half
            the resolution.
        height: Height of the frames, in pixels; as for `width`.
        rate: Frame rate for frames without a time.
        quality: x264's constant rate factor: 0 is lossless, 18 is visually lossless, 51 is worst.
        pixel_aspect: Width of a pixel relative to its height; players stretch the frames accordingly.

    Raises:
        InputError: An argument is outside its limits, `path` is a folder, or no frame was written.
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
            raise InputError(f"{path}: {rate} frames per second; expected more than 0 and at most {_HIGHEST_RATE:g}")
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
            # Without "bitexact", Matroska files contain a random id.
            self._container = av.open(f"file:{temporary}", "w", options={"fflags": "+bitexact"})
            stack.callback(self._container.close)
            clock = Fraction(1, TICKS)
            stream = self._container.add_stream("libx264", rate=Fraction(self.rate).limit_denominator(1001))
            stream.width, stream.height = self.width + self.width % 2, self.height + self.height % 2
            stream.pix_fmt = "yuv420p"
            stream.time_base = stream.codec_context.time_base = clock
            if self.pixel_aspect != 1:
                stream.codec_context.sample_aspect_ratio = self.pixel_aspect.limit_denominator(255)
            # Stored in the file, because players otherwise guess by the size of the frame.
            stream.codec_context.colorspace, stream.codec_context.color_range = Colorspace.ITU601, ColorRange.MPEG
            # x264's decisions depend on the number of threads. Without B-frames, frames are stored in display order, so
            # that readers without support for edit lists get the right times.
            stream.codec_context.thread_count = 1
            options = {"crf": str(self.quality), "preset": "medium", "bf": "0", "threads": "1"}
            if cv2.checkHardwareSupport(_AVX_512):
                # With AVX-512, x264's macroblock tree reads uninitialised memory (seen in version 165): equal frames
                # get different bytes, and different pixels, in some runs.
                options["x264-params"] = "asm=AVX2"
            stream.codec_context.options = options
            self._stream = stream
            self._stack = stack.pop_all()
        return self

    def write(self, pixels: NDArray[np.uint8], second: float | None = None) -> None:
        """Add a frame.

        Args:
            pixels: (height, width, 3) uint8 RGB.
            second: Display time from 0, with a resolution of 1/90000 s; None: 1/rate s after the last frame.

        Raises:
            ValueError: The frame has another shape or type, or is not later than the one before.
        """
        from av import VideoFrame

        if pixels.shape != (self.height, self.width, 3) or pixels.dtype != np.uint8:
            raise ValueError(
                f"a frame of {pixels.shape} {pixels.dtype}; expected ({self.height}, {self.width}, 3) uint8"
            )
        if second is None:
            second = self._second + 1 / self.rate if self.written else 0.0
        tick = round(second * TICKS)
        if tick < 0 or (self.written and tick <= round(self._second * TICKS)):
            raise ValueError(f"frame {self.written} at {second:g} s; expected a later time than that of the last frame")
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
                raise InputError(f"{self.path}: no frame to write; expected at least one")
            self._container.mux(self._stream.encode(None))
