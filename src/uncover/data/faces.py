"""Faces with landmarks and visibility, and their table."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.tables import read_table

POSES = ("frontal", "left", "lefthalf", "right", "righthalf")
"""Pose folders of MERL-RAV; left and right are the subject's."""
PART_OF_FOLDER = {"trainset": "train", "testset": "test"}
"""Official part by folder name, in MERL-RAV and in 300-W as it is often arranged."""
COLUMNS = (
    "source",
    "photo",
    "image",
    "width",
    "height",
    "mode",
    "orientation",
    "kind",
    "pictures",
    "part",
    "name",
    "annotation",
    "row",
    "attributes",
    "landmarks",
    "visibility",
)


class Visibility(IntEnum):
    """Visibility of a landmark (MERL-RAV's three classes; Kumar et al., LUVLi, CVPR 2020)."""

    VISIBLE = 0
    EXTERNALLY_OCCLUDED = 1
    """Something covers the face there; the position is the annotator's estimate."""
    SELF_OCCLUDED = 2
    """The face is turned away there; no position was estimated."""


@dataclass(frozen=True)
class Face:
    """One annotated face.

    Attributes:
        photo: Key of the photo within its raw data set; faces of one photo have the same key.
        image: File of the photo, as named in the annotation.
        landmarks: float64 (N, 2), x and y in pixels of the upright image; NaN where self-occluded.
        visibility: uint8 (N,), values of `Visibility`.
        part: Official part that the face belongs to: "train", "test", or "" if the layout has none.
        name: Name of the annotation, unique within the raw data set.
        annotation: File of the annotation, relative to the raw data.
        row: 1-based row of that file; 0 if the annotation is the whole file.
        attributes: Further attributes of the layout, e.g. `pose` or `blur`.
    """

    photo: str
    image: Path
    landmarks: NDArray[np.float64]
    visibility: NDArray[np.uint8]
    part: str
    name: str
    annotation: str
    row: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FrameFaces:
    """One image with boxes of whole faces, or without any annotation.

    Attributes:
        photo: Key of the image within its raw data set.
        image: The file.
        grade: Grade of occlusion, or "" if there are no grades.
        annotation: File of the boxes, relative to the raw data; "" without annotation.
        boxes: float64 (M, 4), xyxy, in pixels of the upright image, or as shares of its sides when
            `normalised`; None if the image is not annotated (which differs from "no face").
        normalised: Unit of `boxes`.
        size: Width and height of the image on which the boxes were drawn, as stated in the annotation; None if it
            does not state it.
        ignored: bool (M,), boxes that count neither as missed nor as false; None if there are none.
    """

    photo: str
    image: Path
    grade: str
    annotation: str
    boxes: NDArray[np.float64] | None
    normalised: bool = True
    size: tuple[int, int] | None = None
    ignored: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Rejected:
    """A face or photo that cannot be used, with a one-line reason.

    Attributes:
        file: File with the error, relative to the raw data.
        row: 1-based row of that file; 0 for the file as a whole.
        photo: Key of the photo that loses this face, "" if unknown.
        reason: A short code per kind of error, e.g. `malformed_row`.
        detail: Expected and actual content.
    """

    file: str
    row: int
    photo: str
    reason: str
    detail: str

    def __str__(self) -> str:
        where = f"{self.file}, row {self.row}" if self.row else self.file
        return f"{where}: {self.detail}"


class RowError(ValueError):
    """An invalid annotation; `row` is its 1-based row, 0 for the file as a whole."""

    def __init__(self, row: int, detail: str) -> None:
        super().__init__(detail)
        self.row = row


def find_photo(path: Path, suffixes: Sequence[str] = ()) -> Path:
    """File on disk for a path in a layout, with any case of the suffix: `.jpg`, `.JPG` or `.Jpg`.

    Args:
        path: Path in the layout.
        suffixes: Alternative suffixes, the most likely first; by default only its own.

    Returns:
        The file; `path` if no file exists.
    """
    for suffix in suffixes or (path.suffix,):
        for spelt in (suffix, suffix.lower(), suffix.upper(), suffix.title()):
            candidate = path.with_suffix(spelt)
            if os.path.exists(candidate):  # Path.exists raises for names that no file can have
                return candidate
    return path


def landmark_arrays(faces: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Landmarks float64 (F, N, 2) and visibility uint8 (F, N) of faces with the same number of landmarks.

    Raises:
        ValueError: The faces have different numbers of landmarks.
    """
    landmarks = np.stack([np.asarray(points, np.float64) for points in faces["landmarks"]])
    visibility = np.stack([np.asarray(marks, np.uint8) for marks in faces["visibility"]])
    return landmarks.reshape(len(faces), -1, 2), visibility


def attribute(faces: pd.DataFrame, name: str) -> pd.Series:
    """An attribute of each face, "" for faces without it."""
    return faces["attributes"].map(lambda text: json.loads(text).get(name, "")).astype(str)


def read_faces_table(path: Path) -> pd.DataFrame:
    """Load a table of `uncover read_faces`.

    Raises:
        InputError: The file is not such a table.
    """
    return read_table(path, COLUMNS, "read_faces")
