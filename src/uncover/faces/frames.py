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
from uncover.image_files import ENDINGS, find_images, is_image, say_passed_over

FACE_CLASS = 0
COCO_CATEGORY = "face"

CocoBoxes = Mapping[str, NDArray[np.float64] | RowError]


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
    folders = {name: root / name for name in ([grade] if grade is not None else grades)} or {"": root}
    shown = {name: _find_images(folder) for name, folder in folders.items()}
    if not any(paths for _, paths in shown.values()):
        where = ", ".join(str(images) for images, _ in shown.values())
        raise InputError(f"{where}: no image in it (looked for {', '.join(sorted(ENDINGS))})")
    for stray in sorted(path for path in root.iterdir() if path.is_dir() and grades and path.name not in grades):
        if grade is None and any(map(is_image, stray.iterdir())):
            yield Rejected(stray.name, 0, "", "unknown_folder", "holds images, but no images/ folder as a grade does")
    for name, folder in folders.items():
        images, paths = shown[name]
        if not paths:
            yield Rejected(images.relative_to(root).as_posix(), 0, "", "empty_folder", "no image in it")
        yield from _read_folder(folder, images, paths, root, name)


def _find_images(folder: Path) -> tuple[Path, list[Path]]:
    images = next((path for path in (folder / "images", folder / "photos") if path.is_dir()), folder)
    found, others = find_images(images)
    say_passed_over(images, others)
    return images, found


def _read_folder(folder: Path, images: Path, paths: list[Path], root: Path, grade: str) -> Iterator[Frame | Rejected]:
    labels = folder / "labels"
    coco = _read_coco(folder, root)
    if coco is not None:
        yield from _frames_of_coco(*coco, folder, images, paths, root, grade)
        return
    for path in paths:
        photo = path.relative_to(root).as_posix()
        label = labels / path.relative_to(images).with_suffix(".txt")
        annotation = label.relative_to(root).as_posix()
        try:
            if label.exists():
                yield Frame(photo, path, grade, annotation, parse_yolo(label.read_text(errors="replace")))
            else:
                yield Frame(photo, path, grade, "", None)
        except RowError as error:
            yield Rejected(annotation, error.row, photo, "malformed_row", str(error))
    yield from _labels_without_image(labels, images, paths, root)


def _frames_of_coco(
    annotation: str, listed: CocoBoxes, folder: Path, images: Path, paths: list[Path], root: Path, grade: str
) -> Iterator[Frame | Rejected]:
    used = set()
    for path in paths:
        photo = path.relative_to(root).as_posix()
        # Some tools name images from the folder of the JSON, most from the folder of the images.
        names = (path.relative_to(start).as_posix() for start in (images, folder))
        name = next((name for name in names if name in listed), None)
        if name is None:
            yield Frame(photo, path, grade, "", None, normalised=False)
            continue
        used.add(name)
        boxes = listed[name]
        if isinstance(boxes, RowError):
            yield Rejected(annotation, boxes.row, photo, "malformed_row", str(boxes))
        else:
            yield Frame(photo, path, grade, annotation, boxes, normalised=False)
    for name in sorted(listed.keys() - used):
        yield Rejected(annotation, 0, "", "missing_photo", f"no image {name[:80]!r} in {images.name}/")


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


def _read_coco(folder: Path, root: Path) -> tuple[str, CocoBoxes] | None:
    """Name of a COCO JSON in `folder` and the boxes in it, by file name; None if there is none."""
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: is not JSON ({error}); expected a COCO file") from None
        if isinstance(content, dict) and {"images", "annotations"} <= content.keys():
            try:
                return path.relative_to(root).as_posix(), parse_coco(content)
            except KeyError as error:
                raise InputError(f"{path}: field {error} is missing; expected a COCO file") from None
            except (TypeError, AttributeError, ValueError) as error:
                raise InputError(f"{path}: {error}; expected COCO images, annotations and categories") from None
    return None


def parse_coco(content: Mapping[str, list[dict]]) -> CocoBoxes:
    """Boxes of faces by file name; images that the file lists without annotation get an empty array.

    Returns:
        float64 (M, 4) per file name, xyxy in pixels; for an image with a box that is none, the error that says so,
        with the position of the annotation in its list as row.

    Raises:
        ValueError: No category is the face, a name is none, or an annotation belongs to no image.
        KeyError: A field that COCO demands is missing.
        TypeError: A field is of another kind than COCO's.
    """
    categories = {category["id"]: str(category["name"]) for category in content.get("categories", [])}
    wanted = {key for key, name in categories.items() if COCO_CATEGORY in name.lower()} or set(categories)
    if len(categories) > 1 and wanted == set(categories):
        raise ValueError(f"categories {sorted(categories.values())}: none is called '{COCO_CATEGORY}'")
    names = {image["id"]: image["file_name"] for image in content["images"]}
    for key, name in names.items():
        if not isinstance(name, str):
            raise ValueError(f"image {key!r:.60}: file_name is {name!r:.60}")
    boxes: dict[str, list[list[float]]] = {name: [] for name in names.values()}
    errors: dict[str, RowError] = {}
    for row, annotation in enumerate(content["annotations"], start=1):
        if categories and annotation["category_id"] not in wanted:
            continue
        if annotation["image_id"] not in names:
            raise ValueError(f"annotation {annotation.get('id')!r:.60}: no image {annotation['image_id']!r:.60}")
        name = names[annotation["image_id"]]
        box = _coco_box(annotation["bbox"])
        if box is None:
            detail = f"annotation {annotation.get('id')!r:.60}: bbox {annotation['bbox']!r:.60}"
            errors.setdefault(name, RowError(row, f"{detail}; expected x, y, width, height in pixels"))
        else:
            boxes[name].append(box)
    return {name: np.array(rows, np.float64).reshape(-1, 4) for name, rows in boxes.items()} | errors


def _coco_box(value: object) -> list[float] | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    try:
        x, y, width, height = (float(number) for number in value)
    except (TypeError, ValueError, OverflowError):
        return None
    if not all(map(math.isfinite, (x, y, width, height))) or min(width, height) <= 0:
        return None
    return [x, y, x + width, y + height]
