"""Stored predictions: they come back as they were, landmarks and shares too, and nothing unsound is stored or read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import RawData
from tests.metrics.conftest import RandomSet
from uncover.errors import InputError
from uncover.images.inputs import Shard
from uncover.metrics.predictions import (
    COLUMNS,
    LANDMARK_COLUMNS,
    Predictions,
    join_predictions,
    read_predictions,
    write_predictions,
)

SETTINGS = {"model": "yolov5n", "confidence": 0.001, "classes": {"0": "face"}}


def changed(drawn: RandomSet, column: str, value: object, row: int = 2) -> Predictions:
    boxes = drawn.predictions.boxes.copy()
    boxes.loc[row, column] = value
    return Predictions(boxes, drawn.predictions.images, drawn.predictions.settings)


def test_they_come_back_sorted(a_set: RandomSet, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "set.parquet"
    shuffled = a_set.predictions.boxes.sample(frac=1, random_state=1)
    write_predictions(path, Predictions(shuffled, a_set.predictions.images, a_set.predictions.settings))
    read = read_predictions(path)
    expected = shuffled.sort_values(["image", "confidence"], ascending=[True, False], ignore_index=True)
    pd.testing.assert_frame_equal(read.boxes, expected[list(COLUMNS)], check_dtype=False)
    assert {name: str(kind) for name, kind in read.boxes.dtypes.items() if name not in ("image", "class")} == {
        "class_id": "int64",
        **dict.fromkeys(("confidence", "x1", "y1", "x2", "y2"), "float32"),
    }
    pd.testing.assert_frame_equal(read.images, a_set.predictions.images, check_dtype=False)
    assert read.settings == a_set.predictions.settings
    assert read.class_names == {0: "eyes", 1: "nose", 2: "whole face", 3: "right face"}


def test_images_without_a_box_are_remembered(a_set: RandomSet, tmp_path: Path) -> None:
    path = tmp_path / "set.parquet"
    write_predictions(path, Predictions(a_set.predictions.boxes.iloc[:0], a_set.predictions.images, {}))
    read = read_predictions(path)
    assert len(read.boxes) == 0 and len(read.images) == 20 and read.class_names == {}


def test_names_of_classes_are_those_found_where_nothing_is_stated(a_set: RandomSet) -> None:
    assert Predictions(a_set.predictions.boxes, a_set.predictions.images, {}).class_names == {
        0: "eyes",
        1: "nose",
        3: "right face",
    }


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("confidence", np.nan, "a confidence that is not a number from 0 to 1; 1 such rows"),
        ("confidence", 1.5, "a confidence that is not a number from 0 to 1"),
        ("confidence", -0.1, "a confidence that is not a number from 0 to 1"),
        ("x1", np.nan, "a box with a corner that is not a number"),
        ("y2", np.inf, "a box with a corner that is not a number"),
        ("x2", -100.0, "a box whose x2 or y2 is below its x1 or y1"),
        ("image", "other.jpg", r"\(other.jpg\): an image that is not in the list"),
        ("class", None, "a box without a class"),
    ],
)
def test_unsound_boxes(a_set: RandomSet, tmp_path: Path, column: str, value: object, says: str) -> None:
    """Both ways: nothing unsound is written, and what others wrote is not taken."""
    with pytest.raises(InputError, match=f"set.parquet: row .*{says}"):
        write_predictions(tmp_path / "set.parquet", changed(a_set, column, value))
    assert not list(tmp_path.iterdir())
    path = tmp_path / "sound.parquet"
    write_predictions(path, a_set.predictions)
    table = pq.read_table(path)
    boxes = table.to_pandas()
    boxes.loc[2, column] = value
    schema = pa.schema(list(COLUMNS.items()))
    spoilt = pa.Table.from_pandas(boxes, schema=schema, preserve_index=False)
    pq.write_table(spoilt.replace_schema_metadata(table.schema.metadata), tmp_path / "set.parquet")
    with pytest.raises(InputError, match=f"set.parquet: row 3 .*{says}"):
        read_predictions(tmp_path / "set.parquet")


def test_unsound_lists_of_images(a_set: RandomSet, tmp_path: Path) -> None:
    images = a_set.predictions.images
    twice = pd.concat([images, images.iloc[:1]])
    with pytest.raises(InputError, match=r"contains 00.jpg twice"):
        write_predictions(tmp_path / "a.parquet", Predictions(a_set.predictions.boxes, twice, {}))
    with pytest.raises(InputError, match=r"image 00.jpg is 0 x 480; expected sizes above 0"):
        write_predictions(tmp_path / "a.parquet", Predictions(a_set.predictions.boxes, images.assign(width=0), {}))


def test_a_file_that_is_cut_off(a_set: RandomSet, tmp_path: Path) -> None:
    path = tmp_path / "set.parquet"
    write_predictions(path, a_set.predictions)
    whole = path.read_bytes()
    for length in (0, 3, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="is not a Parquet file, or is truncated"):
            read_predictions(path)


def test_files_of_others(a_set: RandomSet, tmp_path: Path) -> None:
    path = tmp_path / "set.parquet"
    with pytest.raises(InputError, match="does not exist; make it with 'uncover predict'"):
        read_predictions(path)
    a_set.predictions.boxes.to_parquet(path)
    with pytest.raises(InputError, match="has no list of images in its metadata"):
        read_predictions(path)
    a_set.predictions.boxes.drop(columns="x1").to_parquet(path)
    with pytest.raises(InputError, match="no column x1"):
        read_predictions(path)
    path.write_text("image,class\n")
    with pytest.raises(InputError, match="is not a Parquet file"):
        read_predictions(path)


def test_boxes_of_some_classes_are_kept_by_name(a_set: RandomSet) -> None:
    found = a_set.predictions
    name = found.class_names[int(found.boxes["class_id"].iloc[0])]
    kept = found.of_classes([name.upper()])
    assert set(kept.boxes["class"]) == {name} and list(kept.class_names.values()) == [name]
    assert kept.boxes.equals(found.boxes[found.boxes["class"] == name].reset_index(drop=True))
    assert kept.images is found.images and found.of_classes([]) is found
    with pytest.raises(InputError, match="the model: has no class 'ear'"):
        found.of_classes(["ear"])


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
    with pytest.raises(InputError, match=r"set.parquet: row .*a landmark that is not a number; 1 such rows"):
        write_predictions(tmp_path / "set.parquet", replace(given, boxes=boxes))
    assert not list(tmp_path.iterdir())


def predictions(names: list[str], boxes_of: dict[str, int], settings: dict[str, object]) -> Predictions:
    """Each image has as many boxes as stated, told apart by their confidence."""
    rows = [
        {"image": name, "class": "face", "class_id": 0, "confidence": 0.9 - 0.1 * k, "x1": k, "y1": 0, "x2": 9, "y2": 9}
        for name in names
        for k in range(boxes_of[name])
    ]
    columns = ["image", "class", "class_id", "confidence", "x1", "y1", "x2", "y2"]
    boxes = pd.DataFrame(rows, columns=columns).astype({"class_id": "int64"})
    images = pd.DataFrame({"image": names, "width": 10, "height": 10})
    return Predictions(boxes, images, settings)


def write_shares(folder: Path, boxes_of: dict[str, int], count: int) -> list[Path]:
    paths = []
    for shard in (Shard(number, count) for number in range(1, count + 1)):
        path = shard.record(folder)
        names = list(shard.take(list(boxes_of)))
        write_predictions(path, predictions(names, boxes_of, {**SETTINGS, **shard.settings()}))
        paths.append(path)
    return paths


@given(st.lists(st.integers(0, 3), min_size=1, max_size=9), st.integers(1, 6), st.randoms())
def test_joined_shares_are_the_bytes_of_the_whole(made: RawData, counts: list[int], shares: int, chance) -> None:
    boxes_of = {f"{number}.png": count for number, count in enumerate(counts)}
    whole = made.root / "whole.parquet"
    write_predictions(whole, predictions(list(boxes_of), boxes_of, dict(SETTINGS)))
    paths = write_shares(made.root / "set", boxes_of, shares)
    chance.shuffle(paths)
    joined = made.root / "joined.parquet"
    write_predictions(joined, join_predictions(paths))
    assert joined.read_bytes() == whole.read_bytes()
    assert read_predictions(joined).images["image"].tolist() == list(boxes_of)


def test_shares_that_do_not_make_a_set_are_named(tmp_path: Path) -> None:
    boxes_of = {f"{number}.png": 1 for number in range(5)}
    one, two, three = write_shares(tmp_path / "set", boxes_of, 3)
    with pytest.raises(InputError, match=r"shards 2 of 3 are missing"):
        join_predictions([one, three])
    with pytest.raises(InputError, match=r"is shard 1 of 3, as is .*1-of-3.parquet; give each shard once"):
        other = tmp_path / "again.parquet"
        other.write_bytes(one.read_bytes())
        join_predictions([one, two, three, other])
    write_predictions(two, predictions(["1.png"], boxes_of, {**SETTINGS, "model": "yolov5s", "shard": 2, "shards": 3}))
    with pytest.raises(InputError, match=r"2-of-3.parquet: settings differ from .*1-of-3.parquet"):
        join_predictions([one, two, three])
