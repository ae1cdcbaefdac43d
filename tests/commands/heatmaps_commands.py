"""The commands of heatmap sets as a user gives them."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from detector_commands import CPU

if TYPE_CHECKING:
    from detector_commands import Good

FINE = "fine=hirescam:17,20,23:T1"
# The detector of these tests is not sure of anything.
WISHES = ("--method", "gradcampp", "--variant", FINE, "--confidence", 0.005, "--batch", 2, *CPU)
VARIANTS = ("gradcampp", "fine")


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def words(good: Good, images: Path, out: Path, *more: object) -> list[object]:
    """A command line that makes heatmaps."""
    return [images, out, "--weights", good.weights, *WISHES, *more]


@contextmanager
def full_disk(longest: int) -> Iterator[None]:
    """Files end after so many bytes and writing more fails: a full disk, but for the system's words."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (longest, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
