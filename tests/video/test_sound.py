"""Sound beside annotated pictures: flashes and beeps that were together stay together, whatever the clock does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from uncover.errors import InputError
from uncover.video.encode import VideoWriter
from uncover.video.sound import FileClock, add_sound

RATE, SAMPLES = 10, 44_100
SIDE, WIDE = 64, Fraction(4, 3)
BEEPS = (0.5, 1.2, 2.6)
"""Seconds at which there is a flash, and a beep of a tenth of a second."""

KINDS = {
    "mp4": ("libx264", "aac"),
    "ts": ("mpeg2video", "aac"),
    "mpg": ("mpeg2video", "mp2"),
    "avi": ("mjpeg", "mp3"),
    "mov": ("libx264", "pcm_s16le"),
    "mkv": ("libx264", "flac"),
}


def write_source(path: Path, seconds: float = 3.0, sound_from: float = 0.0, channels: int = 2) -> Path:
    """A dark video that flashes and beeps."""
    pictures, sound = KINDS[path.suffix[1:]]
    time = np.arange(round(seconds * SAMPLES)) / SAMPLES
    wave = np.zeros(len(time))
    for beep in BEEPS:
        own = (time >= beep) & (time < beep + 0.1)
        wave[own] = 0.6 * np.sin(2 * np.pi * 1000 * time[own])
    with av.open(str(path), "w") as out:
        seen = out.add_stream(pictures, rate=25 if pictures == "mpeg2video" else RATE)
        seen.width = seen.height = SIDE
        seen.pix_fmt = "yuvj420p" if pictures == "mjpeg" else "yuv420p"
        heard = out.add_stream(sound, rate=SAMPLES, layout="stereo" if channels == 2 else "mono")
        shown = 0
        for begin in range(round(sound_from * SAMPLES), len(time), 4410):
            while shown / seen.codec_context.framerate <= begin / SAMPLES:
                light = (
                    230
                    if any(beep - 1e-6 <= shown / seen.codec_context.framerate < beep + 0.1 for beep in BEEPS)
                    else 20
                )
                frame = av.VideoFrame.from_ndarray(np.full((SIDE, SIDE, 3), light, np.uint8), format="rgb24")
                frame.pts, frame.time_base = shown, 1 / seen.codec_context.framerate
                out.mux(seen.encode(frame))
                shown += 1
            part = np.tile((wave[begin : begin + 4410] * 32767).astype(np.int16), (channels, 1))
            samples = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(part.T.reshape(1, -1)), format="s16", layout="stereo" if channels == 2 else "mono"
            )
            samples.sample_rate, samples.pts, samples.time_base = SAMPLES, begin, Fraction(1, SAMPLES)
            out.mux(heard.encode(samples))
        out.mux(seen.encode(None))
        out.mux(heard.encode(None))
    return path


def stamps_of(path: Path) -> list[tuple[float, np.ndarray]]:
    """Times of all pictures by the file's clock, and the pictures, in the order in which they are shown."""
    with av.open(str(path), options={"correct_ts_overflow": "0"}) as source:
        stream = source.streams.video[0]
        return [
            (float(frame.pts * frame.time_base), frame.to_ndarray(format="rgb24")) for frame in source.decode(stream)
        ]


def draw(source: Path, film: Path, seconds: Sequence[float]) -> FileClock:
    """The pictures of a source at other times, and what the clock became."""
    clock = FileClock()
    with VideoWriter(film, SIDE, SIDE, RATE, pixel_aspect=WIDE) as writer:
        for (stamp, pixels), second in zip(stamps_of(source), seconds, strict=True):
            writer.write(pixels, second)
            clock.add(stamp, second)
    return clock


def flashes(film: Path) -> list[float]:
    light = [(stamp, pixels.mean() > 120) for stamp, pixels in stamps_of(film)]
    return [stamp for (stamp, on), (_, before) in zip(light[1:], light, strict=False) if on and not before]


def beeps(film: Path) -> list[float]:
    """Seconds at which sound begins."""
    times, levels = [], []
    with av.open(str(film)) as source:
        stream = source.streams.audio[0]
        for frame in source.decode(stream):
            wave = frame.to_ndarray()
            wave = (wave if frame.format.is_planar else wave.reshape(-1, frame.layout.nb_channels).T).mean(axis=0)
            times.append(float(frame.pts * frame.time_base) + np.arange(len(wave)) / frame.sample_rate)
            levels.append(np.abs(wave) / (1 if wave.dtype.kind == "f" and np.abs(wave).max() <= 2 else 32768))
    time, level = np.concatenate(times), np.concatenate(levels)
    loud = time[level > 0.15]
    return [float(second) for n, second in enumerate(loud) if n == 0 or second - loud[n - 1] > 0.05]


@pytest.mark.parametrize("suffix", KINDS)
def test_beeps_stay_with_their_flashes(tmp_path: Path, suffix: str) -> None:
    source, film = write_source(tmp_path / f"a.{suffix}"), tmp_path / "film.mp4"
    stamps = [stamp for stamp, _ in stamps_of(source)]
    clock = draw(source, film, [stamp - stamps[0] for stamp in stamps])
    before = stamps_of(film)
    assert add_sound(film, str(source), clock)
    with av.open(str(film)) as container:
        codec = container.streams.audio[0].codec.canonical_name
        assert codec == (KINDS[suffix][1] if KINDS[suffix][1] in ("aac", "mp3") else "aac")
        assert len(container.streams.video) == 1 and container.streams.video[0].sample_aspect_ratio == WIDE
    after = stamps_of(film)
    assert [stamp for stamp, _ in after] == [stamp for stamp, _ in before]
    assert all((one == other).all() for (_, one), (_, other) in zip(before, after, strict=True))
    # In AVI the source itself is a picture late.
    assert flashes(film) == pytest.approx(BEEPS, abs=0.11 if suffix == "avi" else 0.05)
    assert flashes(film) == pytest.approx([second - stamps[0] for second in flashes(source)], abs=1e-3)
    assert beeps(film) == pytest.approx([second - stamps[0] for second in beeps(source)], abs=0.01)
    assert beeps(film) == pytest.approx(BEEPS, abs=0.05)


@pytest.mark.parametrize("suffix", ["ts", "mpg"])
def test_where_a_clock_starts_anew_sound_goes_with_the_pictures(tmp_path: Path, suffix: str) -> None:
    """Three recordings in one file, each of which begins at the same time."""
    part = write_source(tmp_path / f"part.{suffix}")
    joined, film = tmp_path / f"joined.{suffix}", tmp_path / "film.mp4"
    joined.write_bytes(part.read_bytes() * 3)
    count = len(stamps_of(joined))
    clock = draw(joined, film, [number / 25 for number in range(count)])
    assert add_sound(film, str(joined), clock)
    expected = [beep + n * count / 3 / 25 for n in range(3) for beep in BEEPS]
    assert flashes(film) == pytest.approx(expected, abs=0.05)
    assert beeps(film) == pytest.approx(flashes(film), abs=0.06)


def test_sound_that_begins_later_or_ends_earlier_is_where_it_was(tmp_path: Path) -> None:
    source, film = write_source(tmp_path / "a.mkv", sound_from=0.8, channels=1), tmp_path / "film.mp4"
    clock = draw(source, film, [stamp for stamp, _ in stamps_of(source)])
    assert add_sound(film, str(source), clock, until=2.0)
    assert beeps(film) == pytest.approx([1.2], abs=0.05)
    with av.open(str(film)) as container:
        stream = container.streams.audio[0]
        assert float(stream.duration * stream.time_base) <= 2.1


@pytest.mark.parametrize("suffix", ["ts", "mkv"])
def test_of_a_file_that_is_cut_off_the_sound_before_is_kept(tmp_path: Path, suffix: str) -> None:
    source, film = write_source(tmp_path / f"a.{suffix}"), tmp_path / "film.mp4"
    source.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])
    with av.open(str(source)) as container:
        stamps = [float(frame.pts * frame.time_base) for frame in _until_it_breaks(container)]
    clock = FileClock()
    with VideoWriter(film, SIDE, SIDE, RATE) as writer:
        for stamp in stamps:
            writer.write(np.zeros((SIDE, SIDE, 3), np.uint8), stamp - stamps[0])
            clock.add(stamp, stamp - stamps[0])
    assert add_sound(film, str(source), clock)
    assert beeps(film)[:2] == pytest.approx(BEEPS[:2], abs=0.05)


def _until_it_breaks(container: av.container.InputContainer) -> Iterator[av.VideoFrame]:
    try:
        yield from container.decode(container.streams.video[0])
    except av.FFmpegError:
        return


def test_a_video_without_sound_and_one_that_is_gone_leave_the_film_as_it_was(tmp_path: Path) -> None:
    silent, film = tmp_path / "silent.mp4", tmp_path / "film.mp4"
    for path in (silent, film):
        with VideoWriter(path, SIDE, SIDE, RATE) as writer:
            writer.write(np.zeros((SIDE, SIDE, 3), np.uint8))
    content = film.read_bytes()
    assert not add_sound(film, str(silent), FileClock())
    with pytest.raises(InputError, match="no such file"):
        add_sound(film, str(tmp_path / "gone.mp4"), FileClock())
    assert film.read_bytes() == content and {path.name for path in tmp_path.iterdir()} == {"silent.mp4", "film.mp4"}
