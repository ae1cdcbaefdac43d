"""A YOLO label file: a row `class xc yc w h` for each box of an image."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uncover.errors import InputError

COLUMNS = 5
EXPECTED = "expected class xc yc w h"
HIGHEST_CLASS = 2**24
"""Up to here float32, which class ids share with shares, holds every whole number."""


def read_label_file(path: Path, known: Container[int] | None = None) -> tuple[NDArray[np.float32], int]:
    """Boxes of one image.

    Args:
        path: Label file; an image without one has no boxes.
        known: Class ids that may stand in it; None takes any.

    Returns:
        float32 (n, 5): class id, xc yc w h as shares of the image, in the order of the file, each row once; and the
        number of rows that stood there again. Rows are compared in this precision, as upstream does.

    Raises:
        InputError: A row is no such box.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if path.is_symlink():
            raise InputError(f"{path}: links to a file that does not exist; mend or remove the link") from None
        return np.zeros((0, COLUMNS), np.float32), 0
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no text; expected rows `class xc yc w h`") from None
    rows = {number: line.split() for number, line in enumerate(text.splitlines(), start=1) if line.strip()}
    if not rows:
        return np.zeros((0, COLUMNS), np.float32), 0
    try:
        boxes = np.array(list(rows.values()), np.float64).reshape(-1, COLUMNS)
    except ValueError:
        boxes = None
    if boxes is None or len(boxes) != len(rows) or not (_are_classes(boxes, known) and _are_boxes(boxes)):
        for number, row in rows.items():
            _complain(f"{path}, row {number}", row, known)
    assert boxes is not None
    unique = list(dict.fromkeys(map(tuple, boxes.astype(np.float32).tolist())))
    return np.array(unique, np.float32).reshape(-1, COLUMNS), len(boxes) - len(unique)


def _are_classes(boxes: NDArray[np.float64], known: Container[int] | None) -> bool:
    ids = boxes[:, 0]
    if known is None:
        return bool(((ids >= 0) & (ids <= HIGHEST_CLASS) & (ids % 1 == 0)).all())
    return all(class_id in known for class_id in ids.tolist())


def _are_boxes(boxes: NDArray[np.float64]) -> bool:
    with np.errstate(over="ignore"):
        shares = boxes[:, 1:].astype(np.float32)  # the last digits of 1.0 may be lost on the way to a file
    return bool(((shares >= 0) & (shares <= 1)).all() and (shares[:, 2:] > 0).all())


def _complain(where: str, row: list[str], known: Container[int] | None) -> None:
    """Raise what is wrong with a row, if anything is."""
    if len(row) != COLUMNS:
        raise InputError(f"{where}: {len(row)} values; expected five: class xc yc w h")
    shown = f"'{' '.join(row)[:60]}'"
    try:
        values = np.array([row], np.float64)
    except ValueError:
        raise InputError(f"{where}: {shown} are no five numbers; {EXPECTED}") from None
    if not np.isfinite(values).all():
        raise InputError(f"{where}: {shown} has a value that is no finite number; {EXPECTED}")
    if not _are_classes(values, known):
        expected = "a whole number from 0 on" if known is None else "an id that data.yaml names"
        raise InputError(f"{where}: class {row[0]} is unknown; expected {expected}")
    if not _are_boxes(values):
        raise InputError(f"{where}: {shown} is no box; expected shares of the image from 0 to 1, sides above 0")
