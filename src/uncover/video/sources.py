"""Find videos, live streams and images from files, folders, patterns and addresses; and names without secrets."""

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
"""Playlists, played as one video if given by name; in folders, their parts count."""
EXPECTED = "expected a video, an image, a folder or a pattern of them, rtsp://..., or the number of a camera"


LIVE = ("rtsp://", "rtsps://", "rtmp://", "http://", "https://", "udp://", "tcp://", "srt://")
"""Prefixes of live stream addresses; cameras are files in /dev."""

_CAMERA = re.compile(r"/dev/video\d*")


@dataclass(frozen=True)
class Sources:
    """Videos and images to process.

    Attributes:
        videos: Addresses of videos and live streams, by name in the results (`printable`).
        images: Image files, by name in the results.
        others: Files in folders that are neither.
    """

    videos: dict[str, str]
    images: dict[str, Path]
    others: tuple[Path, ...] = ()

    def given(self) -> dict[str, str]:
        """Location of each source by name; empty for a stream, whose address may contain a password."""
        files = {name: Path(address) for name, address in self.videos.items() if Path(address).exists()} | self.images
        return dict.fromkeys(self.videos, "") | {name: printable(str(path.resolve())) for name, path in files.items()}


def find_sources(given: Sequence[str]) -> Sources:
    """Find videos and images.

    Args:
        given: Files, folders (searched recursively), patterns such as `ward/*.mp4`, addresses of streams, or numbers of
            cameras.

    Raises:
        InputError: A word is none of these, or there is no video and no image.
    """
    files: list[Path] = []
    others: list[Path] = []
    live: list[str] = []
    for word in given:
        # Files go first, whatever their names; but cameras are files, too.
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
        raise InputError(f"{printable(' '.join(given))}: no video and no image in it; {EXPECTED}")
    return Sources(videos, images, tuple(_each_once(others)))


def _files_of(word: str) -> list[Path]:
    """Files of a word; all files if it is a folder or a pattern."""
    path = Path(word)
    if path.is_dir():
        return _files_in(path)
    if path.is_file():
        if not (_may_be(path) or path.suffix.lower() in PLAYLISTS):
            raise InputError(f"{printable(word)}: unsupported suffix '{printable(path.suffix)}'; {EXPECTED}")
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
    """Video files of a folder, searched recursively, sorted.

    Raises:
        InputError: There is none.
    """
    found = [path for path in _files_in(folder) if path.suffix.lower() in VIDEOS]
    if not found:
        raise InputError(f"{printable(str(folder))}: no video in it; expected files such as .mp4, .mkv or .ts")
    return found


def _each_once(paths: Iterable[Path]) -> list[Path]:
    """Files without duplicates by other paths."""
    once: dict[Path, Path] = {}
    for path in paths:
        once.setdefault(path.resolve(), path)
    return list(once.values())


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _may_be(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS | ENDINGS


def _named(paths: Sequence[Path]) -> dict[str, Path]:
    """Files by name; files of the same name by as many of their folders as distinguish them."""
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
        # Two names may print alike if one of them has unprintable characters.
        named[_numbered(name, named)] = path
    return named


def _name_of_stream(address: str, taken: Container[str]) -> str:
    """Name without what may be a password, and different from folders; numbered if that was the only difference."""
    name = printable(without_secrets(address)).removeprefix("/dev/")
    return _numbered(name, taken)


def _numbered(name: str, taken: Container[str]) -> str:
    numbered = (f"{name} ({number})" for number in itertools.count(2))
    return next(each for each in itertools.chain([name], numbered) if each not in taken)


def is_live(address: str) -> bool:
    """Whether an address is a live stream or a camera, not a file."""
    return address.startswith(LIVE) or is_camera(address)


def is_camera(address: str) -> bool:
    """Whether an address is a camera of this machine."""
    return _CAMERA.fullmatch(address) is not None


def without_secrets(address: str) -> str:
    """Remove what may be a password from an address: user information, query and fragment.

    Args:
        address: Address of a stream, such as `rtsp://nurse:secret@camera/1?key=2`; others are returned unchanged.
    """
    scheme, mark, rest = address.partition("://")
    if not mark:
        return address
    place = re.split("[?#]", rest, maxsplit=1)[0]
    host, slash, path = place.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
