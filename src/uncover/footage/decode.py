"""Videos and live streams, picture by picture: upright, in RGB, each with the time at which it is shown (PyAV)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.footage.tone import tone_curve

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

EXPECTED = "expected a video that FFmpeg reads, such as MP4 or AVI"
LIVE = ("rtsp://", "rtsps://", "rtmp://", "http://", "https://", "udp://", "tcp://", "srt://", "/dev/video")
"""What the address of a live stream begins with."""

TIMEOUT = 10.0
"""Seconds of silence after which a live stream has dropped."""

HALF_TURN = 180


class Frame:
    """One picture of a video.

    Attributes:
        index: Its number, from 0; pictures that could not be decoded have none.
        second: When it is shown, from the first picture on.
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
        self.index, self.second = index, second
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
            return _upright_size(self._source)
        height, width = self.pixels.shape[:2]
        return width, height

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
        sides = (width, height) if self._source.rotation % HALF_TURN == 0 else (height, width)
        small = self._source.reformat(*sides, "rgb24", interpolation="AREA")
        return _upright(self._source, small.to_ndarray(), self._curve)


class Dropped(Exception):
    """A live stream fell silent, or a file ends amid a picture; what came before is whole."""


class Video:
    """A video, or a live stream.

    Attributes:
        address: Of the file or the stream.
        width: Of its pictures, upright, in pixels.
        height: Likewise.
        rate: Pictures a second on average; None where nobody says.
        promised: How many pictures the file's header says there are; None where it does not.
        length: How many there are, about; None where nobody says.
        seconds: How long it is; None where nobody says.
        corrupt: Pictures that could not be decoded, so far.
        live: Whether it is watched as it happens, and can be read once only.
    """

    def __init__(self, address: str) -> None:
        """
        Args:
            address: Of the file or the stream.

        Raises:
            InputError: It cannot be opened, holds no video, or no picture of it can be decoded.
        """
        self.address = address
        self.live = address.startswith(LIVE)
        self.corrupt = 0
        self._container, self._stream = self._open()
        self._first = self._peek()
        self.width, self.height = _upright_size(self._first)
        self.rate = _number(self._stream.average_rate) or _number(self._stream.guessed_rate)
        self.seconds = self._duration()
        self.promised = self._stream.frames or None
        self.length = self.promised or (round(self.seconds * self.rate) if self.seconds and self.rate else None)

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file or the stream."""
        self._container.close()

    def frames(self, start: float = 0.0, first: int = 0) -> Iterator[Frame]:
        """All pictures, or those from a time on.

        Args:
            start: Second from which on pictures are wanted; earlier ones are not converted, and of a file skipped.
            first: Number of the first picture that is given.

        Raises:
            Dropped: A live stream fell silent, or the file is cut off.
        """
        index = first
        curve = tone_curve(self._stream.codec_context.color_trc)
        for frame, second in self._timed(start):
            if second >= start - 1e-6:
                yield Frame(index, second, source=frame, curve=curve)
                index += 1

    def _timed(self, start: float) -> Iterator[tuple[VideoFrame, float]]:
        """Decoded pictures with their times; those of a live stream begin with the one that was peeked at."""
        if not self.live:
            self._restart(start)
        origin = None if self.live else _time(self._first)
        last = -math.inf
        for frame in self._decoded():
            time = _time(frame)
            if time is None:  # An old AVI may know no times at all.
                time = last + 1 / (self.rate or 25) if math.isfinite(last) else 0.0
            origin = time if origin is None else origin
            last = time
            yield frame, max(time - origin, 0.0)

    def _restart(self, start: float) -> None:
        self.corrupt = 0
        if start <= 0:
            self._container.close()
            self._container, self._stream = self._open()
            return
        base = self._stream.time_base or 1
        offset = int((start + (_time(self._first) or 0.0)) / base)
        self._container.seek(max(offset, 0), stream=self._stream, backward=True)

    def _decoded(self) -> Iterator[VideoFrame]:
        import av

        if self.live:
            yield self._first
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                if self.live:
                    raise Dropped("ended") from None
                return
            except (av.FFmpegError, OSError) as error:
                raise Dropped(_reason(error)) from None
            try:
                decoded = packet.decode()
            except av.FFmpegError:
                self.corrupt += 1
                continue
            for frame in decoded:
                if frame.is_corrupt:
                    self.corrupt += 1
                else:
                    yield frame

    def _peek(self) -> VideoFrame:
        try:
            found = next((frame for frame in self._undropped() if not frame.is_corrupt), None)
        except Dropped as dropped:
            self.close()
            raise InputError(f"{self.address}: no picture in it can be decoded ({dropped}); {EXPECTED}") from None
        if found is None:
            self.close()
            raise InputError(f"{self.address}: holds no picture that can be decoded; {EXPECTED}")
        return found

    def _undropped(self) -> Iterator[VideoFrame]:
        live, self.live = self.live, False
        try:
            yield from self._decoded()
        finally:
            self.live = live

    def _open(self) -> tuple[InputContainer, VideoStream]:
        import av

        if not self.live and not Path(self.address).is_file():
            raise InputError(f"{self.address}: no such file; {EXPECTED}")
        options: dict[str, Any] = {"timeout": TIMEOUT} if self.live else {}
        if self.address.startswith("/dev/video"):
            options["format"] = "v4l2"
        elif self.address.startswith("rtsp"):
            # Over UDP, FFmpeg's default, a busy network shows as torn pictures.
            options["options"] = {"rtsp_transport": "tcp"}
        av.logging.set_level(None)
        try:
            container = av.open(self.address, **options)
        except (av.FFmpegError, OSError) as error:
            raise InputError(f"{self.address}: cannot be opened ({_reason(error)}); {EXPECTED}") from None
        if not container.streams.video:
            container.close()
            raise InputError(f"{self.address}: holds no video; {EXPECTED}")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return container, stream

    def _duration(self) -> float | None:
        if self.live:
            return None
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return self._container.duration / 1e6 if self._container.duration else None


def open_video(path: Path | str) -> Video:
    """Open a video file or a live stream; arguments and errors are those of `Video`."""
    return Video(str(path))


def _upright(frame: VideoFrame, decoded: NDArray[Any], curve: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    pixels = np.asarray(decoded, np.uint8)
    if curve is not None:
        import cv2

        pixels = np.asarray(cv2.LUT(pixels, curve), np.uint8)
    # PyAV counts degrees as FFmpeg's display matrix does, against the clock.
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _upright_size(frame: VideoFrame) -> tuple[int, int]:
    sides = (frame.width, frame.height)
    return sides if frame.rotation % HALF_TURN == 0 else sides[::-1]


def _time(frame: VideoFrame) -> float | None:
    return None if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)


def _number(rate: Any) -> float | None:
    return float(rate) if rate else None


def _reason(error: Exception) -> str:
    text = str(getattr(error, "strerror", "") or error)
    return text.splitlines()[0] if text else type(error).__name__
