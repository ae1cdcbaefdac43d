"""Lists of photos that may not stand in val or test, because they show faces that nobody annotated."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from uncover.console import say
from uncover.errors import InputError
from uncover.text_files import read_text


def read_exclusions(path: Path, photos: Collection[str]) -> frozenset[str]:
    """Photo ids, one a line; blank lines and what follows a `#` do not count.

    One list may serve several raw data sets, so ids that name no photo here are counted aloud but are no error.

    Args:
        path: The list.
        photos: Ids that there are.

    Raises:
        InputError: The file does not exist or is no text, or a line holds more than one id.
    """
    try:
        lines = read_text(path).splitlines()
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; expected a list of photo ids, one a line") from None
    ids = set()
    for number, line in enumerate(lines, start=1):
        fields = line.partition("#")[0].split()
        if len(fields) > 1:
            raise InputError(f"{path}, row {number}: '{line.strip()[:60]}': expected one photo id a line")
        ids.update(fields)
    unknown = sorted(ids.difference(photos))
    if unknown:
        say(f"note: {path}: {len(unknown)} of {len(ids)} ids name no photo here, such as {unknown[0]}")
    return frozenset(ids)
