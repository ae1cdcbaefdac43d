"""Files as cameras, recorders and people's scripts leave them, made byte by byte, and read by our reader."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.video.coded import MARK, pictures, write
from uncover.errors import InputError
from uncover.text_files import printable
from uncover.video.clock import WRAP
from uncover.video.decode import Video, open_video
from uncover.video.sources import find_sources, is_live

COUNT, RATE, SLOW = 8, 10, 0.5
SIZE = (64, 48)
PICTURES = pictures(2 * COUNT, *SIZE)
FIRST, SECOND = PICTURES[:COUNT], PICTURES[COUNT:]
B_FRAMES = {"bf": "2"}
MPEG2 = {"codec": "mpeg2video", "rate": 25, "options": {"bf": "2", "qmax": "2"}}
EVEN = [number / RATE for number in range(2 * COUNT)]

Shown = list[tuple[int, float, int]]


def shown(video: Video, start: float = 0.0, first: int = 0) -> Shown:
    """Number, time, and which of `PICTURES` each picture is, by its corner."""
    corners = [picture[: MARK // 2, : MARK // 2].mean() for picture in PICTURES]
    frames = [(frame, frame.pixels[: MARK // 2, : MARK // 2].mean()) for frame in video.frames(start, first)]
    return [(frame.index, frame.second, int(np.abs(np.array(corners) - mean).argmin())) for frame, mean in frames]


def later(by: float) -> list[float]:
    return [by + number / RATE for number in range(COUNT)]


def joined(path: Path, **options: object) -> Path:
    """Two recordings one after the other, as `cat` makes it; the second begins at the time of the first."""
    parts = [
        write(path.with_name(f"part{number}{path.suffix}"), part, **options)
        for number, part in enumerate((FIRST, SECOND))
    ]  # type: ignore[arg-type]
    return cat(path, parts)


def cat(path: Path, parts: Sequence[Path]) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def back_by(path: Path, first: float, second: float, **options: object) -> Path:
    """Likewise, each with a beginning of its own."""
    parts = [
        write(path.with_name(f"part{number}{path.suffix}"), part, seconds=later(begin), **options)  # type: ignore[arg-type]
        for number, (part, begin) in enumerate(((FIRST, first), (SECOND, second)))
    ]
    return cat(path, parts)


def retimed(path: Path, times: Sequence[float], made: Path) -> Path:
    """The pictures of a file at any times whatever, as MP4 can have them."""
    with av.open(str(made)) as source, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        stream.time_base = Fraction(1, 90_000)
        packets = [packet for packet in source.demux(video=0) if packet.size]
        for number, (packet, time) in enumerate(zip(packets, times, strict=True)):
            packet.stream, packet.time_base = stream, Fraction(1, 90_000)
            packet.dts, packet.pts = number, round(time * 90_000)
            output.mux(packet)
    return path


def without_times(path: Path, numbers: Sequence[int]) -> Path:
    """Take the times of some pictures out of an MPEG transport stream."""
    content = bytearray(path.read_bytes())
    place = -1
    for number in range(2 * COUNT):
        place = content.index(b"\0\0\1\xe0", place + 1)
        if number in numbers:
            length = content[place + 8]
            content[place + 7] &= 0x3F
            content[place + 9 : place + 9 + length] = b"\xff" * length
    path.write_bytes(content)
    return path


def assert_all(path: Path, rate: float = RATE, joint: bool = True) -> list[str]:
    """All pictures, evenly, also from any of them on; returns what was mended."""
    with open_video(path) as video:
        whole = shown(video)
        mended = video.mended
        assert video.notes == []
        assert [picture for _, _, picture in whole] == list(range(2 * COUNT))
        assert [index for index, _, _ in whole] == list(range(2 * COUNT))
        assert [second for _, second, _ in whole] == pytest.approx(
            [number / rate for number in range(2 * COUNT)], abs=2e-3
        )
        for number in (3, COUNT, COUNT + 3):
            assert shown(video, whole[number][1], number) == whole[number:], f"again from {number}"
        assert [frame.index for frame in video.frames() if frame.joint] == [COUNT] * joint
        assert video.shortfall(2 * COUNT, whole[-1][1]) == "" and video.corrupt == 0
    return mended


def other_number(path: Path, rate: float) -> Path:
    """Two recordings whose streams have numbers of their own; FFmpeg looks for streams in the first seconds only."""
    seconds = [number / rate for number in range(COUNT)]
    first = write(path.with_name("first.ts"), FIRST, seconds=seconds)
    second = write(path.with_name("second.ts"), SECOND, seconds=seconds, container={"mpegts_start_pid": "0x200"})
    return cat(path, [first, second])


JOINED: dict[str, Callable[[Path], Path]] = {
    "restart.ts": lambda path: joined(path, options=B_FRAMES),
    "restart.mpg": lambda path: joined(path, **MPEG2),
    "restart.vob": lambda path: joined(path, **MPEG2),
    "a_little_back.ts": lambda path: back_by(path, 5, 5 + EVEN[COUNT] - 0.25),
    "hours_back.ts": lambda path: back_by(path, 3600, 0),
    "other_number.ts": lambda path: other_number(path, RATE),
    "late_number.ts": lambda path: other_number(path, SLOW),
    "restart.mp4": joined,
    "restart.mov": joined,
    "restart.mkv": joined,
    "restart.flv": lambda path: joined(path, options=B_FRAMES),
    "restart.wmv": lambda path: joined(path, codec="wmv2"),
    "hours_forward.ts": lambda path: back_by(path, 0, 7200, options=B_FRAMES),
    "back.mp4": lambda path: retimed(
        path, later(0.5) + later(0.6), write(path.with_name("even.mp4"), PICTURES, options={"bf": "0"})
    ),
    "jump.mp4": lambda path: retimed(
        path, later(0) + later(9000), write(path.with_name("even.mp4"), PICTURES, options={"bf": "0"})
    ),
}


@pytest.mark.parametrize("name", JOINED)
def test_a_clock_that_starts_anew_or_jumps(tmp_path: Path, name: str) -> None:
    rate = 25 if name.endswith(("mpg", "vob")) else SLOW if name.startswith("late") else RATE
    (told,) = assert_all(JOINED[name](tmp_path / name), rate)
    assert "jumps forward once" in told if name in ("hours_forward.ts", "jump.mp4") else "restarts once" in told


def test_the_parts_of_a_playlist(tmp_path: Path) -> None:
    joined(tmp_path / "whole.ts")
    parts = "".join(f"#EXT-X-DISCONTINUITY\n#EXTINF:0.8,\npart{number}.ts\n" for number in range(2))
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{parts}#EXT-X-ENDLIST\n")
    assert assert_all(tmp_path / "list.m3u8")


def test_a_clock_of_33_bits_that_ends(tmp_path: Path) -> None:
    """After 26.5 hours MPEG's clock is at 0 again. Nothing is wrong with that."""
    assert assert_all(back_by(tmp_path / "wrap.ts", WRAP - EVEN[COUNT], WRAP), joint=False) == []
    with av.open(str(tmp_path / "wrap.ts"), options={"correct_ts_overflow": "0"}) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times[-1] < 10 < 90_000 < times[0]


def test_pictures_of_one_time(tmp_path: Path) -> None:
    times = [*EVEN]
    times[4:7] = [times[3]] * 3
    path = retimed(tmp_path / "v.mp4", times, write(tmp_path / "even.mp4", PICTURES, options={"bf": "0"}))
    assert "3 frames are not later" in assert_all(path, joint=False)[0]


@pytest.mark.parametrize("numbers", [[4], [5, 6, 7], [2, 9, 15]])
def test_pictures_without_a_time_in_the_middle(tmp_path: Path, numbers: list[int]) -> None:
    path = without_times(write(tmp_path / "v.ts", PICTURES, options={"bf": "0"}), numbers)
    assert_all(path, joint=False)


def test_pictures_before_the_clock_begins(tmp_path: Path) -> None:
    """Trimmed without being encoded anew, they lie before 0, where FFmpeg gives no times."""
    times = [number / RATE - 0.5 for number in range(2 * COUNT)]
    made = {"options": {"bf": "0"}, "container": {"avoid_negative_ts": "disabled"}}
    path = write(tmp_path / "v.mkv", PICTURES, seconds=times, **made)  # type: ignore[arg-type]
    with av.open(str(path)) as container:
        assert [frame.pts for frame in container.decode(video=0)][4:7] == [None, 0, 100]
    (told,) = assert_all(path, joint=False)
    assert told.startswith("5 frames are without a time (first at second 0.00)")


@pytest.mark.parametrize(
    ("name", "made", "rate"),
    [
        ("v.h264", {"options": B_FRAMES}, RATE),
        ("v.hevc", {"codec": "libx265", "options": {"x265-params": "log-level=none"}}, RATE),
        ("v.m2v", MPEG2, 25),
        ("v.mjpeg", {"codec": "mjpeg", "pixel_format": "yuvj420p"}, 25),
    ],
)
def test_a_stream_without_a_container_has_no_times(
    tmp_path: Path, name: str, made: dict[str, object], rate: int
) -> None:
    told = assert_all(write(tmp_path / name, PICTURES, **made), rate, joint=False)  # type: ignore[arg-type]
    assert told == [f"it has no times; assuming {rate} frames per second"]


def test_an_avi_of_0_pictures_a_second(tmp_path: Path) -> None:
    path = write(tmp_path / "v.avi", PICTURES, codec="mpeg4")
    assert assert_all(path, joint=False) == []
    content = bytearray(path.read_bytes())
    stream, header = content.index(b"vids"), content.index(b"avih")
    content[stream + 20 : stream + 28], content[header + 8 : header + 12] = bytes(8), bytes(4)
    path.write_bytes(content)
    assert assert_all(path, 25, joint=False) == ["its header has no frame rate; assuming 25 frames per second"]


def test_b_frames_packed_into_the_pictures_before_them(tmp_path: Path) -> None:
    """DivX put two pictures into one packet of an AVI, and an empty one after it."""
    plain = write(
        tmp_path / "plain.avi", PICTURES[:-1], codec="mpeg4", options={"bf": "1", "g": "99", "sc_threshold": "1000000"}
    )
    with av.open(str(plain)) as source:
        first, *others = [bytes(packet) for packet in source.demux(video=0) if packet.size]
        start = first.index(b"\0\0\1\xb6")
        packed = [first[:start] + b"\0\0\1\xb2DivX503b1393p" + first[start:]]
        for number in range(0, len(others), 2):
            packed += [others[number] + others[number + 1], b"\0\0\1\xb6\x51\x7f\x7f"]
        with av.open(str(tmp_path / "packed.avi"), "w") as output:
            stream = output.add_stream_from_template(source.streams.video[0])
            for number, content in enumerate(packed):
                packet = av.Packet(content)
                packet.pts = packet.dts = number
                packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, RATE), number == 0
                output.mux(packet)
    with open_video(tmp_path / "packed.avi") as video:
        whole = shown(video)
        assert [picture for _, _, picture in whole] == list(range(2 * COUNT - 1))
        assert [second for _, second, _ in whole] == pytest.approx(EVEN[:-1])


@pytest.mark.parametrize("name", ["mpeg1video.mpg", "mpeg2video.ts", "mpeg2video.vob"])
def test_a_decoder_keeps_no_picture_where_the_size_changes(tmp_path: Path, name: str) -> None:
    codec, ending = name.split(".")
    parts = [
        write(tmp_path / f"wide.{ending}", FIRST, codec=codec, rate=25),
        write(tmp_path / f"high.{ending}", [np.rot90(each) for each in SECOND], codec=codec, rate=25),
    ]
    with open_video(cat(tmp_path / f"sizes.{ending}", parts)) as video:
        assert [frame.size for frame in video.frames()] == [SIZE] * COUNT + [SIZE[::-1]] * COUNT


def test_size_and_orientation_that_change(tmp_path: Path) -> None:
    parts = [write(tmp_path / "wide.ts", FIRST), write(tmp_path / "high.ts", [np.rot90(each) for each in SECOND])]
    with open_video(cat(tmp_path / "sizes.ts", parts)) as video:
        frames = list(video.frames())
        assert [frame.size for frame in frames] == [SIZE] * COUNT + [SIZE[::-1]] * COUNT
        for frame, wanted in zip(frames, [*FIRST, *(np.rot90(each) for each in SECOND)], strict=True):
            assert frame.pixels.shape == wanted.shape and np.abs(frame.pixels.astype(int) - wanted).mean() < 6
    turned = display_orientation(write(tmp_path / "v.ts", PICTURES, options={"bf": "0", "g": str(COUNT)}), COUNT)
    with open_video(turned) as video:
        frames = list(video.frames())
        assert [frame.size for frame in frames] == [SIZE] * COUNT + [SIZE[::-1]] * COUNT
        # Table of ITU-T H.264, D.2.27: mirror, then turn against the clock.
        for frame, wanted in zip(frames, [*FIRST, *(np.rot90(each[:, ::-1]) for each in SECOND)], strict=True):
            assert np.abs(frame.pixels.astype(int) - wanted).mean() < 6
            small = frame.shrunk(frame.size[0] // 4, frame.size[1] // 4)
            assert small is not None
            cells = frame.pixels.reshape(small.shape[0], 4, small.shape[1], 4, 3)
            assert np.abs(small - cells.mean((1, 3))).mean() < 6


@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv420p10le", "gray"])
def test_another_format_of_pixels_in_the_middle(tmp_path: Path, pixel_format: str) -> None:
    parts = [write(tmp_path / "one.ts", FIRST), write(tmp_path / "two.ts", SECOND, pixel_format=pixel_format)]
    alone = []
    for part in parts:
        with open_video(part) as video:
            alone += [frame.pixels for frame in video.frames()]
    with open_video(cat(tmp_path / "both.ts", parts)) as video:
        for frame, wanted in zip(video.frames(), alone, strict=True):
            assert np.array_equal(frame.pixels, wanted)


def test_high_dynamic_range_that_begins_in_the_middle(tmp_path: Path) -> None:
    """The curve is that of each picture."""
    parts = []
    for transfer in ("bt709", "smpte2084"):
        tags = f"colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
        path = tmp_path / f"{transfer}.ts"
        parts.append(write(path, FIRST, pixel_format="yuv420p10le", options={"x264-params": tags}))
    apart = []
    for part in (*parts, cat(tmp_path / "both.ts", parts)):
        with open_video(part) as video:
            apart.append([frame.pixels.mean() for frame in video.frames()])
    ordinary, high, both = apart
    assert both == pytest.approx(ordinary + high) and high[0] > ordinary[0] + 8


def display_orientation(path: Path, first: int) -> Path:
    """From a picture on, let H.264 say that pictures are to be mirrored and turned by a quarter against the clock."""
    bits = "0" + "10" + f"{2**14:016b}" + "1" + "0" + "1"  # cancel, mirror, turn, for all that follow, no more
    payload = int(bits + "0" * (-len(bits) % 8), 2).to_bytes((len(bits) + 7) // 8, "big")
    message = b"\0\0\0\1\x06" + bytes([47, len(payload)]) + payload + b"\x80"
    turned = path.with_name("turned.ts")
    with av.open(str(path)) as source, av.open(str(turned), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(packet for packet in source.demux(video=0) if packet.size):
            content = bytes(packet)
            if number >= first:
                # After the delimiter that begins each picture.
                place = content.index(b"\0\0\0\1", 4) if b"\0\0\0\1" in content[4:] else content.index(b"\0\0\1", 4)
                content = content[:place] + message + content[place:]
            again = av.Packet(content)
            again.pts, again.dts, again.time_base, again.stream = packet.pts, packet.dts, packet.time_base, stream
            again.is_keyframe = packet.is_keyframe
            output.mux(again)
    return turned


NAMES = (
    "2024-01-26T20:57:04Z.mp4",
    "B\udce9b\udce9.mp4",
    "100% [1] #2? *.mp4",
    "%03d.mp4",
    "-x.mp4",
    "file:x.mp4",
    "concat:a|b.mp4",
    "bébé 👶 'one' \"two\".mp4",
    "two\nlines\x1b[1m.mp4",
    " lead and trail .MP4",
)


def test_an_existing_file_is_a_file_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = write(tmp_path / "v.mp4", PICTURES[:2]).read_bytes()
    os.remove("v.mp4")
    for name in NAMES:
        Path(name).write_bytes(content)
    for given in (["."], [*NAMES], [f"./{name}" for name in NAMES], [str(tmp_path / name) for name in NAMES]):
        found = find_sources(given)
        assert len(found.videos) == len(NAMES) and not found.others
        for name, address in found.videos.items():
            assert not is_live(address) and name == printable(os.path.basename(address)) and name.isprintable()
            assert name.encode("utf-8")
            with open_video(address) as video:
                assert len(list(video.frames())) == 2
    assert printable(NAMES[1]) == r"B\xe9b\xe9.mp4" and printable(NAMES[8]) == r"two\nlines\x1b[1m.mp4"
    assert all(printable(name) == name for name in NAMES if name not in (NAMES[1], NAMES[8]))


def test_titles_may_be_in_any_encoding(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4", PICTURES[:2])
    path.write_bytes(path.read_bytes().replace(b"VideoHandler", b"Vid\xe9oHandle\xe9"))
    with open_video(path) as video:
        assert len(list(video.frames())) == 2


def test_programs_side_by_side_are_no_recordings_one_behind_the_other(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "v.ts"), "w") as output:
        streams = [output.add_stream("libx264", rate=RATE) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for pixels in FIRST:
            for stream in streams:
                output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        for stream in streams:
            output.mux(stream.encode(None))
    with open_video(tmp_path / "v.ts") as video:
        assert len(shown(video)) == COUNT and not video.mended
        assert video.notes == ["it has 2 video tracks; only the first is used"]


def test_names_that_are_written_alike_are_told_apart(tmp_path: Path) -> None:
    for name in ("\udce9.mp4", r"\xe9.mp4"):
        (tmp_path / name).write_bytes(b"x")
    found = find_sources([str(tmp_path)]).videos
    assert len(found) == 2 and {os.path.basename(address) for address in found.values()} == {"\udce9.mp4", r"\xe9.mp4"}


def test_what_is_wrong_with_a_file_names_it_in_one_printable_line(tmp_path: Path) -> None:
    path = tmp_path / "a\n\udce9.mp4"
    path.write_bytes(b"nothing")
    with pytest.raises(InputError) as error:
        open_video(path)
    assert r"a\n\xe9.mp4: cannot be opened" in str(error.value) and "\n" not in str(error.value)


def test_pixels_that_are_no_squares(tmp_path: Path) -> None:
    """Stored pixels stay; who shows them is told how wide they are, also where the picture is turned."""
    path = write(tmp_path / "v.mp4", PICTURES[:2], options={"x264-params": "sar=16/11"})
    with open_video(path) as video:
        assert video.pixel_aspect == Fraction(16, 11) and (video.width, video.height) == SIZE
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30), content.index(b"tkhd"))
    content[place : place + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    with open_video(path) as video:
        assert video.pixel_aspect == Fraction(11, 16) and (video.width, video.height) == SIZE[::-1]
