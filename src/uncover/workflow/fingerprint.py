"""What raw data looks like from outside: a change of it should rerun what reads it, a copy of it should not."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

ABSENT = "absent"


def folder_fingerprint(folder: Path, sizes: bool = True) -> str:
    """Digest of the names and sizes of all files below a folder, or "absent".

    Contents are not read, because raw data is large, nor times, because a copy has other ones: an edit that keeps a
    file's size goes unnoticed (force it with `snakemake --forcerun read_faces`).

    Args:
        folder: Of raw data.
        sizes: Without them no file is asked for more than its name, and an edit that keeps names goes unnoticed.
    """
    if not folder.is_dir():
        return ABSENT
    digest = hashlib.sha256()
    for name, size in sorted(_files(folder, "", sizes)):
        digest.update(f"{name}\t{size}\n".encode())
    return digest.hexdigest()[:16]


def _files(folder: str | Path, prefix: str, sizes: bool) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(entry.path, f"{prefix}{entry.name}/", sizes)
            else:
                yield prefix + entry.name, entry.stat().st_size if sizes else 0
