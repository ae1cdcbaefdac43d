"""YOLO labels and data sets on disk: label files, folders, data.yaml."""

from __future__ import annotations

import os
from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.data.faces import RowError
from uncover.data.parts import CLASS_NAMES, to_xywh
from uncover.data.photos import PhotoInfo, read_upright_rgb
from uncover.errors import InputError
from uncover.text_files import read_text

if TYPE_CHECKING:
    import pandas as pd


FACE_CLASS = 0
"""Class id of whole faces in label files of frames without class names."""

ONLY_FACES = "0, the whole face, or add a data.yaml or classes.txt with its name"
COLUMNS = 5
PREDICTION = COLUMNS + 1
EXPECTED = "expected class xc yc w h"
HIGHEST_CLASS = 2**24
"""Largest class id: float32, in which ids are stored with the boxes, is exact up to here."""

BEYOND = 0.01
"""How far a corner of a polygon may be outside the image; ultralytics permits the same."""

FACE_POINTS = (5, 2)
"""Landmarks that yolov5-face writes after each box: both eyes, nose, both corners of the mouth."""

IMAGES, LABELS = "images", "labels"
TOOLS_READ = frozenset({".bmp", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"})
"""Suffixes of images that every YOLO tool reads."""
ENDINGS = {"BMP": ".bmp", "JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "TIFF": ".tif", "WEBP": ".webp"}
"""Suffix of links to files whose own suffix such tools ignore, by format."""


@dataclass(frozen=True)
class LabelRows:
    """Content of a label file.

    Attributes:
        boxes: float64 (n, 5): class id, xc yc w h as shares of the image; the valid rows.
        polygons: How many of them were polygons.
        errors: Errors of the invalid rows.
    """

    boxes: NDArray[np.float64]
    polygons: int = 0
    errors: list[RowError] = field(default_factory=list)


def parse_label_rows(
    text: str,
    known: Container[int] | None = None,
    keypoints: tuple[int, int] | None = None,
    expected: str = "an id that data.yaml names",
) -> LabelRows:
    """Parse all rows of a label file, and collect errors.

    A row of five values is a box. A longer one is a polygon, which is converted to its bounding box as in upstream; if
    `keypoints` is given, it is a box followed by landmarks, which are dropped.

    Args:
        text: Content of the file.
        known: Permitted class ids; None permits any.
        keypoints: Number of landmarks and of values per landmark, as `kpt_shape` in data.yaml.
        expected: Description of the permitted ids, for errors.
    """
    rows = {number: line.split() for number, line in enumerate(text.splitlines(), start=1) if line.strip()}
    if not rows:
        return LabelRows(np.zeros((0, COLUMNS)))
    try:
        boxes = np.array(list(rows.values()), np.float64)
    except ValueError:
        boxes = np.zeros((0, 0))
    if boxes.shape == (len(rows), COLUMNS) and _are_classes(boxes, known) and _are_boxes(boxes):
        return LabelRows(boxes)
    sound, polygons, errors = [], 0, []
    for number, row in rows.items():
        try:
            sound.append(_read_row(number, row, known, keypoints, expected))
            polygons += len(row) > COLUMNS and keypoints is None
        except RowError as error:
            errors.append(error)
    return LabelRows(np.array(sound, np.float64).reshape(-1, COLUMNS), polygons, errors)


def _are_classes(boxes: NDArray[np.float64], known: Container[int] | None) -> bool:
    ids = boxes[:, 0]
    if known is None:
        return bool(((ids >= 0) & (ids <= HIGHEST_CLASS) & (ids % 1 == 0)).all())
    return all(class_id in known for class_id in ids.tolist())


def _are_boxes(boxes: NDArray[np.float64]) -> bool:
    with np.errstate(over="ignore"):
        shares = boxes[:, 1:].astype(np.float32)  # 1.0 may have lost its last digits in the file
    return bool(((shares >= 0) & (shares <= 1)).all() and (shares[:, 2:] > 0).all())


def _read_row(
    number: int, row: list[str], known: Container[int] | None, keypoints: tuple[int, int] | None, expected: str
) -> list[float]:
    """Parse a row as a box.

    Raises:
        RowError: The row is invalid.
    """
    shown = f"'{' '.join(row)[:60]}'"
    with_points = keypoints is not None and len(row) == COLUMNS + keypoints[0] * keypoints[1]
    if len(row) == PREDICTION:
        raise RowError(
            number,
            "6 values; expected five: class xc yc w h (the sixth is the confidence of a prediction, not of a label)",
        )
    corners = len(row) > PREDICTION and len(row) % 2 == 1 and not with_points
    if len(row) != COLUMNS and not with_points and not corners:
        raise RowError(
            number, f"{len(row)} values; expected five: class xc yc w h, or a polygon: class x1 y1 x2 y2 x3 y3 ..."
        )
    try:
        values = np.array([row], np.float64)
    except ValueError:
        words = "five numbers" if len(row) == COLUMNS else "numbers"
        raise RowError(number, f"{shown} are not {words}; {EXPECTED}") from None
    if not np.isfinite(values).all():
        raise RowError(number, f"{shown} has a value that is not a finite number; {EXPECTED}")
    if not _are_classes(values[:, :1], known):
        expected = "a whole number of 0 or more" if known is None else expected
        raise RowError(number, f"class {row[0]} is unknown; expected {expected}")
    if corners:
        values = _around(number, shown, values)
    if not _are_boxes(values[:, :COLUMNS]):
        raise RowError(number, f"{shown} is not a box; expected shares of the image from 0 to 1, sides above 0")
    return values[0, :COLUMNS].tolist()


def _around(number: int, shown: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bounding box of a polygon, float64 (1, 5).

    Raises:
        RowError: A corner is outside the image, or the row may equally be a box with five landmarks.
    """
    points = values[0, 1:].reshape(-1, 2)
    if len(points) == FACE_POINTS[0] + 2 and _is_face(points):
        raise RowError(
            number,
            f"{shown}: 15 values may be a box with five landmarks or a polygon; for landmarks, add"
            " kpt_shape: [5, 2] to data.yaml",
        )
    if (points < -BEYOND).any() or (points > 1 + BEYOND).any():
        raise RowError(number, f"{shown}: a corner of a polygon is outside the image; expected shares from 0 to 1")
    points = points.clip(0, 1)
    low, high = points.min(axis=0), points.max(axis=0)
    if (low == high).any():
        raise RowError(number, f"{values.shape[1]} values: {shown} is a polygon without area; {EXPECTED}")
    return np.array([[values[0, 0], *(low + high) / 2, *(high - low)]])


def _is_face(points: NDArray[np.float64]) -> bool:
    """Whether seven points are more likely a box (centre and size) and the eyes, nose and mouth in it.

    From eye to eye and from corner to corner of the mouth the points run in the same direction, so their path crosses
    itself, which the outline of a polygon does not. A landmark that is not visible is stored as -1 -1.
    """
    (centre, size), landmarks = points[:2], points[2:]
    if (landmarks < 0).any():
        return bool((landmarks[(landmarks < 0).any(axis=1)] == -1).all())
    inside = (np.abs(landmarks - centre) <= size / 2 + BEYOND).all()
    within = (centre - size / 2 >= -BEYOND).all() and (centre + size / 2 <= 1 + BEYOND).all()
    eyes, mouth = landmarks[1] - landmarks[0], landmarks[4] - landmarks[3]
    return bool(inside and within and eyes @ mouth > 0)


def parse_yolo(
    text: str,
    faces: Collection[int] = frozenset({FACE_CLASS}),
    known: Collection[int] | None = frozenset({FACE_CLASS}),
    keypoints: tuple[int, int] | None = None,
) -> NDArray[np.float64]:
    """Parse a YOLO label file of whole faces; polygons are converted to bounding boxes.

    Args:
        text: Content of the file.
        faces: Ids of the classes that are whole faces; rows of other classes are left out.
        known: Permitted ids; None permits any.
        keypoints: Number of landmarks and of values per landmark that may follow a box.

    Returns:
        float64 (M, 4), xyxy as shares of the image's width and height.

    Raises:
        RowError: A row is not a box `class xc yc w h` with shares from 0 to 1; names the first and counts all.
    """
    expected = ONLY_FACES if known == {FACE_CLASS} else "an id with a name"
    rows = parse_label_rows(text, known, keypoints, expected)
    if rows.errors:
        more = f" (and {len(rows.errors) - 1} more such rows)" if len(rows.errors) > 1 else ""
        raise RowError(rows.errors[0].row, f"{rows.errors[0]}{more}")
    boxes = rows.boxes[np.isin(rows.boxes[:, 0], list(faces)), 1:]
    centre, size = np.split(boxes, 2, axis=1)
    return np.hstack([centre - size / 2, centre + size / 2])


def label_lines(class_ids: Iterable[int], xyxy: NDArray[np.float64], width: int, height: int) -> list[str]:
    """Lines of a YOLO label file.

    Args:
        class_ids: Class of each of M boxes.
        xyxy: float64 (M, 4), pixels of the upright image.
        width: Width of that image, in pixels.
        height: Height of that image, in pixels.

    Returns:
        `class x_centre y_centre width height`, shares of the image with all their digits; repeated lines are dropped.
    """
    shares = to_xywh(xyxy) / np.array([width, height, width, height], np.float64)
    lines = (
        " ".join([str(int(class_id)), *map(str, box.tolist())]) for class_id, box in zip(class_ids, shares, strict=True)
    )
    return list(dict.fromkeys(lines))


def place_image(image: Path, info: PhotoInfo, name: str, folder: Path, final_folder: Path) -> str:
    """Put a photo into `folder`: a relative link, or a PNG if tools would decode the file differently.

    Tools differ on CMYK, 16-bit and EXIF-rotated files: some convert, clip or rotate them, some do not; and many read
    neither HEIC nor animations.

    Args:
        image: The raw photo.
        info: Its header, as returned by `inspect_photo`.
        name: File name without suffix.
        folder: Folder to write to.
        final_folder: Final location of `folder`, from which the links are relative.

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
    """Write data.yaml for YOLO trainers: class names, and a path per set relative to `folder`."""
    lines = ["# Class ids of the label files; paths are relative to this file's folder.", "path: ."]
    lines += [f"{name}: {path}" for name, path in sets.items()]
    lines += ["names:", *(f"  {number}: {name}" for number, name in enumerate(CLASS_NAMES))]
    with new_file(folder / "data.yaml") as path:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def count_classes(boxes: pd.DataFrame) -> dict[str, int]:
    """Number of kept boxes per class name, including classes without boxes."""
    counts = boxes.loc[boxes["status"] == "kept", "class_id"].value_counts()
    return {name: int(counts.get(number, 0)) for number, name in enumerate(CLASS_NAMES)}


@dataclass(frozen=True)
class LabelFile:
    """Boxes of one image.

    Attributes:
        boxes: float32 (n, 5): class id, xc yc w h as shares of the image, in the order of the file, each row once. Rows
            are compared in this precision, as in upstream.
        repeated: Number of repeated rows.
        polygons: Number of polygons, which are converted to bounding boxes.
        problems: Errors of the invalid rows or of the file, one line each.
    """

    boxes: NDArray[np.float32]
    repeated: int = 0
    polygons: int = 0
    problems: tuple[str, ...] = ()


def read_label_file(
    path: Path, known: Container[int] | None = None, keypoints: tuple[int, int] | None = None
) -> LabelFile:
    """Read a label file; errors are returned, not raised.

    Args:
        path: Label file; a missing file means no boxes.
        known: Permitted class ids; None permits any.
        keypoints: Number of landmarks and of values per landmark that may follow a box.
    """
    empty = np.zeros((0, COLUMNS), np.float32)
    try:
        rows = parse_label_rows(read_text(path), known, keypoints)
    except FileNotFoundError:
        if path.is_symlink():
            problem = f"{path}: links to a file that does not exist; fix or remove the link"
            return LabelFile(empty, problems=(problem,))
        return LabelFile(empty)
    except InputError:
        return LabelFile(empty, problems=(f"{path}: is not text; expected rows `class xc yc w h`",))
    unique = list(dict.fromkeys(map(tuple, rows.boxes.astype(np.float32).tolist())))
    boxes = np.array(unique, np.float32).reshape(-1, COLUMNS)
    problems = tuple(f"{path}, row {error.row}: {error}" for error in rows.errors)
    return LabelFile(boxes, len(rows.boxes) - len(unique), rows.polygons, problems)


def find_label(path: Path) -> Path:
    """Path of a label file as spelt on disk: some Windows tools write `.TXT`."""
    if path.exists() or path.is_symlink():
        return path
    upper = path.with_suffix(path.suffix.upper())
    return upper if upper.exists() else path
