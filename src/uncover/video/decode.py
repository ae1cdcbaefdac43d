"""Videos and live streams, picture by picture: upright, in RGB, each with the time at which it is shown (PyAV)."""

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
"""Pictures that a file may lack of what its header says."""

LAST = 2.0
"""Seconds that the last picture of a file may be shown, where its header says no more than how long it is."""

MOST_MISSING = 4 * DEPTH
"""Pictures that threads may lose at the end of a file; if more are missing, packets are not pictures there."""

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
        pixel_aspect: How wide a pixel is for its height, upright; 1 almost always.
        live: Whether it is watched as it happens, and can be read once only.
        starts: Bytes of the file at which the recordings begin that were read so far.
    """

    def __init__(self, address: str) -> None:
        """
        Args:
            address: Of the file or the stream.

        Raises:
            InputError: It cannot be opened, holds no video, or no picture of it can be decoded.
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

    @property
    def mended(self) -> list[str]:
        """What was wrong with the times of the pictures that came so far, and what was made of it."""
        return [self._assumed] * bool(self._assumed) + self._clock.mended(untimed=not self._assumed)

    @property
    def notes(self) -> list[str]:
        """What else is worth knowing of what came so far."""
        told = self._clock.notes()
        if self._tracks > 1 and not self._start:
            told.append(f"it has {self._tracks} video tracks, of which the first is looked at")
        return told

    def shortfall(self, came: int, last: float) -> str:
        """Why a file that ended without a word is not whole: its header promised more. Empty where it did not.

        Args:
            came: Pictures that could be decoded.
            last: Second of the last one.
        """
        came += self.corrupt
        # Players may be told to leave out a few pictures at either end.
        if self.promised is not None and came + FEW < self.promised:
            return f"ends after {came} of {self.promised} pictures"
        # A broken clock makes a header's seconds wrong, too.
        if self.promised is None and not self.mended and last + LAST < (self.promised_seconds or 0.0):
            return f"ends at second {last:.1f} of {self.promised_seconds:.1f}"
        return ""

    def frames(self, start: float = 0.0, first: int = 0, corrupt: int = 0) -> Iterator[Frame]:
        """All pictures, or those from a time on; the time of each is later than that of the one before.

        Args:
            start: Second from which on pictures are wanted; earlier ones are not converted, and of a file skipped.
            first: Number of the first picture that is given.
            corrupt: Pictures before `start` that could not be decoded.

        Raises:
            Dropped: A live stream fell silent, or the file is cut off.
        """
        index = first
        for timed in self._timed(start, corrupt):
            if timed.second >= start - CLOCK:
                curve = tone_curve(timed.item.color_trc)
                yield Frame(index, timed.second, source=timed.item, curve=curve, joint=timed.joint)
                index += 1

    def _timed(self, start: float, corrupt: int) -> Iterator[Timed[VideoFrame]]:
        """Decoded pictures with their times; those of a live stream begin with the one that was peeked at."""
        self._clock = Clock(step_of(self._stream))
        decoded: Iterator[VideoFrame]
        if self.live:
            decoded = itertools.chain([self._first], self._decoded())
        else:
            origin = _time(self._first)
            # Where times do not rise, what is shown at one is found by going through all.
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
        """Decoded pictures of all recordings of a file: some are put one behind the other."""
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
        """Pictures with times: of H.264 in AVI, FFmpeg has the pictures in order but not the times."""
        waiting: deque[tuple[VideoFrame, bool]] = deque()
        times: list[float] = []
        name = self._container.format.name
        depth = DEPTH if name == "avi" else 0
        for frame in decoded:
            time = None if name in BARE else _time(frame)
            if name in WRAPPING and time is not None:
                # Where pictures refer to later ones, FFmpeg mixes times before and after the end of the clock.
                time %= WRAP
            waiting.append((frame, time is not None))
            if time is not None:
                heapq.heappush(times, time)
            if len(waiting) > depth:
                yield _first_of(waiting, times)
        while waiting:
            yield _first_of(waiting, times)

    def _from(self, time: float, threads: str = THREADS) -> Iterator[VideoFrame]:
        """Decoded pictures of a file, from the first or any other that is shown at or before a time of its clock."""
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
            # Containers without an index, such as MPEG's, are left amid pictures that need earlier ones.
            back = 2 * back + 1
        self._reopen(threads)
        self.corrupt = corrupt
        return self._decoded(time)

    def _reopen(self, threads: str) -> None:
        self._container.close()
        self._container, self._stream = open_container(self.address, threads, self._start)
        self._sequence = None

    def _decoded(self, after: float = -math.inf, sought: bool = False) -> Iterator[VideoFrame]:
        """Pictures from here on.

        Args:
            after: Time before which those that cannot be decoded do not count.
            sought: Whether there may be pictures first that need earlier ones.
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
        # What is decoded at once when a file ends is lost together if one is damaged: once more, one by one.
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
        """Pictures that the decoder still holds where MPEG-1 or 2 begins another size: FFmpeg would drop them."""
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
    """Pictures until the end or until the video drops, so that those which wait come before the error."""
    try:
        yield from decoded
    except Dropped as error:
        dropped.append(error)
