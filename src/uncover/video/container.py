"""Open videos with FFmpeg, and read their headers."""

from __future__ import annotations

import heapq
import struct
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uncover.errors import InputError
from uncover.text_files import printable
from uncover.video.clock import JUMP
from uncover.video.sources import is_camera, is_live, without_secrets

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

EXPECTED = "expected a video that FFmpeg can read, such as MP4 or AVI"

TIMEOUT = 10.0
"""Seconds without data after which a live stream counts as dropped."""

UNTIMED = frozenset({"avi", "mpeg"})
"""Containers without a time for each frame (.avi, .mpg, .vob), by FFmpeg's names. After a jump FFmpeg guesses wrong
times, so they are always read from the beginning."""

BARE = frozenset({"h264", "hevc", "mjpeg", "mpegvideo", "m4v", "vc1", "dirac", "obu", "cavsvideo"})
"""Formats without a container, and thus without times (.h264, .hevc, .mjpeg, ...)."""

WRAPPING = frozenset({"mpegts", "mpeg"})
"""Containers whose clock has 33 bits."""

TS_PACKET = 188
"""Bytes of a packet in an MPEG transport stream."""

SIGNATURES = {"flv": b"FLV\x01", "asf": bytes.fromhex("3026b2758e66cf11")}
"""First bytes of files, by FFmpeg's names."""

SEARCHED = 2**22
"""Number of bytes after a recording in which the next one starts, if there is one."""

DEPTH = 16
"""Maximum number of frames that H.264 may reorder."""

RATE = 25.0
"""Frame rate if none is given."""

_SLOWEST, _FASTEST = 1e-3, 1e3
"""Frame rate above which a header is wrong."""

THREADS = "AUTO"
"""Decode with one thread per core, in any way that the decoder supports."""


def open_container(address: str, threads: str, start: int = 0) -> tuple[InputContainer, VideoStream]:
    """Open a video file or a live stream.

    Args:
        address: File or stream.
        threads: How frames are decoded: `THREADS`, or "NONE" for one after the other.
        start: Byte of the file at which to start.

    Raises:
        InputError: It does not exist, or has no video.
    """
    import av

    name, live = printable(without_secrets(address)), is_live(address)
    if not live and not Path(address).is_file():
        raise InputError(f"{name}: no such file; {EXPECTED}")
    # The 33 bits of MPEG's clock: FFmpeg treats every step back as a wrap-around, also in joined recordings.
    words = {"correct_ts_overflow": "0"}
    options: dict[str, Any] = {"options": words} | ({"timeout": TIMEOUT} if live else {})
    if is_camera(address):
        options["format"] = "v4l2"
    elif address.startswith("rtsp"):
        # UDP, FFmpeg's default, loses packets on a busy network.
        words["rtsp_transport"] = "tcp"
    av.logging.set_level(None)
    try:
        # A colon would end the name of a protocol, and a dash would mean standard input.
        file = address if live else f"file:{address}"
        if start:
            file = f"subfile,,start,{start},end,{Path(address).stat().st_size},,:{file}"
        # Metadata such as titles may be in any encoding.
        container = av.open(file, metadata_errors="replace", **options)
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{name}: cannot be opened ({reason_of(error)}); {EXPECTED}") from None
    if not container.streams.video:
        container.close()
        raise InputError(f"{name}: no video in it; {EXPECTED}")
    stream = container.streams.video[0]
    stream.thread_type = threads
    return container, stream


def own_duration(stream: VideoStream) -> float | None:
    """Duration of the video track only; sound may be longer."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # Matroska stores it in its metadata.
    parts = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = map(float, parts)
    except ValueError:
        return None
    return 3600 * hours + 60 * minutes + seconds or None


def tracks_of(container: InputContainer) -> int:
    """Number of video tracks in a file, without cover images."""
    from av.stream import Disposition

    return sum(not each.disposition & Disposition.attached_pic for each in container.streams.video)


def rate_of(stream: VideoStream) -> float | None:
    """Mean frame rate; None if unknown."""
    return _plausible(stream.average_rate) or _plausible(stream.guessed_rate)


def step_of(stream: VideoStream) -> float:
    """Seconds between two frames by the header, because a broken clock makes the mean wrong."""
    return 1 / (_plausible(stream.guessed_rate) or _plausible(stream.average_rate) or RATE)


def _plausible(rate: Fraction | None) -> float | None:
    return float(rate) if rate and _SLOWEST <= rate <= _FASTEST else None


def assumed_rate(address: str, container: InputContainer, stream: VideoStream) -> str:
    """Why the times of a file's frames are guessed; empty if they are not."""
    name = container.format.name
    if name == "avi" and _avi_without_rate(Path(address)):
        return f"its header has no frame rate; assuming {rate_of(stream) or RATE:g} frames per second"
    if name in BARE:
        return f"it has no times; assuming {1 / step_of(stream):g} frames per second"
    return ""


def _avi_without_rate(path: Path) -> bool:
    """Whether the header of an AVI gives a rate of 0, which FFmpeg silently replaces."""
    with path.open("rb") as file:
        head = file.read(65536)
    place = head.find(b"vids", head.find(b"strh"))
    if head.find(b"strh") < 0 or place < 0 or len(head) < place + 28:
        return False
    scale, rate = struct.unpack_from("<2I", head, place + 20)
    return not scale or not rate


def packets_of(container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """Packets of one stream, and an empty one at the end."""
    # PyAV counts streams once, and fails at the end for those that start in the middle of a file.
    with suppress(IndexError):
        yield from container.demux(stream)


def next_recording(address: str, start: int, end: int, container: InputContainer) -> int | None:
    """Start of a further recording appended to a file (as with `cat`), which FFmpeg would not read.

    Args:
        address: The file.
        start: Byte at which the previous recording starts.
        end: Byte at which its last packet starts.
        container: The previous recording.

    Returns:
        A byte of the file; None if there is no further recording.
    """
    path, names = Path(address), container.format.name.split(",")
    if "mp4" in names:
        return _second_header(path, start)
    if "mpegts" in names:
        return _other_stream(address, start, end + TS_PACKET, container)
    signature = next((SIGNATURES[name] for name in names if name in SIGNATURES), None)
    if signature is None:
        return None
    with path.open("rb") as file:
        file.seek(end)
        place = file.read(SEARCHED).find(signature)
    return None if place < 0 else end + place


def _second_header(path: Path, start: int) -> int | None:
    """Second header of an MP4 file, which is a sequence of boxes with their sizes."""
    place, end = start, path.stat().st_size
    with path.open("rb") as file:
        while place + 16 <= end:
            file.seek(place)
            size, kind, large = struct.unpack(">I4sQ", file.read(16))
            if kind == b"ftyp" and place > start:
                return place
            size = large if size == 1 else size
            if size < 8:
                return None
            place += size
    return None


def _other_stream(address: str, start: int, place: int, container: InputContainer) -> int | None:
    """Second recording in an MPEG transport stream, which may have a stream number of its own."""
    try:
        after, stream = open_container(address, THREADS, place)
    except InputError:
        return None
    number = stream.id
    after.close()
    for known in container.streams.video:
        if known.id == number:
            # Of two parallel programs, only the first is read.
            again, _ = open_container(address, THREADS, start)
            with again:
                own = next(each for each in again.streams.video if each.id == number)
                first = next((packet for packet in packets_of(again, own) if packet.size), None)
                return place if first is not None and start + (first.pos or 0) >= place else None
    return place


def rises(container: InputContainer, stream: VideoStream) -> int | None:
    """Check that the times of all packets of a file increase, so that seeking is possible.

    Reads the file to its end, without decoding.

    Returns:
        Byte at which the last packet starts; None if times do not increase.
    """
    import av

    if container.format.name in UNTIMED | BARE or stream.time_base is None:
        return None
    jump = JUMP / float(stream.time_base)
    # Frames that refer to later ones have later packets, but not many.
    latest: list[int] = []
    decoded: int | None = None
    end = 0
    depth = DEPTH if stream.codec_context.has_b_frames else 0
    try:
        for packet in packets_of(container, stream):
            if not packet.size:
                continue
            shown, end = packet.pts, packet.pos or end
            if shown is None or shown in latest:
                return None
            if packet.dts is not None:
                if decoded is not None and packet.dts <= decoded:
                    return None
                decoded = packet.dts
            if latest and (shown - max(latest) > jump or (len(latest) > depth and shown < latest[0])):
                return None
            heapq.heappush(latest, shown)
            if len(latest) > depth + 1:
                heapq.heappop(latest)
    except (av.FFmpegError, OSError):
        return None
    return end


def decodes_ahead(stream: VideoStream) -> bool:
    """Whether threads decode several frames at once, rather than parts of one."""
    from av.codec.codec import Capabilities

    context = stream.codec_context
    return context.thread_count != 1 and bool(context.codec.capabilities & Capabilities.frame_threads)


def reason_of(error: Exception) -> str:
    """Message of an FFmpeg error in one line."""
    text = str(getattr(error, "strerror", "") or error)
    return text.splitlines()[0] if text else type(error).__name__
