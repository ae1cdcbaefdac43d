"""The table of all usable faces of a raw data set: what every later stage starts from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.tables import read_table

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
