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
    """What hides a landmark (MERL-RAV's three classes; Kumar et al., LUVLi, CVPR 2020)."""

    VISIBLE = 0
    EXTERNALLY_OCCLUDED = 1
    """Something lies in front of the face there; the position is the annotator's estimate."""
    SELF_OCCLUDED = 2
    """The face itself is turned away there; no position was estimated."""


@dataclass(frozen=True)
class Face:
    """One annotated face.

    Attributes:
        photo: Key of the photo within its raw data set; faces of one photo share it.
        image: File that shows the photo, as the annotation names it.
        landmarks: float64 (N, 2), x and y in pixels of the upright image; NaN where self-occluded.
        visibility: uint8 (N,), values of `Visibility`.
        part: Official part that the face belongs to: "train", "test", or "" where a layout has none.
        name: Name of the annotation, unique within the raw data set.
        annotation: File the annotation stands in, relative to the raw data.
        row: 1-based row of that file; 0 where the whole file is the annotation.
        attributes: Whatever else the layout says of the face, such as `pose` or `blur`.
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
        grade: Grade of occlusion, or "" where there are none.
        annotation: File the boxes stand in, relative to the raw data; "" where there is none.
        boxes: float64 (M, 4), xyxy, in pixels of the upright image, or as shares of its sides when
            `normalised`; None when nobody annotated this image (which differs from "no face here").
        normalised: Unit of `boxes`.
        size: Width and height of the image that boxes in pixels were drawn on, as the annotation states them; None
            where it does not.
        ignored: bool (M,), boxes that are neither to be found nor wrong to find; None: none is.
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
    """One face or photo that did not make it, with one line that says why.

    Attributes:
        file: File at fault, relative to the raw data.
        row: 1-based row of that file; 0 where the whole file is at fault.
        photo: Key of the photo that loses this face, "" where unknown.
        reason: A short code, such as `malformed_row`, the same for every case of one kind.
        detail: What was expected and what was found.
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
    """An annotation cannot be understood; `row` is its 1-based row, 0 for the file as a whole."""

    def __init__(self, row: int, detail: str) -> None:
        super().__init__(detail)
        self.row = row


def find_photo(path: Path, suffixes: Sequence[str] = ()) -> Path:
    """The file that a layout means, however its ending is spelt on disk: `.jpg`, `.JPG` or `.Jpg`.

    Args:
        path: As the layout names it.
        suffixes: Endings that it may have instead, the likeliest first; none but its own by default.

    Returns:
        The file; `path` where there is none.
    """
    for suffix in suffixes or (path.suffix,):
        for spelt in (suffix, suffix.lower(), suffix.upper(), suffix.title()):
            candidate = path.with_suffix(spelt)
            if os.path.exists(candidate):  # unlike Path.exists, it takes names that no file can have
                return candidate
    return path


def landmark_arrays(faces: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Landmarks float64 (F, N, 2) and visibility uint8 (F, N) of faces of one scheme.

    Raises:
        ValueError: The faces have different numbers of points.
    """
    landmarks = np.stack([np.asarray(points, np.float64) for points in faces["landmarks"]])
    visibility = np.stack([np.asarray(marks, np.uint8) for marks in faces["visibility"]])
    return landmarks.reshape(len(faces), -1, 2), visibility


def attribute(faces: pd.DataFrame, name: str) -> pd.Series:
    """One attribute of each face, "" where a face does not have it."""
    return faces["attributes"].map(lambda text: json.loads(text).get(name, "")).astype(str)


def read_faces_table(path: Path) -> pd.DataFrame:
    """Load a table that `uncover read_faces` wrote.

    Raises:
        InputError: It is no such table.
    """
    return read_table(path, COLUMNS, "read_faces")
