"""Opening what FFmpeg reads, and what its header says."""

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

EXPECTED = "expected a video that FFmpeg reads, such as MP4 or AVI"

TIMEOUT = 10.0
"""Seconds of silence after which a live stream has dropped."""

UNTIMED = frozenset({"avi", "mpeg"})
"""Containers that do not say the time of each picture (.avi, .mpg, .vob), by FFmpeg's names. After a jump it guesses
wrong, so that they are read from the beginning always."""

BARE = frozenset({"h264", "hevc", "mjpeg", "mpegvideo", "m4v", "vc1", "dirac", "obu", "cavsvideo"})
"""What has no container, and so no times at all (.h264, .hevc, .mjpeg, ...)."""

WRAPPING = frozenset({"mpegts", "mpeg"})
"""Containers whose clock has 33 bits."""

TS_PACKET = 188
"""Bytes of a packet of MPEG's transport stream."""

SIGNATURES = {"flv": b"FLV\x01", "asf": bytes.fromhex("3026b2758e66cf11")}
"""What files begin with, by FFmpeg's names."""

SEARCHED = 2**22
"""Bytes behind a recording in which the next one begins, if there is one."""

DEPTH = 16
"""Pictures that H.264 may put in another order, at most."""

RATE = 25.0
"""Pictures a second where nobody says."""

_SLOWEST, _FASTEST = 1e-3, 1e3
"""Pictures a second beyond which a header is wrong."""

THREADS = "AUTO"
"""As many as there are cores, in whatever way the decoder can."""


def open_container(address: str, threads: str, start: int = 0) -> tuple[InputContainer, VideoStream]:
    """Open a video file or a live stream.

    Args:
        address: Of the file or the stream.
        threads: How its pictures are decoded: `THREADS`, or "NONE" for one after the other.
        start: Byte of the file at which it begins.

    Raises:
        InputError: There is none, or no video in it.
    """
    import av

    name, live = printable(without_secrets(address)), is_live(address)
    if not live and not Path(address).is_file():
        raise InputError(f"{name}: no such file; {EXPECTED}")
    # The 33 bits of MPEG's clock: FFmpeg takes every step back for their end, also in recordings that were joined.
    words = {"correct_ts_overflow": "0"}
    options: dict[str, Any] = {"options": words} | ({"timeout": TIMEOUT} if live else {})
    if is_camera(address):
        options["format"] = "v4l2"
    elif address.startswith("rtsp"):
        # Over UDP, FFmpeg's default, a busy network shows as torn pictures.
        words["rtsp_transport"] = "tcp"
    av.logging.set_level(None)
    try:
        # A colon would be taken for the end of a protocol's name, and a dash for standard input.
        file = address if live else f"file:{address}"
        if start:
            file = f"subfile,,start,{start},end,{Path(address).stat().st_size},,:{file}"
        # Titles and names of cameras may be in any encoding.
        container = av.open(file, metadata_errors="replace", **options)
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{name}: cannot be opened ({reason_of(error)}); {EXPECTED}") from None
    if not container.streams.video:
        container.close()
        raise InputError(f"{name}: holds no video; {EXPECTED}")
    stream = container.streams.video[0]
    stream.thread_type = threads
    return container, stream


def own_duration(stream: VideoStream) -> float | None:
    """Of the pictures alone: sound may go on after them."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # Matroska keeps it among its remarks.
    parts = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = map(float, parts)
    except ValueError:
        return None
    return 3600 * hours + 60 * minutes + seconds or None


def tracks_of(container: InputContainer) -> int:
    """Videos in a file, without covers and the like."""
    from av.stream import Disposition

    return sum(not each.disposition & Disposition.attached_pic for each in container.streams.video)


def rate_of(stream: VideoStream) -> float | None:
    """Pictures a second on average; None where nobody says."""
    return _plausible(stream.average_rate) or _plausible(stream.guessed_rate)


def step_of(stream: VideoStream) -> float:
    """Seconds between two pictures by the header: where a clock is broken, so is what it makes the average."""
    return 1 / (_plausible(stream.guessed_rate) or _plausible(stream.average_rate) or RATE)


def _plausible(rate: Fraction | None) -> float | None:
    return float(rate) if rate and _SLOWEST <= rate <= _FASTEST else None


def assumed_rate(address: str, container: InputContainer, stream: VideoStream) -> str:
    """Why the times of a file's pictures are a guess; empty where they are not."""
    name = container.format.name
    if name == "avi" and _avi_without_rate(Path(address)):
        return f"its header says no rate; taken for {rate_of(stream) or RATE:g} pictures a second"
    if name in BARE:
        return f"it holds no times; taken for {1 / step_of(stream):g} pictures a second"
    return ""


def _avi_without_rate(path: Path) -> bool:
    """Whether the header of an AVI says 0 pictures a second, for which FFmpeg puts another number without a word."""
    with path.open("rb") as file:
        head = file.read(65536)
    place = head.find(b"vids", head.find(b"strh"))
    if head.find(b"strh") < 0 or place < 0 or len(head) < place + 28:
        return False
    scale, rate = struct.unpack_from("<2I", head, place + 20)
    return not scale or not rate


def packets_of(container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """Packets of one stream, and an empty one at the end."""
    # PyAV counts streams once, and stumbles at the end over those that began in the middle of a file.
    with suppress(IndexError):
        yield from container.demux(stream)


def next_recording(address: str, start: int, end: int, container: InputContainer) -> int | None:
    """Where another recording begins that was put behind one in a file, as `cat` does, and that FFmpeg would not read.

    Args:
        address: Of the file.
        start: Byte at which the recording before it begins.
        end: Byte at which its last packet begins.
        container: The recording before it.

    Returns:
        A byte of the file; None where there is none.
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
    """Of an MP4 file, which is a row of boxes that each say how long they are."""
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
    """Of an MPEG transport stream, in which the second recording may have a number of its own."""
    try:
        after, stream = open_container(address, THREADS, place)
    except InputError:
        return None
    number = stream.id
    after.close()
    for known in container.streams.video:
        if known.id == number:
            # Of two programs that run side by side, the first is looked at.
            again, _ = open_container(address, THREADS, start)
            with again:
                own = next(each for each in again.streams.video if each.id == number)
                first = next((packet for packet in packets_of(again, own) if packet.size), None)
                return place if first is not None and start + (first.pos or 0) >= place else None
    return place


def rises(container: InputContainer, stream: VideoStream) -> int | None:
    """Make sure that the times of all packets of a file rise, so that one may look for a time in it.

    Reads the file to its end, without decoding.

    Returns:
        Byte at which the last packet begins; None where times do not rise.
    """
    import av

    if container.format.name in UNTIMED | BARE or stream.time_base is None:
        return None
    jump = JUMP / float(stream.time_base)
    # Pictures that refer to later ones come after these, but not many of them.
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
    """Whether threads decode several pictures at once, not parts of one."""
    from av.codec.codec import Capabilities

    context = stream.codec_context
    return context.thread_count != 1 and bool(context.codec.capabilities & Capabilities.frame_threads)


def reason_of(error: Exception) -> str:
    """One line on an error of FFmpeg."""
    text = str(getattr(error, "strerror", "") or error)
    return text.splitlines()[0] if text else type(error).__name__
