"""Which files are images, by suffix: one list for every folder that is read."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from uncover.text_files import printable

logger = logging.getLogger(__name__)


ENDINGS = frozenset(
    {".apng", ".avif", ".avifs", ".bmp", ".dib", ".gif", ".heic", ".heics", ".heif", ".heifs", ".hif", ".j2c", ".j2k"}
    | {".jfif", ".jp2", ".jpe", ".jpeg", ".jpf", ".jpg", ".jpx", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif"}
    | {".tiff", ".webp"}
)
"""Suffixes of image files that are read, in lower case. The format itself is detected from the content."""

VIDEOS = frozenset(
    {".264", ".265", ".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".h264", ".h265", ".hevc", ".m2t"}
    | {".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mod", ".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mts"}
    | {".mxf", ".ogv", ".tod", ".ts", ".vob", ".webm", ".wmv"}
)
NOT_READ = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".dng", ".eps", ".erf", ".exr", ".hdr", ".jxl", ".kdc", ".mrw", ".nef", ".nrw"}
    | {".orf", ".pdf", ".pef", ".psd", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srw", ".svg", ".x3f", ".xcf"}
)
"""Suffixes of image formats that are not read."""

BESIDE = frozenset({".cache", ".csv", ".json", ".md", ".names", ".pts", ".txt", ".xml", ".yaml", ".yml"})
"""Suffixes of labels, lists and notes, which are expected beside images."""

RENDERED = "synthetic.json"
"""Marker file in folders of photos or videos that `uncover make_synthetic` rendered."""

LEVELS = 6
"""How many parent folders of a photo are searched."""


def are_rendered(paths: Iterable[Path]) -> bool:
    """Whether all files, or their link targets, are in folders that `uncover make_synthetic` made."""
    folders = {path.resolve().parent for path in paths}
    return bool(folders) and all(
        any((above / RENDERED).is_file() for above in (folder, *folder.parents)[:LEVELS]) for folder in folders
    )


def is_image(path: Path) -> bool:
    """Whether a file has the suffix of an image, in upper or lower case."""
    return path.suffix.lower() in ENDINGS


def find_images(folder: Path) -> tuple[list[Path], list[Path]]:
    """Files at any depth of a folder, sorted by their relative path; hidden files and folders are skipped.

    Returns:
        Images, and all other files.
    """
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in names if not name.startswith(".")]
    found.sort(key=lambda path: path.relative_to(folder).as_posix())
    return [path for path in found if is_image(path)], [path for path in found if not is_image(path)]


def kinds(paths: Iterable[Path]) -> str:
    """Number of files by suffix, most frequent first, e.g. "3 .pdf, 1 without an ending"."""
    counts = Counter(path.suffix.lower() for path in paths)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {ending or 'without an ending'}" for ending, count in ordered)


def log_passed_over(
    where: object, others: Iterable[Path], what: str = "not images", beside: Collection[str] = BESIDE
) -> None:
    """Log how many files are skipped, of which kinds, and how to convert images that cannot be read.

    Args:
        where: Folder of the files.
        others: Skipped files.
        what: Description of the files.
        beside: Suffixes that are not worth a message.
    """
    missed = [path for path in others if path.suffix.lower() not in beside]
    if not missed:
        return
    pictures = [path for path in missed if path.suffix.lower() in NOT_READ]
    advice = f"; convert images in unsupported formats to JPEG or PNG: {kinds(pictures)}" if pictures else ""
    logger.info(
        f"note: {where}: skipped {len(missed)} files that are {what}: {kinds(missed)}"
        f" (such as {printable(missed[0].name)}){advice}"
    )


def log_first_of_several(pictures: Mapping[Path, int]) -> None:
    """Log which image files contain several images, of which only the first is read.

    Args:
        pictures: Number of images in each file.
    """
    several = {path: count for path, count in pictures.items() if count > 1}
    if several:
        path, count = next(iter(several.items()))
        example, passed_over = printable(str(path)), sum(several.values()) - len(several)
        logger.info(
            f"note: {len(several)} image files contain several images (such as {example}: {count}); only the first of"
            f" each is read, {passed_over} are skipped. To use all, convert them to a video"
            " (ffmpeg -i IN OUT.mp4) or save each image as a file"
        )
