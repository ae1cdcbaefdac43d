"""A data set on disk as any YOLO tool reads it: `images/`, `labels/` of rows `class xc yc w h`, `data.yaml`."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.datasets.photos import PhotoInfo, read_upright_rgb
from uncover.errors import InputError
from uncover.faces.label_rows import COLUMNS, parse_label_rows
from uncover.parts.classes import CLASS_NAMES
from uncover.parts.geometry import to_xywh
from uncover.text_files import read_text

if TYPE_CHECKING:
    import pandas as pd

IMAGES, LABELS = "images", "labels"
TOOLS_READ = frozenset({".bmp", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"})
"""Endings of images that every YOLO tool looks at."""
ENDINGS = {"BMP": ".bmp", "JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "TIFF": ".tif", "WEBP": ".webp"}
"""For links to files whose own ending such tools pass over, by format."""


def label_lines(class_ids: Iterable[int], xyxy: NDArray[np.float64], width: int, height: int) -> list[str]:
    """Lines of a YOLO label file.

    Args:
        class_ids: Class of each of M boxes.
        xyxy: float64 (M, 4), pixels of the upright image.
        width: Of that image, in pixels.
        height: Likewise.

    Returns:
        `class x_centre y_centre width height`, shares of the image with all their digits; a line that would stand
        twice stands once.
    """
    shares = to_xywh(xyxy) / np.array([width, height, width, height], np.float64)
    lines = (
        " ".join([str(int(class_id)), *map(str, box.tolist())]) for class_id, box in zip(class_ids, shares, strict=True)
    )
    return list(dict.fromkeys(lines))


def place_image(image: Path, info: PhotoInfo, name: str, folder: Path, final_folder: Path) -> str:
    """Put a photo into `folder`: a relative link, or a PNG where tools would disagree about the file's pixels.

    Tools disagree about CMYK, 16-bit and EXIF-rotated files: some convert, cut off or turn them, some do not; and many
    read neither HEIC nor animations.

    Args:
        image: The raw photo.
        info: What its header says.
        name: Name to give it, without suffix.
        folder: Where to write now.
        final_folder: Where `folder` will stand in the end, which is where links start from.

    Returns:
        Name of the file written.
    """
    if info.plain:
        ending = image.suffix.lower()
        target = folder / (name + (ending if ending in TOOLS_READ else ENDINGS[info.kind]))
        target.symlink_to(os.path.relpath(image.resolve(), final_folder.resolve()))
    else:
        import cv2

        target = folder / f"{name}.png"
        if not cv2.imwrite(str(target), cv2.cvtColor(read_upright_rgb(image), cv2.COLOR_RGB2BGR)):
            raise OSError(f"could not write {target}")
    return target.name


def write_data_yaml(folder: Path, sets: dict[str, str]) -> None:
    """Write the file that YOLO trainers take: class names, and a path per set relative to `folder`."""
    lines = ["# Class ids of the label files; paths are relative to this file's folder.", "path: ."]
    lines += [f"{name}: {path}" for name, path in sets.items()]
    lines += ["names:", *(f"  {number}: {name}" for number, name in enumerate(CLASS_NAMES))]
    with new_file(folder / "data.yaml") as path:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def count_classes(boxes: pd.DataFrame) -> dict[str, int]:
    """Kept boxes per class name, every class listed."""
    counts = boxes.loc[boxes["status"] == "kept", "class_id"].value_counts()
    return {name: int(counts.get(number, 0)) for number, name in enumerate(CLASS_NAMES)}


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
