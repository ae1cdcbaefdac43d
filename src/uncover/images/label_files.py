"""YOLO label files and the `data.yaml` that names their classes."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from uncover.errors import InputError

COLUMNS = 5


def read_data_yaml(folder: Path) -> dict[str, Any]:
    """Content of a data set's `data.yaml`.

    Returns:
        Its keys; `names` is a dict of class names by id, by rising id.

    Raises:
        InputError: It is missing, no YAML, or names no classes.
    """
    path = folder / "data.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file; expected a data set as `uncover labels` makes it") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no YAML ({' '.join(str(error).split())})") from None
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names or not all(isinstance(key, int) and key >= 0 for key in names):
        raise InputError(f"{path}: names no classes; expected `names:` with a name per class id")
    if len(set(map(str, names.values()))) < len(names):
        raise InputError(f"{path}: gives one name to two classes; expected a name of its own for each")
    return content | {"names": {key: str(names[key]) for key in sorted(names)}}


def read_label_file(path: Path, known: Container[int]) -> tuple[NDArray[np.float32], int]:
    """Boxes of one image.

    Args:
        path: Label file; an image without one has no boxes.
        known: Class ids that may stand in it.

    Returns:
        float32 (n, 5): class id, xc yc w h as shares of the image, in the order of the file, each row once; and the
        number of rows that stood there again.

    Raises:
        InputError: A row is no such box.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
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
    if boxes is None or len(boxes) != len(rows) or not _sound(boxes, known):
        for number, row in rows.items():
            _complain(f"{path}, row {number}", row, known)
    assert boxes is not None
    unique = list(dict.fromkeys(map(tuple, boxes.astype(np.float32).tolist())))
    return np.array(unique, np.float32).reshape(-1, COLUMNS), len(boxes) - len(unique)


def _sound(boxes: NDArray[np.float64], known: Container[int]) -> bool:
    shares = boxes[:, 1:].astype(np.float32)  # the last digits of 1.0 may be lost on the way to a file
    inside = bool(((shares >= 0) & (shares <= 1)).all() and (shares[:, 2:] > 0).all())
    return inside and all(class_id in known for class_id in boxes[:, 0].tolist())


def _complain(where: str, row: list[str], known: Container[int]) -> None:
    """Raise what is wrong with a row, if anything is."""
    if len(row) != COLUMNS:
        raise InputError(f"{where}: {len(row)} values; expected five: class xc yc w h")
    try:
        values = [float(value) for value in row]
    except ValueError:
        raise InputError(f"{where}: {' '.join(row)!r} are no five numbers; expected class xc yc w h") from None
    if not np.isfinite(values).all():
        raise InputError(f"{where}: {' '.join(row)!r} has a value that is no finite number; mend or remove the row")
    if values[0] not in known:
        raise InputError(f"{where}: class {row[0]} is unknown; expected an id that data.yaml names")
    if not _sound(np.array([values]), known):
        raise InputError(
            f"{where}: {' '.join(row[1:])!r} is no box; expected shares of the image from 0 to 1, sides above 0"
        )
