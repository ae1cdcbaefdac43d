"""Write to a temporary name, then rename, so that a half-written file or folder never has its final name."""

from __future__ import annotations

import fcntl
import glob
import hashlib
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from uncover.errors import InputError
from uncover.owner import check_whole, is_part, maker_of, mark
from uncover.process import is_alive

LONGEST_NAME = 230
"""Largest name of a file, in bytes, that leaves room for the longer temporary name beside it."""


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`. On success it is renamed to `path`, on failure it is removed.

    The temporary name keeps the suffix of `path`, because many writers choose the format by suffix.

    Raises:
        InputError: `path` is a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the path of a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    # File systems take 255 bytes.
    long = len(os.fsencode(path.name)) > LONGEST_NAME
    stem = hashlib.sha256(os.fsencode(path.stem)).hexdigest()[:16] if long else path.stem
    temporary = path.with_name(f".{stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        _name(path, error)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(out: Path, maker: str = "") -> Iterator[Path]:
    """Yield an empty temporary folder beside `out`. On success it replaces `out`.

    Args:
        out: Folder to create.
        maker: Words of the command, e.g. "heatmaps export". Only a folder made by the same command is replaced.

    Raises:
        InputError: `out` must not be replaced (see `check_replaceable`).
    """
    # A symbolic link to a folder on another disk is kept; its target is replaced.
    out = Path(os.path.realpath(out))
    check_replaceable(out, maker)
    out.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(out)
    temporary = out.with_name(f".{out.name}.{_owner()}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        mark(temporary, maker)
        if out.exists():
            retired = temporary.with_suffix(".old")
            os.replace(out, retired)
            os.replace(temporary, out)
            shutil.rmtree(retired)
        else:
            os.replace(temporary, out)
    except OSError as error:
        _name(out, error)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def alone_in(folder: Path, report: Callable[[str], None]) -> Iterator[None]:
    """Wait until no other process holds the lock of a folder, then hold it.

    The lock (flock) is released when the process ends, even if it is killed. Without file-system locks it only reports.

    Args:
        folder: Folder to lock. It is created if needed, and removed if it is empty at the end.
        report: Called with a message before waiting, or if the file system does not support locks.
    """
    missing = [place for place in (folder, *folder.absolute().parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    file = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"{folder}: another process is writing to this folder; waiting until it ends")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            report(f"{folder}: this file system has no locks; do not run two processes in this folder at once")
        yield
    finally:
        os.close(file)
        with suppress(OSError):  # not empty
            for place in missing:
                place.rmdir()


def check_writable(folder: Path) -> None:
    """Check that files can be written to a folder, which need not exist. Call it before long work.

    Raises:
        InputError: `folder` or one of its parents is a file or is not writable.
    """
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not existing.is_dir():
        raise InputError(f"{existing}: is a file; give the path of a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"{existing}: is not writable; give another folder or change its permissions")


def check_new_file(path: Path) -> None:
    """Check that a file can be written. Call it before long work.

    Raises:
        InputError: `path` is a folder or belongs to a folder that a command writes as a whole, or its folder is not
            writable (see `check_writable`).
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the path of a file")
    if is_part(path):
        raise InputError(f"{path}: is in a folder made by 'uncover {maker_of(path.parent)}'; give another path")
    check_writable(path.parent)


def check_replaceable(out: Path, maker: str = "") -> None:
    """Check that a command may create or replace a folder. Call it before long work.

    Raises:
        InputError: `out` is a file, was made by another command, or has content that a user added.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; give the path of a folder to create")
    check_writable(out.parent)
    check_whole(out, maker)


def _name(path: Path, error: OSError) -> None:
    """Add the path to an error that lacks one: the error of a full disk names no file."""
    if error.filename is None and error.errno is not None:
        error.filename = str(path)


def _owner() -> str:
    return f"{platform.node()}-{os.getpid()}"


def _remove_leftovers(out: Path) -> None:
    """Remove what killed processes of this machine wrote beside `out`; other processes may still be running."""
    for path in out.parent.glob(f".{glob.escape(out.name)}.{platform.node()}-*"):
        process = path.stem.rpartition("-")[2]
        if process.isdecimal() and path.suffix in (".tmp", ".old") and not is_alive(int(process)):
            if path.suffix == ".old" and not out.exists():
                # Killed between two renames: restore the earlier version.
                os.replace(path, out)
            else:
                shutil.rmtree(path, ignore_errors=True)
