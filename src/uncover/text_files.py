"""Read text files as editors save them: Windows Notepad writes a byte-order mark, or UTF-16."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from uncover.errors import InputError

_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # starts with the mark of UTF-16, so it is tested first
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def encoding_of(path: Path) -> str:
    """Python's name of a file's encoding, from its byte-order mark; UTF-8 without a mark.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(4)
    return next((name for mark, name in MARKS.items() if start.startswith(mark)), "utf-8")


def read_text(path: Path, errors: str = "strict") -> str:
    """Text of a file, without its byte-order mark.

    Args:
        path: Path of the file.
        errors: How to handle bytes that cannot be decoded, as for `bytes.decode`.

    Raises:
        InputError: The file is not text and `errors` is "strict".
        OSError: The file cannot be read.
    """
    try:
        return path.read_text(encoding=encoding_of(path), errors=errors)
    except UnicodeError:
        raise InputError(f"{path}: is not text; expected UTF-8 (or UTF-16 with a byte-order mark)") from None


def printable(name: str) -> str:
    """Escape a name so that tables, terminals and JSON can contain it.

    File systems permit bytes that are not UTF-8 (Python's surrogate escapes) and control characters. Both become
    backslash escapes, e.g. `\\xe9` and `\\n`; everything else is kept.
    """
    known = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _BREAKS.sub(lambda found: repr(found[0])[1:-1], known)
