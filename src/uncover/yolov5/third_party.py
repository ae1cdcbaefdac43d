"""Third-party files: where they come from, whether they may be opened, and what their content is."""

from __future__ import annotations

import hashlib
import http.client
import logging
import math
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import BinaryIO

from uncover.errors import InputError
from uncover.progress import track

logger = logging.getLogger(__name__)

TIMEOUT = 30.0
"""Timeout of a download in seconds."""
WHOLE = "pass the checkpoint that its training wrote, such as best.pt"
ONNX = f"is an ONNX model without training checkpoint; {WHOLE}"
HEAD = 512
"""Number of bytes that identify a format."""
SHORTEST_TEXT = 4
BEGINNINGS = {
    b"version https://git-lfs": "is a Git LFS pointer, not the file itself; fetch it with: git lfs pull",
    b"\x89HDF\r\n": f"is an HDF5 file, as written by Keras; {WHOLE}",
    b"\x93NUMPY": f"is a NumPy array; {WHOLE}",
    b"GGUF": f"is a GGUF file; {WHOLE}",
    b"\x1f\x8b": "is compressed with gzip; unpack it first (gunzip)",
    b"BZh": "is compressed with bzip2; unpack it first (bunzip2)",
    b"\xfd7zXZ": "is compressed with xz; unpack it first (unxz)",
    b"7z\xbc\xaf": "is a 7z archive; unpack it first",
    b"Rar!": "is a RAR archive; unpack it first",
    b"\x89PNG": "is an image; expected weights",
    b"\xff\xd8\xff": "is an image; expected weights",
}
WEB_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml")
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""First bytes of files of torch before 1.6: a pickled number."""
PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in (2, 3, 4, 5))


def check_content(content: bytes, name: str, sha256: str | None) -> str:
    """Check the sha256 of a file and return it.

    Raises:
        InputError: No hash is stated, or the hash differs.
    """
    check_trusted(name, sha256)
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise InputError(f"{name}: not opened, because its sha256 is {digest}; expected {sha256}")
    return digest


def check_trusted(name: str, sha256: str | None) -> None:
    """Check that the expected hash of a file is stated.

    Raises:
        InputError: It is not.
    """
    if sha256 is None:
        raise InputError(
            f"{name}: not opened, because its expected sha256 is not stated; compute it (sha256sum FILE) for a file"
            " that you trust and pass it with --sha256, or set it in the config under weights"
        )


def read_or_fetch(place: str, url: str | None = None) -> tuple[bytes, str]:
    """Read a file into memory; a download is not written to disk.

    Args:
        place: A file, or an address that starts with https:// or http://.
        url: Address to download from if `place` is not a file.

    Returns:
        The content, and where it came from.

    Raises:
        InputError: There is no such file, and it cannot be downloaded.
    """
    if not is_address(place):
        path = Path(place)
        if path.exists() or url is None:
            return _read(path), place
        place = url
    if not is_address(place):
        raise InputError(f"{place}: not an address; expected one that starts with https://")
    return _fetch(place), place


def is_address(place: str) -> bool:
    """Whether this is an address to download from, and not a path."""
    return place.startswith(("https://", "http://"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; put the file there, or pass its address with --url") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; expected a file") from None


BLOCK = 1_000_000
"""Bytes that are read at a time."""


def _fetch(url: str) -> bytes:
    logger.info(f"downloading {url}")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            size = answer.length
            blocks = None if size is None else math.ceil(size / BLOCK)
            content = b"".join(track(iter(lambda: answer.read(BLOCK), b""), "downloading, MB", blocks))
            if size is not None and len(content) < size:
                raise http.client.IncompleteRead(content, size - len(content))
            return content
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise InputError(
            f"{url}: download failed ({reason}); without a network, copy the file to this machine and pass its path"
            " (in a config: weights.<network>.path)"
        ) from None


def name_foreign(file: BinaryIO) -> str | None:
    """What a file is, judged by its content, and what to do; None if torch may have written it or it is unknown.

    Args:
        file: File open for reading; its position changes.
    """
    file.seek(0)
    head = file.read(HEAD)
    if not head:
        return "is empty; copy it again"
    for beginning, what in BEGINNINGS.items():
        if head.startswith(beginning):
            return what
    if head.lstrip().lower().startswith(WEB_PAGES):
        return "is a web page or XML, probably from a failed download; download the file again"
    if head[:2] == b"PK":
        return _name_archive(file)
    if head.startswith(PICKLES) and not head.startswith(LEGACY):
        return f"is a Python pickle not written by torch; not opened, because it may run code; {WHOLE}"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 30:
        return f"is a safetensors file, which lacks the network's description and classes; {WHOLE}"
    if head[4:8] in (b"TFL3", b"TFL2"):
        return f"is a TensorFlow Lite model; {WHOLE}"
    if head[257:262] == b"ustar":
        return "is a tar archive; unpack it first"
    if is_onnx(head):
        return ONNX
    text = " ".join(head.decode("utf-8", "replace").split())
    if len(head) >= SHORTEST_TEXT and text.isprintable() and "\ufffd" not in text[:-1]:
        return f"is text ('{text[:60]}'), not weights; if it was downloaded, download it again"
    return None


def is_onnx(head: bytes) -> bool:
    """Whether a file with these first bytes is ONNX: a protocol buffer whose first field is a small version."""
    return len(head) > 2 and head[0] == 8 and 0 < head[1] < 32 and head[2] in (0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42)


def _name_archive(file: BinaryIO) -> str | None:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return None
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        return f"is an exported TorchScript program; {WHOLE}"
    if any(name.endswith("/data.pkl") for name in names):
        return None
    if any(name.endswith(("serialized_exported_program.json", "archive_format")) for name in names):
        return f"is an exported program of torch.export; {WHOLE}"
    if names and all(name.endswith(".npy") for name in names):
        return f"is an archive of NumPy arrays; {WHOLE}"
    if any(name.endswith(".weights.h5") for name in names):
        return f"is a Keras model; {WHOLE}"
    inside = next((name for name in names if name.endswith(".pt")), None)
    return "is a ZIP archive not written by torch; unpack it first" + (f" and pass {inside}" if inside else "")
