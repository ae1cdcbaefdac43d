"""Files and folders that are named after their set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from uncover.errors import InputError


def by_set(paths: Sequence[Path], option: str) -> dict[str, Path]:
    """Paths by the name of their set: that of a folder, or of a file without its suffix.

    Args:
        paths: Such as `predictions/rgb10/val.parquet`, `missed/val.csv` or `datasets/val`.
        option: That gave them, for a message.

    Raises:
        InputError: A set stands twice.
    """
    named: dict[str, Path] = {}
    for path in paths:
        name = path.absolute().stem
        if name in named:
            raise InputError(f"{path}: {option} has the set {name} twice; expected each set once")
        named[name] = path
    return named
