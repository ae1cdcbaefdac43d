"""Write to a temporary name, then rename: nobody ever meets a half-written file or folder."""

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
"""Bytes of a file's name up to which a temporary name beside it may be longer."""


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it becomes `path`, on failure it disappears.

    The temporary name keeps the suffix of `path`, because many writers choose their format by it.

    Raises:
        InputError: `path` is a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file to write")
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
    """Yield an empty temporary folder beside `out`; on success it takes the place of `out`.

    Args:
        out: Folder to make.
        maker: Words of the command, such as "heatmaps export": it replaces only what it made itself.

    Raises:
        InputError: `check_replaceable` objects.
    """
    # A link to a folder on another disk stays a link; the folder behind it is replaced.
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
    """Wait until no other process that asked likewise is in a folder, and keep others out.

    The folder is locked (flock), so whoever is killed is out of it. Does nothing on disks that know no locks.

    Args:
        folder: Where the work is; made if need be, and removed if nothing is in it at the end.
        report: Told when there is somebody to wait for.
    """
    missing = [place for place in (folder, *folder.absolute().parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    file = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"{folder}: another process is at work there; waiting for its end")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            report(f"{folder}: this disk knows no locks; two processes at work there would spoil each other's files")
        yield
    finally:
        os.close(file)
        with suppress(OSError):  # there is something in it
            for place in missing:
                place.rmdir()


def check_writable(folder: Path) -> None:
    """Make sure that files may be written to a folder, which need not exist; long work asks before it begins.

    Raises:
        InputError: `folder` or what it would stand in is a file, or may not be written to.
    """
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not existing.is_dir():
        raise InputError(f"{existing}: is a file; give the name of a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"{existing}: may not be written to; give another folder, or change its permissions")


def check_new_file(path: Path) -> None:
    """Make sure that a file may be written; long work asks before it begins.

    Raises:
        InputError: `path` is a folder, a file of a folder that is written as a whole, or `check_writable` objects to
            the folder that it stands in.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file to write")
    if is_part(path):
        raise InputError(f"{path}: is of the folder that 'uncover {maker_of(path.parent)}' made; give another name")
    check_writable(path.parent)


def check_replaceable(out: Path, maker: str = "") -> None:
    """Make sure that a folder may be made or replaced by a command; long work asks before it begins.

    Raises:
        InputError: `out` is a file, a folder of another command, or one with content that a person put there.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; give the name of a folder to make")
    check_writable(out.parent)
    check_whole(out, maker)


def _name(path: Path, error: OSError) -> None:
    """Say what was being written where the system does not: a full disk names no file."""
    if error.filename is None and error.errno is not None:
        error.filename = str(path)


def _owner() -> str:
    return f"{platform.node()}-{os.getpid()}"


def _remove_leftovers(out: Path) -> None:
    """Remove what a killed process of this machine left beside `out`; others may still be at work."""
    for path in out.parent.glob(f".{glob.escape(out.name)}.{platform.node()}-*"):
        process = path.stem.rpartition("-")[2]
        if process.isdecimal() and path.suffix in (".tmp", ".old") and not is_alive(int(process)):
            if path.suffix == ".old" and not out.exists():
                # Killed between two renames: what was there before is all that there is.
                os.replace(path, out)
            else:
                shutil.rmtree(path, ignore_errors=True)
