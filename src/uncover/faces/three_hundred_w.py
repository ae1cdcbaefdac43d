"""300-W and its kin (HELEN, AFW, LFPW, iBUG): a photo and its `.pts` of 68 points side by side, at any depth.

There are no marks of visibility: a negative number is a point outside the photo. A folder named `trainset` or
`testset` on the way gives the official part.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from uncover.errors import InputError
from uncover.faces.face import Face, Rejected, RowError, Visibility
from uncover.faces.official import PART_OF_FOLDER, find_photo
from uncover.faces.pts import POINTS, parse_pts
from uncover.image_files import ENDINGS
from uncover.text_files import read_text

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", *sorted(ENDINGS - {".jpg", ".jpeg", ".png", ".bmp"}))


def read_300w(root: Path, photos: Path | None = None) -> Iterator[Face | Rejected]:
    """Read every `.pts` file below `root`, by path.

    Args:
        root: Folder to search.
        photos: Folder that mirrors `root` and holds the photos, when they do not stand beside the labels.

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
