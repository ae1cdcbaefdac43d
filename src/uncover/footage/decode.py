"""Videos and live streams, picture by picture: upright, in RGB, each with the time at which it is shown (PyAV)."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uncover.errors import InputError
from uncover.footage.address import is_live, without_secrets
from uncover.footage.container import EXPECTED, THREADS, decodes_ahead, open_container, own_duration, reason_of
from uncover.footage.frame import Frame, upright_size
from uncover.footage.tone import tone_curve

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

UNTIMED = frozenset({"avi", "mpeg"})
"""Containers that do not say the time of each picture (.avi, .mpg, .vob), by FFmpeg's names. After a jump it guesses
wrong, so that they are read from the beginning always."""

DEPTH = 16
"""Pictures that H.264 may put in another order, at most."""

CLOCK = 1e-6
"""Seconds by which times may be off, for they are fractions."""


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
        promised_seconds: How long the file's header says that its pictures last; None where it does not.
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
        self._name = without_secrets(address)
        self.live = is_live(address)
        self.corrupt = 0
        self._container, self._stream = open_container(address, THREADS)
        self._first = self._peek()
        self.width, self.height = upright_size(self._first)
        self.rate = _number(self._stream.average_rate) or _number(self._stream.guessed_rate)
        self.promised_seconds = None if self.live else own_duration(self._stream)
        self.seconds = self._duration()
        by_time = round(self.seconds * self.rate) if self.seconds and self.rate else None
        # Of a video that was trimmed without being encoded anew, the header counts what is hidden too.
        self.promised = min(self._stream.frames, by_time or self._stream.frames) or None
        self.length = self.promised or by_time

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
            if second >= start - CLOCK:
                yield Frame(index, second, source=frame, curve=curve)
                index += 1

    def _timed(self, start: float) -> Iterator[tuple[VideoFrame, float]]:
        """Decoded pictures with their times; those of a live stream begin with the one that was peeked at."""
        origin = None if self.live else _time(self._first)
        decoded: Iterator[VideoFrame]
        if self.live:
            decoded = itertools.chain([self._first], self._decoded())
        else:
            self.corrupt = 0
            decoded = self._from(-math.inf if origin is None or start <= 0 else origin + start)
        for frame, time in self._in_order(decoded):
            origin = time if origin is None else origin
            yield frame, max(time - origin, 0.0)
        if self.live:
            raise Dropped("ended")

    def _in_order(self, decoded: Iterator[VideoFrame]) -> Iterator[tuple[VideoFrame, float]]:
        """Pictures with times that rise: of H.264 in AVI, FFmpeg has the pictures in order but not the times."""
        waiting: deque[VideoFrame] = deque()
        times: list[float] = []
        depth = DEPTH if self._container.format.name == "avi" else 0
        last = -math.inf
        dropped: Dropped | None = None
        while True:
            try:
                frame = next(decoded, None)
            except Dropped as error:
                frame, dropped = None, error
            if frame is None:
                break
            time = _time(frame)
            if time is None:  # An old AVI may know no times at all.
                time = last + 1 / (self.rate or 25) if math.isfinite(last) else 0.0
            last = time
            waiting.append(frame)
            heapq.heappush(times, time)
            if len(waiting) > depth:
                yield waiting.popleft(), heapq.heappop(times)
        yield from zip(waiting, sorted(times), strict=True)
        if dropped is not None:
            raise dropped

    def _from(self, time: float, threads: str = THREADS) -> Iterator[VideoFrame]:
        """Decoded pictures of a file, from the first or any other that is shown at or before a time of its clock."""
        import av

        begin, back, corrupt = _time(self._first), 0.0, self.corrupt
        if self._container.format.name in UNTIMED:
            begin = None
        if threads != THREADS:
            self._reopen(threads)
        while begin is not None and time - back > begin:
            self.corrupt = corrupt
            try:
                self._container.seek(int((time - back) / (self._stream.time_base or 1)), stream=self._stream)
                decoded = self._decoded(time, sought=True)
                first = next(decoded, None)
            except (av.FFmpegError, OSError, Dropped):
                break
            shown = None if first is None else _time(first)
            if first is not None and shown is not None and shown <= time + CLOCK:
                return itertools.chain([first], decoded)
            # Containers without an index, such as MPEG's, are left amid pictures that need earlier ones.
            back = 2 * back + 1
        self._reopen(threads)
        self.corrupt = corrupt
        return self._decoded(time)

    def _reopen(self, threads: str) -> None:
        self._container.close()
        self._container, self._stream = open_container(self.address, threads)

    def _decoded(self, after: float = -math.inf, sought: bool = False) -> Iterator[VideoFrame]:
        """Pictures from here on.

        Args:
            after: Time before which those that cannot be decoded do not count.
            sought: Whether there may be pictures first that need earlier ones.
        """
        import av

        sent = came = failed = since = 0
        last: float | None = None
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except (av.FFmpegError, OSError) as error:
                raise Dropped(reason_of(error)) from None
            sought = sought and not packet.is_keyframe
            if sought and packet.size:
                continue
            sent += packet.size > 0
            try:
                decoded = packet.decode()
            except av.FFmpegError:
                failed += 1
                since += _counts(packet, after)
                self.corrupt += _counts(packet, after)
                continue
            for frame in decoded:
                came += 1
                if frame.is_corrupt:
                    self.corrupt += _counts(frame, after)
                else:
                    since, last = 0, _time(frame)
                    yield frame
        if sent > came + failed and last is not None and not self.live and decodes_ahead(self._stream):
            # What is decoded at once when a file ends is lost together if one is damaged: once more, one by one.
            self.corrupt -= since
            for frame in self._from(last, threads="NONE"):
                if (_time(frame) or 0.0) > last + CLOCK:
                    yield frame

    def _peek(self) -> VideoFrame:
        try:
            found = next(self._decoded(), None)
        except Dropped as dropped:
            self.close()
            raise InputError(f"{self._name}: no picture in it can be decoded ({dropped}); {EXPECTED}") from None
        if found is None:
            self.close()
            raise InputError(f"{self._name}: holds no picture that can be decoded; {EXPECTED}")
        return found

    def _duration(self) -> float | None:
        if self.live:
            return None
        if self.promised_seconds:
            return self.promised_seconds
        return self._container.duration / 1e6 if self._container.duration else None


def open_video(path: Path | str) -> Video:
    """Open a video file or a live stream; arguments and errors are those of `Video`."""
    return Video(str(path))


def _time(shown: VideoFrame | Packet) -> float | None:
    return None if shown.pts is None or shown.time_base is None else float(shown.pts * shown.time_base)


def _counts(damaged: VideoFrame | Packet, after: float) -> bool:
    time = _time(damaged)
    return time is None or time >= after - CLOCK


def _number(rate: Any) -> float | None:
    return float(rate) if rate else None
