"""Make the labels of a data set from a faces table: part boxes by one of two rules, and rejected faces."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from uncover.data.faces import Rejected, Visibility, landmark_arrays
from uncover.data.parts import (
    CLASS_OF_PART,
    KEPT,
    PARTS,
    SCHEMES,
    STATUS_NAMES,
    Outside,
    PartBoxes,
    clip_boxes,
    corrected_boxes,
    leave_image,
    leave_out_small,
)
from uncover.data.released_parts import released_boxes
from uncover.data.sets import BOX_COLUMNS, SetLabels
from uncover.errors import InputError

PartRule = Literal["corrected", "released"]


def part_boxes(faces: pd.DataFrame, rule: PartRule) -> PartBoxes:
    """Boxes of faces with the same number of landmarks, before they are compared with the image."""
    landmarks, visibility = landmark_arrays(faces)
    if rule == "released":
        return released_boxes(landmarks, visibility == Visibility.EXTERNALLY_OCCLUDED)
    return corrected_boxes(landmarks)


def label_faces(faces: pd.DataFrame, rule: PartRule, outside: Outside) -> SetLabels:
    """Make the part boxes of each face.

    Args:
        faces: A faces table. Width and height 0 mean that the size of the photo is unknown; its right and lower
            border are then not checked.
        rule: "corrected" or "released".
        outside: How to handle boxes that extend beyond the image.

    Raises:
        InputError: A face has an unsupported number of landmarks.
    """
    tables, rejected = [], []
    points = faces["visibility"].map(len)
    for count, group in faces.groupby(points, sort=True):
        if count not in SCHEMES:
            raise InputError(f"{group['annotation'].iloc[0]}: {count} landmarks; expected {SCHEMES[0]} or {SCHEMES[1]}")
        boxes = part_boxes(group, rule)
        sizes = group[["width", "height"]].to_numpy(np.float64, copy=True)
        sizes[sizes == 0] = np.inf
        dropped = np.zeros(len(group), bool)
        if outside == "clip":
            boxes = leave_out_small(clip_boxes(boxes, sizes))
        else:
            boxes = leave_out_small(boxes) if rule == "corrected" else boxes
            leaves = leave_image(boxes, sizes, as_yolov5=outside == "drop_as_yolov5")
            dropped = group["photo"].isin(set(group.loc[leaves, "photo"])).to_numpy()
        empty = ~(boxes.status == KEPT).any(axis=1)
        keep = ~(dropped | empty)
        rejected += [
            _reject(annotation, row, photo, drop)
            for annotation, row, photo, drop, kept in zip(
                group["annotation"], group["row"], group["photo"], dropped, keep, strict=True
            )
            if not kept
        ]
        tables.append(_long_table(group[keep], PartBoxes(boxes.xyxy[keep], boxes.status[keep])))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(BOX_COLUMNS))
    return SetLabels(table, rejected)


def _reject(annotation: str, row: int, photo: str, dropped: bool) -> Rejected:
    if dropped:
        return Rejected(annotation, row, photo, "outside_image", f"a box of photo {photo} extends beyond the image")
    detail = "no part has at least two usable points and a box of at least one pixel in the photo"
    return Rejected(annotation, row, photo, "no_usable_part", detail)


def _long_table(faces: pd.DataFrame, boxes: PartBoxes) -> pd.DataFrame:
    count = len(faces)
    corners = boxes.xyxy.reshape(-1, 4)
    return pd.DataFrame(
        {
            **{column: np.repeat(faces[column].to_numpy(), len(PARTS)) for column in ("source", "photo", "name")},
            "part": np.tile(np.array(PARTS, object), count),
            "class_id": np.tile(np.array(CLASS_OF_PART), count),
            **{column: corners[:, position] for position, column in enumerate(("x1", "y1", "x2", "y2"))},
            "status": np.array(STATUS_NAMES, object)[boxes.status.ravel()],
        }
    )
