"""The commands of heatmap sets as a user gives them."""

from __future__ import annotations

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
