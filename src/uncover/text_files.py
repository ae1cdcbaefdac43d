"""Text as editors save it: Windows Notepad begins a file with a byte-order mark, or writes UTF-16."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from uncover.errors import InputError

_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins as UTF-16's does, so it comes first
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def encoding_of(path: Path) -> str:
    """Python's name of a file's encoding, by the mark that it begins with; UTF-8 where there is none.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(4)
    return next((name for mark, name in MARKS.items() if start.startswith(mark)), "utf-8")


def read_text(path: Path, errors: str = "strict") -> str:
    """Text of a file, without a byte-order mark.

    Args:
        path: Of the file.
        errors: What to do with bytes that are no text, as `bytes.decode` has it.

    Raises:
        InputError: It is no text, and `errors` is strict.
        OSError: It cannot be read.
    """
    try:
        return path.read_text(encoding=encoding_of(path), errors=errors)
    except UnicodeError:
        raise InputError(f"{path}: is not text; expected UTF-8 (or UTF-16 with a byte-order mark)") from None


def printable(name: str) -> str:
    """A name as tables, terminals and JSON can take it.

    File systems allow what they cannot: bytes that are no UTF-8 (Python's surrogate escapes) and control characters.
    These become backslash escapes, such as `\\xe9` and `\\n`; all else stays.
    """
    known = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _BREAKS.sub(lambda found: repr(found[0])[1:-1], known)
