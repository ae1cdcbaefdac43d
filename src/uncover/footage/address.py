"""Addresses of live streams: what they are, and what of them people may see."""

from __future__ import annotations

import re

LIVE = ("rtsp://", "rtsps://", "rtmp://", "http://", "https://", "udp://", "tcp://", "srt://", "/dev/video")
"""What the address of a live stream begins with."""


def is_live(address: str) -> bool:
    """Whether something is watched as it happens, and no file."""
    return address.startswith(LIVE)


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
