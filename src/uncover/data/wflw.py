"""WFLW: `WFLW_images/` and `list_98pt_rect_attr_{train,test}.txt` (Wu et al., Look at Boundary, CVPR 2018).

A row is 196 coordinates, a rectangle (4), six attributes of 0 or 1, and the photo's name. One row is one face;
a photo with k annotated faces has k rows. WFLW gives every point a position, but no visibility.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from uncover.data.faces import Face, Rejected, RowError, Visibility, find_photo
from uncover.errors import InputError
from uncover.text_files import encoding_of

POINTS = 98
RECT = ("x_min", "y_min", "x_max", "y_max")
ATTRIBUTES = ("large_pose", "expression", "illumination", "make_up", "occlusion", "blur")
FIELDS = 2 * POINTS + len(RECT) + len(ATTRIBUTES) + 1
LIST_NAME = "list_98pt_rect_attr_{part}.txt"


def find_lists(root: Path) -> dict[str, Path]:
    """List files below `root`, by official part.

    Raises:
        InputError: No list exists, or several of one part.
    """
    lists: dict[str, Path] = {}
    for part in ("train", "test"):
        name = LIST_NAME.format(part=part)
        found = sorted(path for path in root.rglob("*.[tT][xX][tT]") if path.name.lower() == name)
        if len(found) > 1:
            raise InputError(f"{root}: several {name} ({found[0]}, {found[1]}); expected one")
        if found:
            lists[part] = found[0]
    if not lists:
        raise InputError(
            f"{root}: no list_98pt_rect_attr_train.txt or list_98pt_rect_attr_test.txt below it; "
            "expected the official WFLW download (WFLW_annotations/ beside WFLW_images/)"
        )
    return lists


def read_wflw(root: Path, photos: Path | None = None) -> Iterator[Face | Rejected]:
    """Read every row of the official lists below `root`, train part first.

    Args:
        root: Folder of the official download.
        photos: Folder of the photos, if it is not `root`/WFLW_images.
    """
    folder = photos if photos is not None else root / "WFLW_images"
    for part, path in find_lists(root).items():
        annotation = path.relative_to(root).as_posix()
        with path.open(encoding=encoding_of(path), errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _read_row(line, number, annotation, part, folder)


def _read_row(line: str, number: int, annotation: str, part: str, folder: Path) -> Face | Rejected:
    try:
        landmarks, attributes, name = parse_row(line)
    except RowError as error:
        last = line.split()[-1]
        photo = last if last.lower().endswith((".jpg", ".jpeg", ".png")) else ""
        return Rejected(annotation, number, photo, "malformed_row", str(error))
    return Face(
        photo=name,
        image=find_photo(folder / name),
        landmarks=landmarks,
        visibility=np.full(POINTS, Visibility.VISIBLE, np.uint8),
        part=part,
        name=f"{part}_{number:05d}",
        annotation=annotation,
        row=number,
        attributes=attributes,
    )


def parse_row(line: str) -> tuple[np.ndarray, dict[str, str], str]:
    """Read one row of a list file.

    Returns:
        Landmarks float64 (98, 2) in pixels, the rectangle and attributes, and the photo's name.

    Raises:
        RowError: The number of fields is wrong, or a field has the wrong type.
    """
    fields = line.split()
    if len(fields) != FIELDS:
        raise RowError(
            0,
            f"{len(fields)} fields; expected {FIELDS} (196 coordinates, 4 for a rectangle, 6 attributes, a name)",
        )
    try:
        values = [float(value) for value in fields[: 2 * POINTS]]
        if not all(map(math.isfinite, values)):
            raise ValueError
    except ValueError:
        raise RowError(0, _first_bad_number(fields[: 2 * POINTS])) from None
    rest = dict(zip(RECT + ATTRIBUTES, fields[2 * POINTS : -1], strict=True))
    for key, value in rest.items():
        if key in ATTRIBUTES and value not in ("0", "1"):
            raise RowError(0, f"attribute {key} is '{value[:40]}'; expected 0 or 1")
        if key in RECT and not _is_integer(value):
            raise RowError(0, f"rectangle's {key} is '{value[:40]}'; expected a whole number of pixels")
    name = fields[-1]
    if name.startswith("/") or ".." in name.split("/"):
        raise RowError(0, f"photo '{name[:80]}' is not in WFLW_images; expected a name such as 0--Parade/a.jpg")
    return np.array(values).reshape(POINTS, 2), rest, name


def _is_integer(value: str) -> bool:
    try:
        return float(value).is_integer()
    except ValueError:
        return False


def _first_bad_number(fields: list[str]) -> str:
    for position, value in enumerate(fields, start=1):
        try:
            if math.isfinite(float(value)):
                continue
        except ValueError:
            pass
        return f"coordinate {position} is '{value[:40]}'; expected a finite number of pixels"
    raise AssertionError("called without a bad number")
