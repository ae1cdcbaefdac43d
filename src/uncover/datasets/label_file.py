"""A YOLO label file: a row `class xc yc w h` for each box of an image."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.faces.label_rows import COLUMNS, parse_label_rows
from uncover.text_files import read_text


@dataclass(frozen=True)
class LabelFile:
    """Boxes of one image.

    Attributes:
        boxes: float32 (n, 5): class id, xc yc w h as shares of the image, in the order of the file, each row once. Rows
            are compared in this precision, as upstream does.
        repeated: Rows that stood there again.
        polygons: Rows that were polygons, whose boxes are taken.
        problems: What is wrong with the other rows, or with the file: a line each.
    """

    boxes: NDArray[np.float32]
    repeated: int = 0
    polygons: int = 0
    problems: tuple[str, ...] = ()


def read_label_file(
    path: Path, known: Container[int] | None = None, keypoints: tuple[int, int] | None = None
) -> LabelFile:
    """Read a label file; what is wrong with it is told, not raised.

    Args:
        path: Label file; an image without one has no boxes.
        known: Class ids that may stand in it; None takes any.
        keypoints: Number of landmarks and values of each that may stand behind a box.
    """
    empty = np.zeros((0, COLUMNS), np.float32)
    try:
        rows = parse_label_rows(read_text(path), known, keypoints)
    except FileNotFoundError:
        if path.is_symlink():
            problem = f"{path}: links to a file that does not exist; mend or remove the link"
            return LabelFile(empty, problems=(problem,))
        return LabelFile(empty)
    except InputError:
        return LabelFile(empty, problems=(f"{path}: is no text; expected rows `class xc yc w h`",))
    unique = list(dict.fromkeys(map(tuple, rows.boxes.astype(np.float32).tolist())))
    boxes = np.array(unique, np.float32).reshape(-1, COLUMNS)
    problems = tuple(f"{path}, row {error.row}: {error}" for error in rows.errors)
    return LabelFile(boxes, len(rows.boxes) - len(unique), rows.polygons, problems)


def find_label(path: Path) -> Path:
    """A label file as it is spelt on disk: tools of Windows write `.TXT`."""
    if path.exists() or path.is_symlink():
        return path
    upper = path.with_suffix(path.suffix.upper())
    return upper if upper.exists() else path
