"""Addresses of files and live streams: what they are, what FFmpeg must be told, and what of them people may see."""

from __future__ import annotations

import re

LIVE = ("rtsp://", "rtsps://", "rtmp://", "http://", "https://", "udp://", "tcp://", "srt://")
"""What the address of a live stream begins with; and cameras have files in /dev."""

_CAMERA = re.compile(r"/dev/video\d*")
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Characters that end a line, or change what a terminal shows of others."""


def is_live(address: str) -> bool:
    """Whether something is watched as it happens, and no file."""
    return address.startswith(LIVE) or is_camera(address)


def is_camera(address: str) -> bool:
    """Whether it is a camera of this machine."""
    return _CAMERA.fullmatch(address) is not None


def printable(name: str) -> str:
    """A name as tables, terminals and JSON can take it.

    File systems allow what they cannot: bytes that are no UTF-8 (Python's surrogate escapes) and control characters.
    These become backslash escapes, such as `\\xe9` and `\\n`; all else stays.
    """
    known = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _BREAKS.sub(lambda found: repr(found[0])[1:-1], known)


def without_secrets(address: str) -> str:
    """Leave out of an address what may be a password: who logs in, and what follows a question mark or a hash.

    Args:
        address: Of a stream, such as `rtsp://nurse:secret@camera/1?key=2`; anything else comes back as it is.
    """
    scheme, mark, rest = address.partition("://")
    if not mark:
        return address
    place = re.split("[?#]", rest, maxsplit=1)[0]
    host, slash, path = place.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
