"""Landmarks in stored predictions: there as a whole or not at all, sound, and in their order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.metrics.conftest import RandomSet
from uncover.errors import InputError
from uncover.metrics.predictions import COLUMNS, LANDMARK_COLUMNS, Predictions, read_predictions, write_predictions


def with_landmarks(a_set: RandomSet) -> Predictions:
    """Points that tell from which row and column they come."""
    boxes = a_set.predictions.boxes
    points = np.arange(len(boxes) * len(LANDMARK_COLUMNS), dtype=np.float32).reshape(len(boxes), -1)
    landmarks = pd.DataFrame(points, columns=list(LANDMARK_COLUMNS), index=boxes.index)
    return replace(a_set.predictions, boxes=pd.concat([boxes, landmarks], axis=1))


def test_they_follow_their_boxes(a_set: RandomSet, tmp_path: Path) -> None:
    """Also when boxes and columns are in any order."""
    path, given = tmp_path / "set.parquet", with_landmarks(a_set)
    shuffled = given.boxes.sample(frac=1, random_state=1)
    write_predictions(path, replace(given, boxes=shuffled[sorted(shuffled.columns)]))
    read = read_predictions(path).boxes
    assert list(read) == [*COLUMNS, *LANDMARK_COLUMNS]
    expected = shuffled.sort_values(["image", "confidence"], ascending=[True, False], ignore_index=True)
    pd.testing.assert_frame_equal(read, expected[list(read)], check_dtype=False)
    assert {str(read[name].dtype) for name in LANDMARK_COLUMNS} == {"float32"}


def test_sides_are_those_of_the_person() -> None:
    assert list(LANDMARK_COLUMNS)[:4] == ["right_eye_x", "right_eye_y", "left_eye_x", "left_eye_y"]
    assert len(LANDMARK_COLUMNS) == 10


def test_columns_stay_without_a_box(a_set: RandomSet, tmp_path: Path) -> None:
    given = with_landmarks(a_set)
    write_predictions(tmp_path / "set.parquet", replace(given, boxes=given.boxes.iloc[:0]))
    assert list(read_predictions(tmp_path / "set.parquet").boxes) == [*COLUMNS, *LANDMARK_COLUMNS]


def test_half_a_face_is_left_out(a_set: RandomSet, tmp_path: Path) -> None:
    given = with_landmarks(a_set)
    write_predictions(tmp_path / "set.parquet", replace(given, boxes=given.boxes.drop(columns="nose_y")))
    assert list(read_predictions(tmp_path / "set.parquet").boxes) == list(COLUMNS)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_unsound_landmarks(a_set: RandomSet, tmp_path: Path, value: float) -> None:
    given = with_landmarks(a_set)
    boxes = given.boxes.copy()
    boxes.loc[2, "nose_x"] = value
    with pytest.raises(InputError, match=r"set.parquet: row .*a landmark that is no number; 1 such rows"):
        write_predictions(tmp_path / "set.parquet", replace(given, boxes=boxes))
    assert not list(tmp_path.iterdir())
