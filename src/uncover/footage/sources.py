"""What somebody points to: videos, live streams, images, folders and patterns of them."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from uncover.errors import InputError
from uncover.footage.decode import LIVE

VIDEOS = frozenset(
    {".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts"}
    | {".vob", ".webm", ".wmv"}
)
IMAGES = frozenset({".bmp", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"})
EXPECTED = "expected a video, an image, a folder or a pattern of them, rtsp://..., or the number of a camera"


@dataclass(frozen=True)
class Sources:
    """What there is to look at.

    Attributes:
        videos: Addresses of videos and live streams, by the name under which results know them.
        images: Image files, likewise.
        others: Files of folders that are neither.
    """

    videos: dict[str, str]
    images: dict[str, Path]
    others: tuple[Path, ...] = ()


def find_sources(given: Sequence[str]) -> Sources:
    """Find videos and images.

    Args:
        given: Files, folders (which are searched at any depth), patterns such as `ward/*.mp4`, addresses of streams, or
            numbers of cameras.

    Raises:
        InputError: One of them is none, or there is nothing to look at.
    """
    files: list[Path] = []
    others: list[Path] = []
    live: list[str] = []
    for word in given:
        if word.isdecimal():
            live.append(f"/dev/video{word}")
        elif word.startswith(LIVE):
            live.append(word)
        else:
            found, rest = _files_of(word)
            files += found
            others += rest
    unique = list(dict.fromkeys(files))
    named = _named(unique)
    videos = {name: str(path) for name, path in named.items() if path.suffix.lower() in VIDEOS}
    images = {name: path for name, path in named.items() if path.suffix.lower() in IMAGES}
    for address in live:
        videos[_name_of_stream(address)] = address
    if not videos and not images:
        raise InputError(f"{' '.join(given)}: holds no video and no image; {EXPECTED}")
    return Sources(videos, images, tuple(others))


def _files_of(word: str) -> tuple[list[Path], list[Path]]:
    """Files that a word stands for, and others of its folder."""
    path = Path(word)
    if path.is_dir():
        inside = sorted(each for each in path.rglob("*") if each.is_file() and not _is_hidden(each, path))
        return [each for each in inside if _may_be(each)], [each for each in inside if not _may_be(each)]
    if path.is_file():
        if not _may_be(path):
            raise InputError(f"{word}: ends in '{path.suffix}'; {EXPECTED}")
        return [path], []
    matching = sorted(Path(each) for each in glob.glob(word, recursive=True) if Path(each).is_file())
    if not matching:
        raise InputError(f"{word}: no such file or folder; {EXPECTED}")
    return [each for each in matching if _may_be(each)], [each for each in matching if not _may_be(each)]


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _may_be(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS | IMAGES


def _named(paths: Iterable[Path]) -> dict[str, Path]:
    """Files by name; those of one name also by as many of their folders as tell them apart."""
    paths = list(paths)
    depth, longest = 1, max((len(path.absolute().parts) for path in paths), default=1)
    names = {path: path.name for path in paths}
    while len(set(names.values())) < len(paths) and depth < longest:
        depth += 1
        taken = list(names.values())
        names = {
            path: name if taken.count(name) == 1 else "/".join(path.absolute().parts[-depth:])
            for path, name in names.items()
        }
    return {name: path for path, name in names.items()}


def _name_of_stream(address: str) -> str:
    """Without what may be a password."""
    scheme, _, rest = address.rpartition("://")
    place = rest.rpartition("@")[2].partition("?")[0]
    return f"{scheme}://{place}" if scheme else place
