"""Fingerprints of raw data, which decide whether jobs rerun, and frozen copies of the code."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from uncover.atomic import new_folder

ABSENT = "absent"


def folder_fingerprint(folder: Path, sizes: bool = True) -> str:
    """Digest of the names and sizes of all files below a folder, or "absent".

    Contents are not read, because raw data is large, nor times, because a copy has different ones: an edit that keeps a
    file's size is not detected (force a rerun with `snakemake --forcerun read_faces`).

    Args:
        folder: Folder of raw data.
        sizes: Include sizes. Names alone are faster to read, but edits that keep names are not detected.
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


PARTS = ("workflow", "config", "src", "envs")
"""Folders of the checkout that determine a run."""

LEFT_OUT = ("__pycache__", "*.egg-info")


def freeze(checkout: Path, folder: Path) -> Path:
    """Copy the code, unless a copy of the same state exists.

    Files of the copy are read-only; folders are writable, so that results can be removed.

    Args:
        checkout: Folder that contains `workflow/`.
        folder: Folder of all copies.

    Returns:
        The copy's folder, named by a digest of all its files.
    """
    copy = folder / code_state(checkout)
    if not copy.is_dir():
        with new_folder(copy) as temporary:
            for name in PARTS:
                shutil.copytree(checkout / name, temporary / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
            for path in temporary.rglob("*"):
                if path.is_file():
                    path.chmod(path.stat().st_mode & ~0o222)
    return copy


def code_state(checkout: Path) -> str:
    """Digest of all files of the checkout that determine a run, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(_files_of_checkout(checkout)):
        digest.update(f"{path.relative_to(checkout)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _files_of_checkout(checkout: Path) -> Iterator[Path]:
    for name in PARTS:
        for path in (checkout / name).rglob("*"):
            parts = path.relative_to(checkout).parts
            if path.is_file() and not any(part == "__pycache__" or part.endswith(".egg-info") for part in parts):
                yield path
