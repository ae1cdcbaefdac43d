"""Opening what FFmpeg reads, and what its header says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from uncover.errors import InputError
from uncover.footage.address import is_live, without_secrets

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

EXPECTED = "expected a video that FFmpeg reads, such as MP4 or AVI"

TIMEOUT = 10.0
"""Seconds of silence after which a live stream has dropped."""

THREADS = "AUTO"
"""As many as there are cores, in whatever way the decoder can."""


def open_container(address: str, threads: str) -> tuple[InputContainer, VideoStream]:
    """Open a video file or a live stream.

    Args:
        address: Of the file or the stream.
        threads: How its pictures are decoded: `THREADS`, or "NONE" for one after the other.

    Raises:
        InputError: There is none, or no video in it.
    """
    import av

    name, live = without_secrets(address), is_live(address)
    if not live and not Path(address).is_file():
        raise InputError(f"{name}: no such file; {EXPECTED}")
    options: dict[str, Any] = {"timeout": TIMEOUT} if live else {}
    if address.startswith("/dev/video"):
        options["format"] = "v4l2"
    elif address.startswith("rtsp"):
        # Over UDP, FFmpeg's default, a busy network shows as torn pictures.
        options["options"] = {"rtsp_transport": "tcp"}
    av.logging.set_level(None)
    try:
        container = av.open(address, **options)
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


def decodes_ahead(stream: VideoStream) -> bool:
    """Whether threads decode several pictures at once, not parts of one."""
    from av.codec.codec import Capabilities

    context = stream.codec_context
    return context.thread_count != 1 and bool(context.codec.capabilities & Capabilities.frame_threads)


def reason_of(error: Exception) -> str:
    """One line on an error of FFmpeg."""
    text = str(getattr(error, "strerror", "") or error)
    return text.splitlines()[0] if text else type(error).__name__
