"""A data set on disk as any YOLO tool reads it: `images/`, `labels/`, `data.yaml`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.datasets.photos import PhotoInfo, read_upright_rgb
from uncover.parts.classes import CLASS_NAMES
from uncover.parts.geometry import to_xywh

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
