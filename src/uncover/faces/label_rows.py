"""Rows of a YOLO label file: boxes `class xc yc w h`, and the polygons and landmarks that tools write instead."""

from __future__ import annotations

from collections.abc import Collection, Container
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from uncover.faces.face import RowError

FACE_CLASS = 0
"""The whole face, in label files of frames where nothing names the classes."""

ONLY_FACES = "0, the whole face, or a data.yaml or classes.txt that names it"
COLUMNS = 5
PREDICTION = COLUMNS + 1
EXPECTED = "expected class xc yc w h"
HIGHEST_CLASS = 2**24
"""Up to here float32, which class ids share with shares, holds every whole number."""

BEYOND = 0.01
"""By how much a corner of a polygon may lie beyond the image; ultralytics allows as much."""

FACE_POINTS = (5, 2)
"""Landmarks that yolov5-face writes behind each box: both eyes, nose, both corners of the mouth."""


@dataclass(frozen=True)
class LabelRows:
    """What stands in a label file.

    Attributes:
        boxes: float64 (n, 5): class id, xc yc w h as shares of the image; the first of the rows that are sound.
        polygons: How many of them were polygons.
        errors: Of the other rows.
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
    """Read all rows of a label file, the bad ones too.

    A row of five values is a box. A longer one is a polygon, which becomes the rectangle around its corners as upstream
    has it; with `keypoints`, it is a box with landmarks behind, which are left out.

    Args:
        text: Of the file.
        known: Class ids that may stand in it; None takes any.
        keypoints: Number of landmarks and values of each, as `kpt_shape` in data.yaml says.
        expected: Which ids may stand in it, for messages.
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
        shares = boxes[:, 1:].astype(np.float32)  # the last digits of 1.0 may be lost on the way to a file
    return bool(((shares >= 0) & (shares <= 1)).all() and (shares[:, 2:] > 0).all())


def _read_row(
    number: int, row: list[str], known: Container[int] | None, keypoints: tuple[int, int] | None, expected: str
) -> list[float]:
    """A row as a box.

    Raises:
        RowError: It is none.
    """
    shown = f"'{' '.join(row)[:60]}'"
    with_points = keypoints is not None and len(row) == COLUMNS + keypoints[0] * keypoints[1]
    if len(row) == PREDICTION:
        raise RowError(
            number,
            "6 values; expected five: class xc yc w h (a sixth is the confidence of a prediction, which is no label)",
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
        raise RowError(number, f"{shown} are no {words}; {EXPECTED}") from None
    if not np.isfinite(values).all():
        raise RowError(number, f"{shown} has a value that is no finite number; {EXPECTED}")
    if not _are_classes(values[:, :1], known):
        expected = "a whole number from 0 on" if known is None else expected
        raise RowError(number, f"class {row[0]} is unknown; expected {expected}")
    if corners:
        values = _around(number, shown, values)
    if not _are_boxes(values[:, :COLUMNS]):
        raise RowError(number, f"{shown} is no box; expected shares of the image from 0 to 1, sides above 0")
    return values[0, :COLUMNS].tolist()


def _around(number: int, shown: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The box around a polygon, float64 (1, 5).

    Raises:
        RowError: A corner lies beyond the image, or the row may as well be a box with five landmarks.
    """
    points = values[0, 1:].reshape(-1, 2)
    if len(points) == FACE_POINTS[0] + 2 and _is_face(points):
        raise RowError(
            number,
            f"{shown}: 15 values, which fit a box with five landmarks of a face as well as a polygon; say which in"
            " data.yaml: kpt_shape: [5, 2] for landmarks",
        )
    if (points < -BEYOND).any() or (points > 1 + BEYOND).any():
        raise RowError(number, f"{shown}: a corner of a polygon lies beyond the image; expected shares from 0 to 1")
    points = points.clip(0, 1)
    low, high = points.min(axis=0), points.max(axis=0)
    if (low == high).any():
        raise RowError(number, f"{values.shape[1]} values: {shown} is a polygon without area; {EXPECTED}")
    return np.array([[values[0, 0], *(low + high) / 2, *(high - low)]])


def _is_face(points: NDArray[np.float64]) -> bool:
    """Whether seven points are rather centre and sides of a box, and eyes, nose and mouth in it.

    From eye to eye and from corner to corner of the mouth the way goes in the same direction, so that it crosses
    itself, which the outline of a polygon does not. A landmark that is not seen stands as -1 -1.
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
    """Read a YOLO label file of whole faces; polygons become the boxes around them.

    Args:
        text: Of the file.
        faces: Ids of the classes that are whole faces; rows of others are left out.
        known: Ids that may stand in it; None takes any.
        keypoints: Number of landmarks and values of each that may stand behind a box.

    Returns:
        float64 (M, 4), xyxy as shares of the image's width and height.

    Raises:
        RowError: A row is no box `class xc yc w h` with shares from 0 to 1: the first such row, and how many there are.
    """
    expected = ONLY_FACES if known == {FACE_CLASS} else "an id that has a name"
    rows = parse_label_rows(text, known, keypoints, expected)
    if rows.errors:
        more = f" (and {len(rows.errors) - 1} more such rows)" if len(rows.errors) > 1 else ""
        raise RowError(rows.errors[0].row, f"{rows.errors[0]}{more}")
    boxes = rows.boxes[np.isin(rows.boxes[:, 0], list(faces)), 1:]
    centre, size = np.split(boxes, 2, axis=1)
    return np.hstack([centre - size / 2, centre + size / 2])
