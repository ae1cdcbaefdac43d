"""Find videos, live streams and images by file, folder, pattern or address, and name them without passwords."""

from __future__ import annotations

import glob
import itertools
import re
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from uncover.errors import InputError
from uncover.image_files import ENDINGS, VIDEOS
from uncover.text_files import printable

PLAYLISTS = frozenset({".m3u8"})
"""Playlists: processed as one video if named explicitly; in folders, their parts are used instead."""
EXPECTED = "expected a video, an image, a folder, a pattern such as ward/*.mp4, rtsp://..., or the number of a camera"


LIVE = ("rtsp://", "rtsps://", "rtmp://", "http://", "https://", "udp://", "tcp://", "srt://")
"""Prefixes of addresses of live streams; cameras of this machine are files in /dev."""

_CAMERA = re.compile(r"/dev/video\d*")


@dataclass(frozen=True)
class Sources:
    """Videos and images to process.

    Attributes:
        videos: Paths of videos and addresses of live streams, by their (`printable`) name in the results.
        images: Image files, by their name in the results.
        others: Files in folders that are neither.
    """

    videos: dict[str, str]
    images: dict[str, Path]
    others: tuple[Path, ...] = ()

    def given(self) -> dict[str, str]:
        """Path of each source, by name; empty for a stream, whose address may contain a password."""
        files = {name: Path(address) for name, address in self.videos.items() if Path(address).exists()} | self.images
        return dict.fromkeys(self.videos, "") | {name: printable(str(path.resolve())) for name, path in files.items()}


def find_sources(given: Sequence[str]) -> Sources:
    """Find videos and images.

    Args:
        given: Files, folders (searched recursively), patterns such as `ward/*.mp4`, addresses of streams, or numbers of
            cameras.

    Raises:
        InputError: One of them does not exist or has an unknown suffix, or there is neither a video nor an image.
    """
    files: list[Path] = []
    others: list[Path] = []
    live: list[str] = []
    for word in given:
        # An existing file is used as a file whatever its name, except cameras, which are files too.
        if is_live(word) and (is_camera(word) or not Path(word).exists()):
            live.append(word)
        elif word.isdecimal() and not Path(word).exists():
            live.append(f"/dev/video{int(word)}")
        else:
            found = _files_of(word)
            listed = found if Path(word).is_file() else [path for path in found if _may_be(path)]
            files += listed
            others += [path for path in found if path not in listed]
    named = _named(_each_once(files))
    videos = {name: str(path) for name, path in named.items() if path.suffix.lower() in VIDEOS | PLAYLISTS}
    images = {name: path for name, path in named.items() if path.suffix.lower() in ENDINGS}
    for address in dict.fromkeys(live):
        videos[_name_of_stream(address, videos)] = address
    if not videos and not images:
        raise InputError(f"{printable(' '.join(given))}: contains no video and no image; {EXPECTED}")
    return Sources(videos, images, tuple(_each_once(others)))


def _files_of(word: str) -> list[Path]:
    """Files for an argument; for a folder or a pattern, files of any type."""
    path = Path(word)
    if path.is_dir():
        return _files_in(path)
    if path.is_file():
        if not (_may_be(path) or path.suffix.lower() in PLAYLISTS):
            raise InputError(f"{printable(word)}: unknown suffix '{printable(path.suffix)}'; {EXPECTED}")
        return [path]
    # Brackets in the name of an existing folder are not a pattern.
    folder = next(each for each in (*path.parents, Path()) if each.is_dir())
    pattern = str(path.relative_to(folder))
    matching = [folder / each for each in sorted(glob.glob(pattern, root_dir=folder, recursive=True))]
    if not matching:
        raise InputError(f"{printable(word)}: no such file or folder; {EXPECTED}")
    return [file for each in matching for file in (_files_in(each) if each.is_dir() else [each])]


def _files_in(folder: Path) -> list[Path]:
    return sorted(each for each in folder.rglob("*") if each.is_file() and not _is_hidden(each, folder))


def videos_in(folder: Path) -> list[Path]:
    """Video files in a folder, recursively, sorted.

    Raises:
        InputError: The folder contains none.
    """
    found = [path for path in _files_in(folder) if path.suffix.lower() in VIDEOS]
    if not found:
        raise InputError(f"{printable(str(folder))}: contains no video; expected files such as .mp4, .mkv or .ts")
    return found


def _each_once(paths: Iterable[Path]) -> list[Path]:
    """Files without duplicates: paths that resolve to the same file are one."""
    once: dict[Path, Path] = {}
    for path in paths:
        once.setdefault(path.resolve(), path)
    return list(once.values())


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _may_be(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS | ENDINGS


def _named(paths: Sequence[Path]) -> dict[str, Path]:
    """Files by name; equal names are preceded by as many parent folders as needed to distinguish them."""
    folders = {path: (*path.parent.resolve().parts[1:], path.name) for path in paths}
    names = {path: printable(path.name) for path in paths}
    for depth in range(2, max(map(len, folders.values()), default=0) + 1):
        taken = Counter(names.values())
        if len(taken) == len(paths):
            break
        names = {
            path: name if taken[name] == 1 else printable("/".join(folders[path][-depth:]))
            for path, name in names.items()
        }
    named: dict[str, Path] = {}
    for path, name in names.items():
        # Two names may become equal when unprintable characters are escaped.
        named[_numbered(name, named)] = path
    return named


def _name_of_stream(address: str, taken: Container[str]) -> str:
    """Name of a stream without passwords or folder; numbered if it is not unique."""
    name = printable(without_secrets(address)).removeprefix("/dev/")
    return _numbered(name, taken)


def _numbered(name: str, taken: Container[str]) -> str:
    numbered = (f"{name} ({number})" for number in itertools.count(2))
    return next(each for each in itertools.chain([name], numbered) if each not in taken)


def is_live(address: str) -> bool:
    """Whether an address is that of a live stream or camera instead of a file."""
    return address.startswith(LIVE) or is_camera(address)


def is_camera(address: str) -> bool:
    """Whether an address is that of a camera of this machine."""
    return _CAMERA.fullmatch(address) is not None


def without_secrets(address: str) -> str:
    """Remove parts of an address that may be a password: the user, the query and the fragment.

    Args:
        address: Address of a stream, such as `rtsp://nurse:secret@camera/1?key=2`; other values are returned unchanged.
    """
    scheme, mark, rest = address.partition("://")
    if not mark:
        return address
    place = re.split("[?#]", rest, maxsplit=1)[0]
    host, slash, path = place.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
