"""Boxes of faces in COCO files, with the variations of common tools."""

from __future__ import annotations

import json
import logging
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from uncover.data.data_yaml import find_faces
from uncover.data.faces import RowError
from uncover.errors import InputError
from uncover.text_files import read_text

logger = logging.getLogger(__name__)

Boxes = NDArray[np.float64] | RowError


@dataclass(frozen=True)
class CocoFile:
    """A COCO file.

    Attributes:
        path: Path of the file.
        boxes: Boxes by file name as listed: float64 (M, 4), xyxy in pixels; or the error in one of them.
        sizes: Width and height of the images as stated in the file, by file name.
        crowds: Number of boxes of crowds, by file name.
    """

    path: Path
    boxes: Mapping[str, Boxes]
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    crowds: Mapping[str, int] = field(default_factory=dict)


def read_coco(path: Path, chosen: Sequence[str] = ()) -> CocoFile | None:
    """Read a COCO file; None for other JSON files.

    Args:
        path: A JSON file.
        chosen: Names of the categories that are whole faces.

    Raises:
        InputError: The file is not JSON, is an invalid COCO file, or it is ambiguous which category is the face.
    """
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError, InputError) as error:
        raise InputError(f"{path}: is not JSON ({error}); expected a COCO file") from None
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        return None
    try:
        boxes, crowds = parse_coco(content, chosen, str(path))
        sizes = {image["file_name"]: size for image in content["images"] if (size := _size(image)) is not None}
    except KeyError as error:
        raise InputError(f"{path}: field {error} is missing; expected a COCO file") from None
    except (TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: {error}; expected COCO images, annotations and categories") from None
    return CocoFile(path, boxes, sizes, crowds)


def parse_coco(
    content: Mapping[str, list[dict]], chosen: Sequence[str] = (), where: str = "COCO"
) -> tuple[dict[str, Boxes], Counter[str]]:
    """Boxes of faces by file name; listed images without annotations get an empty array.

    Args:
        content: Content of the file.
        chosen: Names of the categories that are whole faces.
        where: The file, for errors.

    Returns:
        By file name, float64 (M, 4), xyxy in pixels; or, for an image with an invalid box, the error, whose row is
        the position of the annotation in its list. And the number of boxes of crowds.

    Raises:
        InputError: It is ambiguous which category is the face.
        ValueError: A name is invalid, or an annotation belongs to no image.
        KeyError: A required field is missing.
        TypeError: A field has the wrong type.
    """
    annotations = content["annotations"]
    categories = _categories(content.get("categories", []), annotations)
    wanted = find_faces(categories, chosen, where) if categories else frozenset()
    names = {image["id"]: image["file_name"] for image in content["images"]}
    for key, name in names.items():
        if not isinstance(name, str):
            raise ValueError(f"image {key!r:.60}: file_name is {name!r:.60}")
    boxes: dict[str, list[list[float]]] = {name: [] for name in names.values()}
    errors: dict[str, RowError] = {}
    crowds: Counter[str] = Counter()
    for row, annotation in enumerate(annotations, start=1):
        if categories and annotation["category_id"] not in wanted:
            continue
        what = f"annotation {annotation.get('id')!r:.60}"
        if annotation["image_id"] not in names:
            raise ValueError(f"{what}: no image {annotation['image_id']!r:.60}")
        if isinstance(annotation.get("score"), int | float):
            raise ValueError(f"{what}: has a score, so it is an unreviewed prediction")
        name = names[annotation["image_id"]]
        if annotation.get("iscrowd") in (1, True):
            crowds[name] += 1
            continue
        given = annotation.get("bbox") or _around(annotation.get("segmentation"))
        if given is None and "bbox" not in annotation and not isinstance(annotation.get("segmentation"), dict):
            raise KeyError("bbox")
        box = _box(given)
        if box is None:
            shown = f"bbox {annotation['bbox']!r:.60}" if "bbox" in annotation else "no bbox"
            errors.setdefault(name, RowError(row, f"{what}: {shown}; expected x, y, width, height in pixels"))
        else:
            boxes[name].append(box)
    return {name: np.array(rows, np.float64).reshape(-1, 4) for name, rows in boxes.items()} | errors, crowds


def _categories(categories: Sequence[dict], annotations: Sequence[dict]) -> dict[Any, str]:
    """Names by id, without categories that only group others: Roboflow adds its project as category 0."""
    names = {category["id"]: str(category["name"]) for category in categories}
    above = {
        category.get("supercategory") for category in categories if category.get("supercategory") != category["name"]
    }
    used = {annotation.get("category_id") for annotation in annotations}
    return {key: name for key, name in names.items() if name not in above or key in used}


def _box(value: object) -> list[float] | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    try:
        x, y, width, height = (float(number) for number in value)
    except (TypeError, ValueError, OverflowError):
        return None
    if not all(map(math.isfinite, (x, y, width, height))) or min(width, height) <= 0:
        return None
    return [x, y, x + width, y + height]


def _around(segmentation: object) -> list[float] | None:
    """Bounding box of polygons, x y width height; None for other masks."""
    try:
        corners = np.concatenate([np.asarray(polygon, np.float64).reshape(-1, 2) for polygon in segmentation])  # type: ignore[attr-defined]
        low, high = corners.min(axis=0), corners.max(axis=0)
    except (TypeError, ValueError, OverflowError):
        return None
    return [*low.tolist(), *(high - low).tolist()]


def _size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    size = image.get("width"), image.get("height")
    if not all(isinstance(side, int | float) and math.isfinite(side) and side >= 1 for side in size):
        return None
    return round(size[0]), round(size[1])  # type: ignore[arg-type]


class CocoIndex:
    """Finds the entries of COCO files for image files on disk."""

    def __init__(self, files: Sequence[CocoFile], root: Path, paths: Sequence[Path]) -> None:
        """
        Args:
            files: COCO files below `root`.
            root: Folder of the raw data.
            paths: Image files in it.
        """
        self._found: dict[Path, list[tuple[CocoFile, str]]] = defaultdict(list)
        self._lost: list[tuple[CocoFile, str, str]] = []
        for file in files:
            self._match(file, root, paths)

    def _match(self, file: CocoFile, root: Path, paths: Sequence[Path]) -> None:
        # A file describes images beside or below it; in a folder of annotations, images beside or below that folder.
        base = file.path.parent
        while base != root and not any(path.is_relative_to(base) for path in paths):
            base = base.parent
        near = [path for path in paths if path.is_relative_to(base)]
        exact = {
            path.relative_to(start).as_posix(): path
            for start in (base, base / "images", base / "photos")
            for path in near
            if path.is_relative_to(start)
        }
        by_name: dict[str, list[Path]] = defaultdict(list)
        for path in near:
            by_name[path.name.casefold()].append(path)
        takers: dict[Path, list[tuple[str, bool]]] = defaultdict(list)
        for name in file.boxes:
            if name in exact:
                takers[exact[name]].append((name, True))
                continue
            found, why = _by_tail(name, by_name)
            if found is None:
                self._lost.append((file, name, why))
            else:
                takers[found].append((name, False))
        for path, names in takers.items():
            certain = [name for name, is_exact in names if is_exact]
            taken = certain[:1] or ([names[0][0]] if len(names) == 1 else [])
            self._found[path] += [(file, name) for name in taken]
            for name, _ in names:
                if name not in taken:
                    self._lost.append(
                        (file, name, f"may mean {path.relative_to(root).as_posix()}, as another entry does")
                    )

    def of(self, path: Path) -> tuple[CocoFile, str] | None:
        """The file that lists an image, and its name there; None if no file lists it.

        Raises:
            RowError: Two files list it with different boxes.
        """
        listing = self._found.get(path, [])
        for file, name in listing[1:]:
            first, own = listing[0]
            if not _alike(first.boxes[own], file.boxes[name]):
                raise RowError(0, f"{first.path.name} and {file.path.name} have different boxes of it; keep one")
        return listing[0] if listing else None

    def lost(self) -> list[tuple[CocoFile, str, str]]:
        """Listed images that are not on disk: the file, the name, and the reason."""
        return self._lost

    def tell_crowds(self) -> None:
        """Log how many boxes of crowds are left out, each of which covers several faces."""
        found = [(file, name) for files in self._found.values() for file, name in files[:1] if file.crowds.get(name)]
        if found:
            count = sum(file.crowds[name] for file, name in found)
            logger.info(
                f"note: left out {count} boxes of crowds (iscrowd) in {len(found)} images, such as {found[0][1]}; "
                "the faces in them have no labels"
            )


def _alike(first: Boxes, second: Boxes) -> bool:
    if isinstance(first, RowError) or isinstance(second, RowError):
        return False
    return np.array_equal(first[np.lexsort(first.T)], second[np.lexsort(second.T)])


def _by_tail(name: str, by_name: Mapping[str, list[Path]]) -> tuple[Path | None, str]:
    """The image whose path ends with a listed name, which may contain folders of another machine, \\ and %20."""
    for wanted in dict.fromkeys((name, unquote(name), unquote(name).rpartition("?d=")[2])):  # ?d= is Label Studio's
        parts = [part.casefold() for part in PurePosixPath(wanted.replace("\\", "/")).parts]
        candidates = by_name.get(parts[-1], []) if parts else []
        if not candidates:
            continue
        lengths = [_common_tail(parts, [part.casefold() for part in path.parts]) for path in candidates]
        best = [path for path, length in zip(candidates, lengths, strict=True) if length == max(lengths)]
        if len(best) == 1:
            return best[0], ""
        return None, f"may mean {len(best)} images, such as {best[0]} and {best[1]}"
    return None, ""


def _common_tail(first: Sequence[str], second: Sequence[str]) -> int:
    length = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other:
            break
        length += 1
    return length
