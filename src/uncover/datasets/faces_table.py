"""The table of all usable faces of a raw data set: what every later stage starts from."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.datasets.reading import Reading
from uncover.errors import InputError
from uncover.faces.face import Face, Rejected

COLUMNS = (
    "source",
    "photo",
    "image",
    "width",
    "height",
    "mode",
    "orientation",
    "part",
    "name",
    "annotation",
    "row",
    "attributes",
    "landmarks",
    "visibility",
)


def to_faces_table(reading: Reading, source: str, merge: bool = True) -> tuple[pd.DataFrame, list[Rejected]]:
    """One row per face.

    Args:
        reading: Faces with their photos.
        source: Name of the raw data set.
        merge: Keep the faces of one photo together; without it, each face gets the photo to itself under an id of
            its own, as the released scripts do with WFLW.

    Returns:
        The table (`COLUMNS`; landmarks as flat lists of 2 N floats in pixels of the upright photo, NaN where
        self-occluded) and all rejected faces, those of the reading included.
    """
    rows: list[dict[str, object]] = []
    rejected = list(reading.rejected)
    seen: set[tuple[str, bytes]] = set()
    faces_so_far: Counter[str] = Counter()
    for face, photo in reading.items:
        assert isinstance(face, Face), "frames have no landmarks"
        key = (photo.photo, face.landmarks.tobytes())
        if key in seen:
            detail = f"the same {len(face.landmarks)} points stand twice for photo {photo.photo}; kept once"
            rejected.append(Rejected(face.annotation, face.row, photo.photo, "duplicate_face", detail))
            continue
        seen.add(key)
        faces_so_far[photo.photo] += 1
        rows.append(
            {
                "source": source,
                "photo": photo.photo if merge else f"{photo.photo}__{faces_so_far[photo.photo]}",
                "image": str(photo.image),
                "width": photo.info.width if photo.info else 0,
                "height": photo.info.height if photo.info else 0,
                "mode": photo.info.mode if photo.info else "",
                "orientation": photo.info.orientation if photo.info else 0,
                "part": face.part,
                "name": face.name,
                "annotation": face.annotation,
                "row": face.row,
                "attributes": json.dumps(dict(face.attributes), sort_keys=True),
                "landmarks": face.landmarks.ravel(),
                "visibility": face.visibility,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)), rejected


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
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; make it with 'uncover read_faces'") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is not a Parquet file ({error}); expected a table of 'uncover read_faces'") from None
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise InputError(f"{path}: no column {missing[0]}; expected a table of 'uncover read_faces'")
    return table
