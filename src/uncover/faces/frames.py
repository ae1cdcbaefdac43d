"""Frames with boxes of whole faces, or with no annotation at all.

Graded frames (SLAPI's layout): `<grade>/images/`, `<grade>/labels/*.txt` in YOLO form (class 0 = face), or a COCO
JSON in `<grade>/` instead of the labels. A folder without grades is read in the same way, and one that holds
images directly (Hand Over Face) too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.faces.face import Frame, Rejected, RowError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
FACE_CLASS = 0
COCO_CATEGORY = "face"


def find_grades(root: Path) -> list[str]:
    """Names of the folders below `root` that hold an `images` folder, in alphabetical order."""
    return sorted(folder.parent.name for folder in root.glob("*/images") if folder.is_dir())


def read_frames(root: Path, grade: str | None = None) -> Iterator[Frame | Rejected]:
    """Read the images of `root` and what is annotated of them.

    Args:
        root: Folder of grades, or of `images/` and `labels/`, or of images.
        grade: Read this grade only; None reads whatever is there.

    Raises:
        InputError: There is no such grade, or no image at all, or a COCO file that is none.
    """
    grades = find_grades(root)
    if grade is not None and grade not in grades:
        there = ", ".join(grades) if grades else "none"
        raise InputError(f"{root}: no grade '{grade}' (no {grade}/images in it); grades found: {there}")
    if grades:
        for name in [grade] if grade is not None else grades:
            yield from _read_folder(root / name, root, name)
    else:
        yield from _read_folder(root, root, "")


def _read_folder(folder: Path, root: Path, grade: str) -> Iterator[Frame | Rejected]:
    images = next((path for path in (folder / "images", folder / "photos") if path.is_dir()), folder)
    paths = sorted(path for path in images.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise InputError(f"{images}: no image in it (looked for {', '.join(sorted(IMAGE_SUFFIXES))})")
    labels = folder / "labels"
    coco = _read_coco(folder, root)
    for path in paths:
        photo = path.relative_to(root).as_posix()
        label = labels / path.relative_to(images).with_suffix(".txt")
        annotation = label.relative_to(root).as_posix()
        try:
            if coco is not None:
                annotation, boxes = coco[0], coco[1].get(path.relative_to(images).as_posix())
                yield Frame(photo, path, grade, annotation if boxes is not None else "", boxes, normalised=False)
            elif label.exists():
                yield Frame(photo, path, grade, annotation, parse_yolo(label.read_text(errors="replace")))
            else:
                yield Frame(photo, path, grade, "", None)
        except RowError as error:
            yield Rejected(annotation, error.row, photo, "malformed_row", str(error))
    yield from _labels_without_image(labels, images, paths, root)


def _labels_without_image(labels: Path, images: Path, paths: list[Path], root: Path) -> Iterator[Rejected]:
    shown = {path.relative_to(images).with_suffix(".txt") for path in paths}
    for label in sorted(labels.rglob("*.txt")) if labels.is_dir() else ():
        if label.relative_to(labels) not in shown:
            name = label.relative_to(root).as_posix()
            yield Rejected(name, 0, "", "missing_photo", f"no image of this name in {images.name}/")


def parse_yolo(text: str) -> NDArray[np.float64]:
    """Read a YOLO label file of whole faces.

    Returns:
        float64 (M, 4), xyxy as shares of the image's width and height.

    Raises:
        RowError: A row is not `0 x_centre y_centre width height` with shares between 0 and 1.
    """
    boxes = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 5:
            raise RowError(number, f"{len(fields)} values; expected 5: class, x centre, y centre, width, height")
        try:
            values = [float(value) for value in fields]
        except ValueError:
            raise RowError(number, f"'{line.strip()[:60]}' holds something that is not a number") from None
        if values[0] != FACE_CLASS:
            raise RowError(number, f"class {fields[0]} is unknown; expected {FACE_CLASS}, the whole face")
        if not all(math.isfinite(value) and 0 <= value <= 1 for value in values[1:]):
            raise RowError(number, f"'{line.strip()[:60]}': expected shares of the image between 0 and 1")
        if values[3] == 0 or values[4] == 0:
            raise RowError(number, f"'{line.strip()[:60]}': the box has no area")
        boxes.append(values[1:])
    centre, size = np.split(np.array(boxes, np.float64).reshape(-1, 4), 2, axis=1)
    return np.hstack([centre - size / 2, centre + size / 2])


def _read_coco(folder: Path, root: Path) -> tuple[str, Mapping[str, NDArray[np.float64]]] | None:
    """Boxes by file name of a COCO JSON in `folder`, in pixels xyxy, and the JSON's name; None if there is none."""
    paths = sorted(folder.glob("*.json"))
    for path in paths:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: is not JSON ({error}); expected a COCO file") from None
        if isinstance(content, dict) and {"images", "annotations"} <= content.keys():
            try:
                return path.relative_to(root).as_posix(), parse_coco(content)
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{path}: {error}; expected COCO images, annotations and categories") from None
    return None


def parse_coco(content: Mapping[str, list[dict]]) -> dict[str, NDArray[np.float64]]:
    """Boxes of faces by file name; images that the file lists without annotation get an empty array.

    Returns:
        float64 (M, 4) per file name, xyxy in pixels.

    Raises:
        ValueError: No category is the face, or a box is not four finite numbers with an area.
        KeyError: A field that COCO demands is missing.
    """
    categories = {category["id"]: category["name"] for category in content.get("categories", [])}
    wanted = {key for key, name in categories.items() if COCO_CATEGORY in str(name).lower()} or set(categories)
    if len(categories) > 1 and wanted == set(categories):
        raise ValueError(f"categories {sorted(map(str, categories.values()))}: none is called '{COCO_CATEGORY}'")
    names = {image["id"]: image["file_name"] for image in content["images"]}
    boxes: dict[str, list[list[float]]] = {name: [] for name in names.values()}
    for annotation in content["annotations"]:
        if categories and annotation["category_id"] not in wanted:
            continue
        box = [float(value) for value in annotation["bbox"]]
        if len(box) != 4 or not all(map(math.isfinite, box)) or min(box[2:]) <= 0:
            raise ValueError(
                f"annotation {annotation.get('id')}: bbox {annotation['bbox']}; expected x, y, width, height"
            )
        if annotation["image_id"] not in names:
            raise ValueError(f"annotation {annotation.get('id')}: no image {annotation['image_id']}")
        x, y, width, height = box
        boxes[names[annotation["image_id"]]].append([x, y, x + width, y + height])
    return {name: np.array(rows, np.float64).reshape(-1, 4) for name, rows in boxes.items()}
