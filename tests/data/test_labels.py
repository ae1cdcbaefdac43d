"""From a table of faces to the table of boxes: what is kept, what is rejected and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import pytest

from uncover.data.faces import Visibility
from uncover.data.labels import label_faces
from uncover.data.parts import PARTS
from uncover.data.sets import BOX_COLUMNS
from uncover.errors import InputError

if TYPE_CHECKING:
    from conftest import RawData

Outside = Literal["clip", "drop", "drop_as_yolov5"]


def table(faces: Sequence[tuple[str, np.ndarray]], size: tuple[int, int] = (120, 90)) -> pd.DataFrame:
    """As much of a faces table as labels look at, a face per photo and landmarks (NaN where self-occluded)."""
    return pd.DataFrame(
        {
            "source": "some",
            "photo": [photo for photo, _ in faces],
            "width": size[0],
            "height": size[1],
            "name": [f"face{number}" for number in range(len(faces))],
            "annotation": [f"{number}.pts" for number in range(len(faces))],
            "row": 0,
            "landmarks": [points.ravel() for _, points in faces],
            "visibility": [
                np.where(np.isnan(points[:, 0]), Visibility.SELF_OCCLUDED, Visibility.VISIBLE).astype(np.uint8)
                for _, points in faces
            ],
        }
    )


def test_a_face_has_eleven_rows_whose_box_or_status_tells_all(raw: RawData) -> None:
    points = raw.points(68)
    points[48:] = np.nan
    labels = label_faces(table([("a", points)]), "corrected", "clip")
    assert tuple(labels.boxes.columns) == BOX_COLUMNS and not labels.rejected
    assert tuple(labels.boxes["part"]) == PARTS
    assert list(labels.boxes["status"]) == ["kept"] * 10 + ["too_few_points"]
    nose = labels.boxes.set_index("part").loc["nose", ["x1", "y1", "x2", "y2"]]
    assert list(nose) == [*points[27:36].min(axis=0), *points[27:36].max(axis=0)]


def test_both_schemes_may_stand_in_one_table(raw: RawData) -> None:
    labels = label_faces(table([("a", raw.points(98)), ("b", raw.points(68))]), "corrected", "clip")
    assert sorted(labels.boxes["photo"].unique()) == ["a", "b"] and len(labels.boxes) == 22


@pytest.mark.parametrize("points", [0, 5, 106])
def test_another_number_of_landmarks_is_refused(raw: RawData, points: int) -> None:
    with pytest.raises(InputError, match=rf"^0\.pts: {points} landmarks; expected 68 or 98"):
        label_faces(table([("a", raw.points(points))]), "corrected", "clip")


@pytest.mark.parametrize(
    ("moved", "outside", "kept"),
    [
        (0.0, "clip", "ab"),
        (0.0, "drop", "ab"),
        (0.0, "drop_as_yolov5", "ab"),
        (-10.0, "clip", "ab"),
        (-10.0, "drop", "b"),
        (-10.0, "drop_as_yolov5", "ab"),  # every box's centre is still inside
        (-100.0, "drop_as_yolov5", "b"),
        (-1000.0, "clip", "b"),
        (-1000.0, "drop", "b"),
    ],
)
def test_what_becomes_of_a_face_that_leaves_its_photo(raw: RawData, moved: float, outside: Outside, kept: str) -> None:
    faces = table([("a", raw.points(68, 1) + np.array([moved, 0])), ("b", raw.points(68, 2))])
    labels = label_faces(faces, "corrected", outside)
    assert sorted(labels.boxes["photo"].unique()) == list(kept)
    assert [(item.file, item.photo) for item in labels.rejected] == ([] if "a" in kept else [("0.pts", "a")])
    reasons = {item.reason for item in labels.rejected}
    assert reasons <= ({"no_usable_part"} if outside == "clip" else {"outside_image"})


def test_a_dropped_photo_takes_all_its_faces_along(raw: RawData) -> None:
    faces = table([("a", raw.points(68, 1) - 10), ("a", raw.points(68, 2)), ("b", raw.points(68, 3))])
    labels = label_faces(faces, "corrected", "drop")
    assert [(item.file, item.reason) for item in labels.rejected] == [
        ("0.pts", "outside_image"),
        ("1.pts", "outside_image"),
    ]
    assert set(labels.boxes["photo"]) == {"b"}


def test_a_box_too_small_to_be_one_drops_no_photo(raw: RawData) -> None:
    points = raw.points(68)
    points[:48] = np.nan
    points[36:42] = (-3, 40)  # an eye without size, outside
    labels = label_faces(table([("a", points)]), "corrected", "drop")
    assert not labels.rejected
    assert labels.boxes.set_index("part").loc["right eye", "status"] == "under_one_pixel"


def test_a_face_without_any_point_is_rejected(raw: RawData) -> None:
    labels = label_faces(table([("a", np.full((68, 2), np.nan)), ("b", raw.points(68))]), "corrected", "clip")
    assert [(item.file, item.photo, item.reason) for item in labels.rejected] == [("0.pts", "a", "no_usable_part")]
    assert set(labels.boxes["photo"]) == {"b"}


def test_of_an_unknown_size_nothing_is_too_far_right_or_down(raw: RawData) -> None:
    points = raw.points(68) * 100 - np.array([300, 0])
    for outside in ("clip", "drop", "drop_as_yolov5"):
        labels = label_faces(table([("a", points)], (0, 0)), "corrected", outside)  # type: ignore[arg-type]
        assert not labels.rejected and set(labels.boxes["status"]) == {"kept"}
        box = labels.boxes.set_index("part").loc["mouth", ["x1", "y1", "x2", "y2"]]
        assert list(box) == [*points[48:].min(axis=0), *points[48:].max(axis=0)]


def test_no_faces_give_no_boxes() -> None:
    labels = label_faces(table([]), "corrected", "clip")
    assert labels.boxes.empty and tuple(labels.boxes.columns) == BOX_COLUMNS and not labels.rejected
