"""Image files that somebody points to, by the names under which results know them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from uncover.datasets.yolo import IMAGES
from uncover.errors import InputError
from uncover.images.reading import list_images

READERS = 4
"""Files that are read at a time."""


def named_images(given: Sequence[Path]) -> dict[str, Path]:
    """Image files by name: their path below their folder, or their bare name.

    Args:
        given: A data set (a folder with images/), a folder of images, or image files.

    Raises:
        InputError: There is none, a folder stands among files, or two files have one name.
    """
    if len(given) == 1 and not given[0].is_file():
        folder = images_folder(given[0])
        return {path.relative_to(folder).as_posix(): path for path in list_images(folder)}
    named: dict[str, Path] = {}
    for path in given:
        if path.is_dir():
            raise InputError(f"{path}: is a folder among {len(given)} images; expected one folder, or files only")
        if path.name in named:
            raise InputError(f"{path}: has the name of {named[path.name]}, and results know images by name")
        named[path.name] = path
    return named


def images_folder(folder: Path) -> Path:
    """Where the images of a data set stand, or of a folder that holds nothing else."""
    return folder / IMAGES if (folder / IMAGES).is_dir() else folder


def check_apart(given: Sequence[Path], out: Path) -> None:
    """Make sure that what is written to a folder is not taken for one of the images the next time.

    Args:
        given: As for `named_images`.
        out: Folder to write to.

    Raises:
        InputError: It stands among the images.
    """
    for folder in (images_folder(path).resolve() for path in given if path.is_dir()):
        if out.resolve().is_relative_to(folder):
            raise InputError(f"{out}: stands among the images in {folder}; give a folder elsewhere")


def hash_files(paths: Iterable[Path]) -> set[str]:
    """sha256 of files, by which photos are told apart whatever their names."""
    with ThreadPoolExecutor(READERS) as pool:
        return set(pool.map(hash_file, paths))


def hash_file(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
