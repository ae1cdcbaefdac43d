"""Decode videos and live streams frame by frame: upright, in RGB, each with its display time (PyAV)."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from uncover.errors import InputError
from uncover.text_files import printable
from uncover.video.clock import WRAP, Clock, Timed
from uncover.video.container import (
    BARE,
    DEPTH,
    EXPECTED,
    THREADS,
    UNTIMED,
    WRAPPING,
    assumed_rate,
    decodes_ahead,
    next_recording,
    open_container,
    own_duration,
    packets_of,
    rate_of,
    reason_of,
    rises,
    step_of,
    tracks_of,
)
from uncover.video.frame import Frame, pixel_aspect, tone_curve, upright_size
from uncover.video.sources import is_live, without_secrets

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

FEW = 3
"""Number of frames that a file may have less than its header says."""

LAST = 2.0
"""Maximum duration of the last frame in seconds, if the header gives only the total duration."""

MOST_MISSING = 4 * DEPTH
"""Number of frames that threads may lose at the end of a file; if more are missing, packets are not frames there."""

CLOCK = 1e-6
"""Tolerance of times in seconds, which are fractions."""


class Dropped(Exception):
    """A live stream stopped, or a file is truncated; the frames before are complete."""


class Video:
    """A video file or a live stream.

    Attributes:
        address: File or stream.
        width: Width of its frames after rotation, in pixels.
        height: Height of its frames after rotation, in pixels.
        rate: Mean frame rate; None if unknown.
        promised: Number of frames by the file's header; None if unknown.
        length: Approximate number of frames; None if unknown.
        seconds: Duration; None if unknown.
        promised_seconds: Duration of the frames by the file's header; None if unknown.
        corrupt: Frames that could not be decoded, so far.
        pixel_aspect: Width of a pixel relative to its height after rotation; almost always 1.
        live: Whether it is a live stream, which can be read only once.
        starts: Bytes of the file at which the recordings read so far start.
    """

    def __init__(self, address: str) -> None:
        """
        Args:
            address: File or stream.

        Raises:
            InputError: It cannot be opened, has no video, or no frame of it can be decoded.
        """
        self.address = address
        self._name = printable(without_secrets(address))
        self.live = is_live(address)
        self.corrupt = 0
        self._start = self._end = 0
        self._sequence: tuple[int, int] | None = None
        self.starts = [0]
        self._container, self._stream = open_container(address, THREADS)
        self._tracks = tracks_of(self._container)
        self._first = self._peek()
        self.width, self.height = upright_size(self._first)
        self.pixel_aspect = pixel_aspect(self._first, self._stream.sample_aspect_ratio or Fraction(1))
        bare = self._container.format.name in BARE
        self.rate = 1 / step_of(self._stream) if bare else rate_of(self._stream)
        self._assumed = "" if self.live else assumed_rate(address, self._container, self._stream)
        self._clock = Clock(step_of(self._stream))
        self.promised_seconds = None if self.live else own_duration(self._stream)
        self.seconds = self._duration()
        by_time = round(self.seconds * self.rate) if self.seconds and self.rate else None
        # In a video that was trimmed without encoding, the header also counts hidden frames.
        self.promised = min(self._stream.frames, by_time or self._stream.frames) or None
        self.length = self.promised or by_time

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file or the stream."""
        self._container.close()

    @property
    def mended(self) -> list[str]:
        """Errors in the times of the frames so far, and how they were corrected."""
        return [self._assumed] * bool(self._assumed) + self._clock.mended(untimed=not self._assumed)

    @property
    def notes(self) -> list[str]:
        """Further observations on the frames so far."""
        told = self._clock.notes()
        if self._tracks > 1 and not self._start:
            told.append(f"it has {self._tracks} video tracks; only the first is used")
        return told

    def shortfall(self, came: int, last: float) -> str:
        """Why a file that ended without an error is incomplete according to its header; empty if it is complete.

        Args:
            came: Number of decoded frames.
            last: Time of the last one, in seconds.
        """
        came += self.corrupt
        # Headers may tell players to leave out a few frames at either end.
        if self.promised is not None and came + FEW < self.promised:
            return f"ends after {came} of {self.promised} frames"
        # With a broken clock, the header's duration is wrong, too.
        if self.promised is None and not self.mended and last + LAST < (self.promised_seconds or 0.0):
            return f"ends at second {last:.1f} of {self.promised_seconds:.1f}"
        return ""

    def frames(self, start: float = 0.0, first: int = 0, corrupt: int = 0) -> Iterator[Frame]:
        """All frames, or those from a time on, with increasing times.

        Args:
            start: Second at which to start; earlier frames are not converted, and skipped in files.
            first: Number of the first returned frame.
            corrupt: Number of frames before `start` that could not be decoded.

        Raises:
            Dropped: A live stream stopped, or the file is truncated.
        """
        index = first
        for timed in self._timed(start, corrupt):
            if timed.second >= start - CLOCK:
                curve = tone_curve(timed.item.color_trc)
                yield Frame(index, timed.second, source=timed.item, curve=curve, joint=timed.joint)
                index += 1

    def _timed(self, start: float, corrupt: int) -> Iterator[Timed[VideoFrame]]:
        """Decoded frames with their times; those of a live stream start with the one that was read for its size."""
        self._clock = Clock(step_of(self._stream))
        decoded: Iterator[VideoFrame]
        if self.live:
            decoded = itertools.chain([self._first], self._decoded())
        else:
            origin = _time(self._first)
            # If times do not increase, seeking is impossible and all frames are read.
            if start > 0 and origin is not None and self._rises():
                self.corrupt, self._clock.origin = corrupt, origin
                decoded = self._from(origin + start)
            else:
                decoded = self._recordings()
        dropped: list[Dropped] = []
        yield from self._clock.timed(self._in_order(_whole(decoded, dropped)))
        if dropped:
            raise dropped[0]
        if self.live:
            raise Dropped("ended")

    def _rises(self) -> bool:
        self._start = 0
        self._reopen(THREADS)
        end = rises(self._container, self._stream)
        return end is not None and next_recording(self.address, 0, end, self._container) is None

    def _recordings(self) -> Iterator[VideoFrame]:
        """Decoded frames of all recordings of a file, which may follow one another."""
        place: int | None = 0
        self.corrupt = 0
        self.starts = []
        while place is not None:
            self.starts.append(place)
            self._start = place
            self._reopen(THREADS)
            yield from self._decoded()
            place = next_recording(self.address, self._start, self._end, self._container)

    def _in_order(self, decoded: Iterator[VideoFrame]) -> Iterator[tuple[VideoFrame, float | None]]:
        """Frames with times: for H.264 in AVI, FFmpeg returns frames in display order, but not the times."""
        waiting: deque[tuple[VideoFrame, bool]] = deque()
        times: list[float] = []
        name = self._container.format.name
        depth = DEPTH if name == "avi" else 0
        for frame in decoded:
            time = None if name in BARE else _time(frame)
            if name in WRAPPING and time is not None:
                # If frames refer to later ones, FFmpeg mixes times before and after the wrap-around of the clock.
                time %= WRAP
            waiting.append((frame, time is not None))
            if time is not None:
                heapq.heappush(times, time)
            if len(waiting) > depth:
                yield _first_of(waiting, times)
        while waiting:
            yield _first_of(waiting, times)

    def _from(self, time: float, threads: str = THREADS) -> Iterator[VideoFrame]:
        """Decoded frames of a file, starting at any frame at or before a time of its clock."""
        import av

        begin, back, corrupt = _time(self._first), 0.0, self.corrupt
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
            # In containers without an index, such as MPEG's, seeking may end at frames that need earlier ones.
            back = 2 * back + 1
        self._reopen(threads)
        self.corrupt = corrupt
        return self._decoded(time)

    def _reopen(self, threads: str) -> None:
        self._container.close()
        self._container, self._stream = open_container(self.address, threads, self._start)
        self._sequence = None

    def _decoded(self, after: float = -math.inf, sought: bool = False) -> Iterator[VideoFrame]:
        """Frames from the current position.

        Args:
            after: Time before which undecodable frames are not counted.
            sought: Whether the first frames may need earlier ones.
        """
        import av

        sent = came = good = failed = since = 0
        corrupt = self.corrupt
        last: float | None = None
        packets = packets_of(self._container, self._stream)
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
            self._end = self._start + packet.pos if packet.pos else self._end
            try:
                decoded = [*self._held_back(packet), *packet.decode()]
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
                    since, last, good = 0, _time(frame), good + 1
                    yield frame
        missing = sent - came - failed
        if not (missing > 0 and good and not self.live and decodes_ahead(self._stream)):
            return
        # Frames decoded at once at the end of a file are lost together if one is damaged: decode them one by one.
        if last is not None and self._clock.rose and self._container.format.name not in UNTIMED | BARE:
            self.corrupt -= since
            for frame in self._from(last, threads="NONE"):
                if (_time(frame) or 0.0) > last + CLOCK:
                    yield frame
        elif missing <= MOST_MISSING:
            self.corrupt = corrupt
            self._reopen("NONE")
            yield from itertools.islice(self._decoded(), good, None)

    def _held_back(self, packet: Packet) -> list[VideoFrame]:
        """Frames that the decoder holds when MPEG-1 or 2 changes the size; FFmpeg would drop them."""
        codec = self._stream.codec_context
        if codec.name not in ("mpeg1video", "mpeg2video"):
            return []
        size = _sequence_size(packet)
        before, self._sequence = self._sequence, size or self._sequence
        if size is None or before in (None, size):
            return []
        held = codec.decode(None)
        codec.flush_buffers()
        return held

    def _peek(self) -> VideoFrame:
        try:
            found = next(self._decoded(), None)
        except Dropped as dropped:
            self.close()
            raise InputError(f"{self._name}: no frame in it can be decoded ({dropped}); {EXPECTED}") from None
        if found is None:
            self.close()
            raise InputError(f"{self._name}: no frame in it can be decoded; {EXPECTED}")
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


def _sequence_size(packet: Packet) -> tuple[int, int] | None:
    """Width and height in the sequence header of MPEG-1 or 2 (ISO 13818-2, 6.2.2.1); None without one."""
    content = bytes(packet)
    place = content.find(b"\0\0\1\xb3") + 4
    if place < 4 or len(content) < place + 3:
        return None
    both = int.from_bytes(content[place : place + 3], "big")
    return both >> 12, both & 0xFFF


def _time(shown: VideoFrame | Packet) -> float | None:
    return None if shown.pts is None or shown.time_base is None else float(shown.pts * shown.time_base)


def _counts(damaged: VideoFrame | Packet, after: float) -> bool:
    time = _time(damaged)
    return time is None or time >= after - CLOCK


def _first_of(waiting: deque[tuple[VideoFrame, bool]], times: list[float]) -> tuple[VideoFrame, float | None]:
    frame, timed = waiting.popleft()
    return frame, heapq.heappop(times) if timed else None


def _whole(decoded: Iterator[VideoFrame], dropped: list[Dropped]) -> Iterator[VideoFrame]:
    """Frames until the end or until the video drops, so that waiting frames come before the error."""
    try:
        yield from decoded
    except Dropped as error:
        dropped.append(error)
