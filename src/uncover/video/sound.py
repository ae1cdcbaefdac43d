"""Add the sound of a video to its annotated copy: copied if MP4 supports the codec, otherwise as AAC."""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.errors import InputError
from uncover.video.container import THREADS, open_container, reason_of

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet

COPIED = frozenset({"aac", "ac3", "alac", "eac3", "mp3", "opus"})
"""Codecs that MP4 files may have and players support there."""

RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
"""Sample rates of AAC."""

USUAL_RATE = 48_000
APART = 0.2
"""Tolerance in seconds within which a moved frame does not mean another clock."""

SLACK = 0.7
"""Seconds by which sound may start before the frames or end after them."""

CLOCK = 1e-6
"""Tolerance of times in seconds, which are fractions."""

SILENCE = 0.02
"""Minimum gap between samples that is filled, or overlap that is cut, in seconds; smaller ones are rounding."""


@dataclass
class _ClockSpan:
    """Frames of a time span by the file's clock whose times in the copy differ by one offset; in seconds."""

    start: float
    end: float
    offset: float


@dataclass
class FileClock:
    """Maps a file's own times to times in the copy: one offset, or several if its clock was corrected."""

    _spans: list[_ClockSpan] = field(default_factory=list)

    def add(self, stamp: float | None, second: float) -> None:
        """Add a frame, in display order.

        Args:
            stamp: Time by the file's clock, in seconds; None if there is none.
            second: Time in the copy.
        """
        if stamp is None:
            return
        last = self._spans[-1] if self._spans else None
        if last is not None and abs(second - stamp - last.offset) <= APART:
            last.end = max(last.end, stamp)
        else:
            self._spans.append(_ClockSpan(stamp, stamp, second - stamp))

    def follow(self) -> _Follower:
        """An object that maps the times of one audio stream, in the order of the file."""
        return _Follower(self._spans or [_ClockSpan(0.0, 0.0, 0.0)])


class _Follower:
    """Maps audio times to the copy: the audio clock restarts or jumps where that of the frames does."""

    def __init__(self, spans: list[_ClockSpan]) -> None:
        self._spans, self._at, self._last = spans, 0, -np.inf

    def begin_again(self) -> None:
        """Start another recording, with a clock of its own."""
        self._last = np.inf

    def second(self, stamp: float) -> float:
        """Second in the copy for a time by the file's clock."""
        again = stamp < self._last - SLACK
        self._last = stamp
        for place in range(self._at + again, len(self._spans)):
            stretch = self._spans[place]
            if stretch.start - SLACK <= stamp <= stretch.end + SLACK:
                self._at = place
                break
        return stamp + self._spans[self._at].offset


def add_sound(
    copy: Path, source: str, clock: FileClock, until: float | None = None, starts: Sequence[int] = (0,)
) -> bool:
    """Add all audio streams of a video to its annotated copy, in sync with the frames.

    Args:
        copy: MP4 file with one video stream; replaced by one with sound.
        source: Address of the video.
        clock: Maps times of the video to the copy.
        until: Second at which sound ends; None keeps all.
        starts: Bytes at which its recordings start, if it has several.

    Returns:
        Whether the video has sound.

    Raises:
        InputError: The sound cannot be read or written; the copy is unchanged.
    """
    import av

    # Each recording may have another codec.
    for copied in (COPIED if len(starts) == 1 else frozenset[str](), frozenset[str]()):
        try:
            with ExitStack() as stack:
                heard = [stack.enter_context(closing(open_container(source, THREADS, start)[0])) for start in starts]
                if not any(each.streams.audio for each in heard):
                    return False
                temporary = stack.enter_context(new_file(copy))
                seen = stack.enter_context(closing(av.open(f"file:{copy}")))
                with closing(av.open(f"file:{temporary}", "w", format="mp4", options={"fflags": "+bitexact"})) as out:
                    _remux(seen, heard, out, copied, clock, until)
            return True
        except (av.FFmpegError, ValueError) as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise
            # Streams that MP4 does not accept may be encoded as AAC.
            if not copied:
                raise InputError(f"cannot be copied or encoded: {reason_of(error)}") from None
    return True


def _remux(
    seen: InputContainer,
    heard: Sequence[InputContainer],
    out: OutputContainer,
    copied: Collection[str],
    clock: FileClock,
    until: float | None,
) -> None:
    """Write the packets of both files in order of time."""
    pictures = seen.streams.video[0]
    shown = out.add_stream_from_template(pictures)
    writers: list[_Copy | _Encode] = []
    for stream in max((each.streams.audio for each in heard), key=len):
        kind = _Copy if stream.codec.canonical_name in copied else _Encode
        writers.append(kind(out, stream, clock.follow(), until))
    sound = _in_copy(heard, writers)
    ahead = next(sound, None)
    for packet in seen.demux(pictures):
        if packet.dts is None or packet.time_base is None:
            continue
        now = float(packet.dts * packet.time_base)
        while ahead is not None and ahead[0] <= now:
            out.mux(ahead[1])
            ahead = next(sound, None)
        packet.stream = shown
        out.mux(packet)
    while ahead is not None:
        out.mux(ahead[1])
        ahead = next(sound, None)


def _in_copy(heard: Sequence[InputContainer], writers: Sequence[_Copy | _Encode]) -> Iterator[tuple[float, Packet]]:
    """Audio packets for the copy, with their time in it."""
    for number, container in enumerate(heard):
        own = {stream.index: writer for stream, writer in zip(container.streams.audio, writers, strict=False)}
        for writer in own.values():
            writer.begin(again=number > 0)
        for packet in _packets_of(container):
            if packet.stream.index in own:
                yield from own[packet.stream.index].take(packet)
    for writer in writers:
        yield from writer.rest()


def _packets_of(container: InputContainer) -> Iterator[Packet]:
    """All audio packets; for a truncated file those before the end, like its frames."""
    import av

    streams = container.streams.audio
    packets = container.demux(*streams) if streams else iter(())
    while True:
        try:
            packet = next(packets)
        # PyAV fails at the end for streams that start in the middle of a file.
        except (StopIteration, IndexError, av.FFmpegError):
            return
        if packet.size:
            yield packet


class _Copy:
    """Copies an audio stream."""

    def __init__(self, out: OutputContainer, stream: AudioStream, follower: _Follower, until: float | None) -> None:
        self._stream, self._follower, self._until = out.add_stream_from_template(stream), follower, until
        self._end = 0.0

    def begin(self, again: bool) -> None:
        """Start a recording, the first or a further one."""
        if again:
            self._follower.begin_again()

    def take(self, packet: Packet) -> Iterator[tuple[float, Packet]]:
        """The next packet."""
        if packet.pts is None or packet.time_base is None:
            return
        stamp, length = float(packet.pts * packet.time_base), float((packet.duration or 0) * packet.time_base)
        second = self._follower.second(stamp)
        # Packets before the first frame, also of a further recording, are dropped.
        if second < -CLOCK or second < self._end - length / 2 or (self._until is not None and second > self._until):
            return
        second = max(second, self._end) if second < self._end + CLOCK else second
        packet.pts = packet.dts = round(second / packet.time_base)
        packet.stream = self._stream
        self._end = second + length
        yield second, packet

    def rest(self) -> Iterator[tuple[float, Packet]]:
        """Nothing is buffered."""
        yield from ()


class _Encode:
    """Encodes an audio stream as AAC: a continuous stream of samples, with silence in gaps."""

    def __init__(self, out: OutputContainer, stream: AudioStream, follower: _Follower, until: float | None) -> None:
        context = stream.codec_context
        self._rate = context.sample_rate if context.sample_rate in RATES else USUAL_RATE
        layout = "mono" if context.channels == 1 else "stereo"
        self._stream = out.add_stream("aac", rate=self._rate, layout=layout, options={"flags": "+bitexact"})
        self._layout, self._follower, self._until, self._samples = layout, follower, until, 0

    def begin(self, again: bool) -> None:
        """Start a recording, the first or a further one."""
        from av.audio.resampler import AudioResampler

        self._resampler = AudioResampler("fltp", self._layout, self._rate)
        if again:
            self._follower.begin_again()

    def take(self, packet: Packet) -> Iterator[tuple[float, Packet]]:
        """The next packet."""
        import av

        try:
            frames = packet.decode()
        except av.FFmpegError:
            # The silence in its place has the same length.
            return
        for frame in frames:
            if not isinstance(frame, av.AudioFrame) or frame.pts is None or frame.time_base is None:
                continue
            second = self._follower.second(float(frame.pts * frame.time_base))
            frame.pts = None
            for part in self._resampler.resample(frame):
                yield from self._put(part.to_ndarray(), second)
                second += part.samples / self._rate

    def rest(self) -> Iterator[tuple[float, Packet]]:
        """Buffered packets of the encoder."""
        yield from self._packets(None)

    def _put(self, samples: NDArray[Any], second: float) -> Iterator[tuple[float, Packet]]:
        begin = round(second * self._rate)
        apart = begin - self._samples
        if self._samples and abs(apart) <= SILENCE * self._rate:
            apart = 0
        if apart > 0:
            samples = np.concatenate([np.zeros((len(samples), apart), samples.dtype), samples], axis=1)
        samples = samples[:, max(0, -apart) :]
        if self._until is not None:
            samples = samples[:, : max(0, round(self._until * self._rate) - self._samples)]
        if samples.shape[1]:
            yield from self._packets(samples)

    def _packets(self, samples: NDArray[Any] | None) -> Iterator[tuple[float, Packet]]:
        from av import AudioFrame

        frame = None
        if samples is not None:
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=self._layout)
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._samples, Fraction(1, self._rate)
            self._samples += samples.shape[1]
        for packet in self._stream.encode(frame):
            if packet.pts is not None and packet.time_base is not None:
                yield float(packet.pts * packet.time_base), packet
