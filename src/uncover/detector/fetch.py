"""A third party's file, from disk or from the net."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from pathlib import Path

from uncover.console import say
from uncover.errors import InputError

TIMEOUT = 30.0
"""Seconds without an answer."""


def read_or_fetch(place: str, url: str | None = None) -> tuple[bytes, str]:
    """Read a file into memory; nothing fetched is written to disk.

    Args:
        place: A file, or an address that begins with https:// or http://.
        url: Address to fetch from where `place` is no file.

    Returns:
        The content, and where it came from.

    Raises:
        InputError: There is no such file and nothing can be fetched.
    """
    if not is_address(place):
        path = Path(place)
        if path.exists() or url is None:
            return _read(path), place
        place = url
    if not is_address(place):
        raise InputError(f"{place}: is no address; expected one that begins with https://")
    return _fetch(place), place


def is_address(place: str) -> bool:
    """Whether this is an address to fetch from, and no path."""
    return place.startswith(("https://", "http://"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; put the file there, or say with --url where to fetch it") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; expected a file") from None


def _fetch(url: str) -> bytes:
    say(f"fetching {url}")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            return answer.read()
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise InputError(
            f"{url}: cannot be fetched ({reason}); without a network, copy the file to this machine and give its path"
            " (in a config: weights.<network>.path)"
        ) from None
