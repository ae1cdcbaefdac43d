"""300-W and related sets (HELEN, AFW, LFPW, iBUG): each photo has a `.pts` file of 68 points beside it, at any depth.

The format has no visibility: a negative number is a point outside the photo. The official part is given by a parent
folder named `trainset` or `testset`. A `.pts` file, which MERL-RAV uses too, has this form:

version: 1
n_points:  68
{
x y
...
}
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uncover.data.faces import PART_OF_FOLDER, Face, Rejected, RowError, Visibility, find_photo
from uncover.errors import InputError
from uncover.image_files import ENDINGS
from uncover.text_files import read_text

POINTS = 68

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", *sorted(ENDINGS - {".jpg", ".jpeg", ".png", ".bmp"}))


def parse_pts(text: str) -> NDArray[np.float64]:
    """Read the points of one `.pts` file.

    Returns:
        float64 (68, 2), the numbers as written (marks of occlusion are not interpreted).

    Raises:
        RowError: The file is empty or truncated, or a row is anything but two finite numbers.
    """
    head, opening, rest = text.partition("{")
    body, closing, _ = rest.partition("}")
    try:
        if not (opening and closing and _declared(head) == POINTS):
            raise ValueError
        values = [float(token) for token in body.split()]
        if len(values) != 2 * POINTS or not all(map(math.isfinite, values)):
            raise ValueError
        if body.count("\n") < POINTS:
            raise ValueError
    except ValueError:
        raise _diagnose(text) from None
    points = np.array(values).reshape(POINTS, 2)
    if any(len(line.split()) not in (0, 2) for line in body.splitlines()):
        raise _diagnose(text)
    return points


def _declared(head: str) -> int:
    for line in head.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "n_points":
            return int(value)
    return -1


def _diagnose(text: str) -> RowError:
    """Find the invalid row of a file. Separate from parsing, so that valid files are parsed quickly."""
    lines = text.splitlines()
    if not text.strip():
        return RowError(0, "is empty; expected a .pts file of 68 points")
    try:
        opening = next(number for number, line in enumerate(lines) if line.strip() == "{")
    except StopIteration:
        return RowError(0, "has no line '{'; expected a .pts file of 68 points")
    try:
        declared = _declared("\n".join(lines[:opening]))
    except ValueError:
        return RowError(2, "n_points is not a whole number; expected 'n_points: 68'")
    if declared != POINTS:
        found = "no n_points" if declared < 0 else f"n_points {declared}"
        return RowError(2, f"{found}; expected 'n_points: 68'")
    points = 0
    for number, line in enumerate(lines[opening + 1 :], start=opening + 2):
        if line.strip() == "}":
            break
        if not line.strip():
            continue
        fields = line.split()
        if len(fields) != 2:
            return RowError(number, f"{len(fields)} values; expected 2, x and y")
        for value in fields:
            try:
                finite = math.isfinite(float(value))
            except ValueError:
                finite = False
            if not finite:
                return RowError(number, f"'{value[:40]}' is not a finite number; expected x and y in pixels")
        points += 1
    else:
        return RowError(0, f"ends after {points} points without '}}'; the file is truncated")
    return RowError(0, f"{points} points; expected 68")


def read_300w(root: Path, photos: Path | None = None) -> Iterator[Face | Rejected]:
    """Read every `.pts` file below `root`, by path.

    Args:
        root: Folder to search.
        photos: Folder of the photos with the same structure as `root`, if they are not beside the labels.

    Raises:
        InputError: There is no `.pts` file.
    """
    paths = sorted(root.rglob("*.[pP][tT][sS]"))
    if not paths:
        raise InputError(f"{root}: no .pts file below it; expected photos with 300-W landmarks beside them")
    for path in paths:
        relative = path.relative_to(root)
        image = find_photo((photos or root) / relative.with_suffix(SUFFIXES[0]), SUFFIXES)
        photo = image.relative_to(photos or root).as_posix()
        try:
            points = parse_pts(read_text(path, "replace"))
        except RowError as error:
            yield Rejected(relative.as_posix(), error.row, photo, "malformed_row", str(error))
            continue
        yield Face(
            photo=photo,
            image=image,
            landmarks=points,
            visibility=np.full(POINTS, Visibility.VISIBLE, np.uint8),
            part=next((PART_OF_FOLDER[folder] for folder in relative.parts if folder in PART_OF_FOLDER), ""),
            name=relative.with_suffix("").as_posix(),
            annotation=relative.as_posix(),
        )
