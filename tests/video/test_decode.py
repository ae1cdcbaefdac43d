"""Videos read by our reader and by PyAV's own plain loop, or of which the pictures are known."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.video.coded import packets, pictures, plainly, write
from uncover.errors import InputError
from uncover.video.decode import Dropped, Video, open_video

PICTURES = pictures(40, 96, 64)
B_FRAMES = {"bf": "3", "g": "12", "keyint_min": "12"}

Shown = tuple[int, float, np.ndarray]


def shown(video: Video, start: float = 0.0, first: int = 0) -> list[Shown]:
    return [(frame.index, frame.second, frame.pixels) for frame in video.frames(start, first)]


def assert_same(found: list[Shown], wanted: list[Shown]) -> None:
    assert [index for index, _, _ in found] == [index for index, _, _ in wanted]
    assert [second for _, second, _ in found] == pytest.approx([second for _, second, _ in wanted], abs=1e-6)
    assert all(np.array_equal(one[2], other[2]) for one, other in zip(found, wanted, strict=True))


def spoil(path: Path, numbers: list[int]) -> None:
    """Overwrite packets with zeros."""
    content, places = bytearray(path.read_bytes()), packets(path)
    for number in numbers:
        place, size, _ = places[number]
        content[place : place + size] = bytes(size)
    path.write_bytes(content)


CONTAINERS: dict[str, dict[str, Any]] = {
    "plain.mp4": {},
    "few_key_frames.mp4": {"options": {"bf": "3", "g": "500"}},
    "open_groups.mp4": {"options": {"bf": "3", "x264-params": "open-gop=1:keyint=12:min-keyint=12:scenecut=0"}},
    "b_frames.ts": {"options": B_FRAMES},
    "one_key_frame.ts": {"options": {"bf": "3", "g": "500"}},
    "camera.ts": {"codec": "mpeg4", "options": {"g": "12", "sc_threshold": "1000000"}},
    "b_frames.mkv": {"options": B_FRAMES},
    "late.mkv": {"options": B_FRAMES, "seconds": [100 + number / 10 for number in range(40)]},
    "xvid.avi": {"codec": "mpeg4", "options": {"bf": "2", "g": "12"}},
    "b_frames.flv": {"options": B_FRAMES},
    "dvd.mpg": {"codec": "mpeg2video", "rate": 25, "options": {"bf": "2", "g": "12"}},
    "motion.avi": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_all_pictures_come_as_pyav_has_them_and_again_from_any_time_on(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, PICTURES, **CONTAINERS[name])
    seconds, plain = plainly(path)
    with open_video(path) as video:
        assert (video.width, video.height, video.live) == (96, 64, False)
        whole = shown(video)
        times = [second - seconds[0] for second in seconds]
        assert_same(whole, list(zip(range(40), times, plain, strict=True)))
        assert whole[0][1] == 0.0
        for number, before in itertools.product((1, 12, 13, 35, 39), (0.0, 0.01)):
            start = whole[number][1] - before
            assert_same(shown(video, start, number), whole[number:])
        assert_same(shown(video), whole)
        assert shown(video, whole[-1][1] + 0.01) == []


def test_times_of_a_varying_rate(tmp_path: Path) -> None:
    given = [0.0, 0.04, 0.08, 1.5, 1.501, 7.25]
    with open_video(write(tmp_path / "v.mp4", PICTURES[:6], seconds=given)) as video:
        assert [frame.second for frame in video.frames()] == pytest.approx(given, abs=1e-4)
        assert [(frame.index, frame.second) for frame in video.frames(1.5, 3)] == [
            (number, pytest.approx(given[number], abs=1e-4)) for number in (3, 4, 5)
        ]


def test_seconds_begin_at_the_first_picture(tmp_path: Path) -> None:
    """MPEG's transport stream begins later than at 0 by itself."""
    path = write(tmp_path / "v.ts", PICTURES[:5])
    assert plainly(path)[0][0] > 0.05
    with open_video(path) as video:
        assert [frame.second for frame in video.frames()] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_times_of_h264_in_avi_rise(tmp_path: Path) -> None:
    """FFmpeg itself has them in the order of decoding."""
    path = write(tmp_path / "v.avi", PICTURES, options=B_FRAMES)
    times, plain = plainly(path)
    assert times != sorted(times)
    wanted = list(zip(range(40), [number / 10 for number in range(40)], plain, strict=True))
    with open_video(path) as video:
        assert_same(shown(video), wanted)
        assert_same(shown(video, 1.3, 13), wanted[13:])


def test_header(tmp_path: Path) -> None:
    with open_video(write(tmp_path / "v.mp4", PICTURES[:30])) as video:
        assert (video.rate, video.seconds, video.promised, video.length) == (10.0, 3.0, 30, 30)
    with open_video(write(tmp_path / "v.mkv", PICTURES[:30])) as video:
        assert (video.rate, video.seconds, video.promised, video.length) == (10.0, pytest.approx(3.0), None, 30)


def test_a_trimmed_video_promises_only_what_it_shows(tmp_path: Path) -> None:
    """Trimming without encoding anew leaves the hidden pictures in the file, at times below 0."""
    path = write(tmp_path / "v.mp4", PICTURES, seconds=[(number - 10) / 10 for number in range(40)])
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 40
    with open_video(path) as video:
        assert (video.promised, len(shown(video))) == (30, 30)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("p.mp4", {"options": {"bf": "0", "g": "10"}}),
        ("b.mp4", {"options": {"bf": "3", "g": "10"}}),
        ("x.avi", {"codec": "mpeg4"}),
        ("m.avi", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
    ],
)
@pytest.mark.parametrize("numbers", [[14], [14, 15, 17], [28], [29], [28, 29]])
def test_damaged_packets_are_counted_and_nothing_else_is_lost(
    tmp_path: Path, name: str, made: dict[str, Any], numbers: list[int]
) -> None:
    """Decoding in many threads must not lose pictures that one thread shows; so at the end of a file."""
    path = write(tmp_path / name, PICTURES[:30], **made)
    with av.open(str(path)) as container:
        times = [float(packet.pts * packet.time_base) for packet in container.demux(video=0) if packet.size]
    spoil(path, numbers)
    kept = sorted(set(times) - {times[number] for number in numbers})
    with open_video(path) as video:
        for _ in range(2):
            frames = list(video.frames())
            assert [frame.second for frame in frames] == pytest.approx([time - min(times) for time in kept], abs=1e-6)
            assert [frame.index for frame in frames] == list(range(len(kept)))
            assert video.corrupt == len(numbers)


def test_a_damaged_beginning(tmp_path: Path) -> None:
    """Seconds are those of the first picture that can be seen."""
    path = write(tmp_path / "v.avi", PICTURES[:10], codec="mjpeg", pixel_format="yuvj420p")
    spoil(path, [0, 1])
    with open_video(path) as video:
        assert [frame.second for frame in video.frames()] == pytest.approx([number / 10 for number in range(8)])
        assert video.corrupt == 2


def test_damage_before_the_start_does_not_count(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4", PICTURES[:30], options={"bf": "0", "g": "30", "sc_threshold": "0"})
    spoil(path, [4, 20])
    with open_video(path) as video:
        assert [frame.index for frame in video.frames(1.0, 10)] == list(range(10, 29))
        assert video.corrupt == 1


def test_a_cut_off_file_promised_more(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4", PICTURES, options={"bf": "0"}, container={"movflags": "faststart"})
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    place, size, _ = packets(path)[25]
    path.write_bytes(content[: place + size // 2])
    with open_video(path) as video:
        frames = []
        with suppress(Dropped):
            frames.extend(video.frames())
        assert video.promised == 40
        assert len(frames) == 25
        assert [frame.second for frame in frames] == pytest.approx([number / 10 for number in range(len(frames))])


def test_what_cannot_be_read_says_so_in_one_line(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mp4", PICTURES[:10]).read_bytes()
    (tmp_path / "no_index.mp4").write_bytes(whole[: whole.index(b"moov") - 4])
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("infant 1, ward 3\n" * 100)
    (tmp_path / "folder.mp4").mkdir()
    spoiled = write(tmp_path / "spoiled.avi", PICTURES[:5], codec="mjpeg", pixel_format="yuvj420p")
    spoil(spoiled, [0, 1, 2, 3, 4])
    with av.open(str(tmp_path / "sound.mp4"), "w") as output:
        stream = output.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 16_000, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    for name, message in (
        ("no_index.mp4", "cannot be opened"),
        ("empty.mp4", "cannot be opened"),
        ("text.mp4", "cannot be opened"),
        ("folder.mp4", "no such file"),
        ("absent.mp4", "no such file"),
        ("sound.mp4", "no video in it"),
        ("spoiled.avi", "no frame"),
    ):
        with pytest.raises(InputError, match=message) as error:
            open_video(tmp_path / name)
        assert str(tmp_path / name) in str(error.value) and "\n" not in str(error.value)


@contextmanager
def sends(content: bytes, promised: int) -> Iterator[str]:
    """A server that closes before it sent all of what it promised. Gives the address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    client = listening.accept()[0]
                except OSError:
                    return
                with client:
                    client.recv(65536)
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {promised}\r\nContent-Type: video/mp2t\r\n\r\n"
                    client.sendall(head.encode() + content)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://user:secret@127.0.0.1:{listening.getsockname()[1]}/ward.ts?key=12345"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize("missing", [0, 100_000])
def test_a_stream_that_ends_has_dropped(tmp_path: Path, missing: int) -> None:
    path = write(tmp_path / "v.ts", PICTURES, options={"bf": "0"})
    content = path.read_bytes()
    seconds, plain = plainly(path)
    with sends(content, len(content) + missing) as address, open_video(address) as video:
        assert video.live and (video.seconds, video.width, video.height) == (None, 96, 64)
        found: list[Shown] = []
        with pytest.raises(Dropped):
            for frame in video.frames():
                found.append((frame.index, frame.second, frame.pixels))
    times = [second - seconds[0] for second in seconds]
    assert 30 <= len(found) <= 40
    assert_same(found, list(zip(range(40), times, plain, strict=True))[: len(found)])


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(InputError, match="cannot be opened") as error:
        open_video(f"http://user:secret@127.0.0.1:{port}/ward.ts?key=12345")
    assert "127.0.0.1" in str(error.value) and "\n" not in str(error.value)
    assert "secret" not in str(error.value) and "12345" not in str(error.value)
