"""Stored predictions come back as they were, and what is none is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.metrics.conftest import RandomSet
from uncover.errors import InputError
from uncover.metrics.predictions import COLUMNS, Predictions, read_predictions, write_predictions


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
        ("confidence", np.nan, "a confidence that is no number from 0 to 1; 1 such rows"),
        ("confidence", 1.5, "a confidence that is no number from 0 to 1"),
        ("confidence", -0.1, "a confidence that is no number from 0 to 1"),
        ("x1", np.nan, "a box with a corner that is no number"),
        ("y2", np.inf, "a box with a corner that is no number"),
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
    with pytest.raises(InputError, match=r"names 00.jpg twice"):
        write_predictions(tmp_path / "a.parquet", Predictions(a_set.predictions.boxes, twice, {}))
    with pytest.raises(InputError, match=r"image 00.jpg is 0 x 480; expected pixels above 0"):
        write_predictions(tmp_path / "a.parquet", Predictions(a_set.predictions.boxes, images.assign(width=0), {}))


def test_a_file_that_is_cut_off(a_set: RandomSet, tmp_path: Path) -> None:
    path = tmp_path / "set.parquet"
    write_predictions(path, a_set.predictions)
    whole = path.read_bytes()
    for length in (0, 3, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="is no Parquet file, or a part of one"):
            read_predictions(path)


def test_files_of_others(a_set: RandomSet, tmp_path: Path) -> None:
    path = tmp_path / "set.parquet"
    with pytest.raises(InputError, match="does not exist; make it with 'uncover predict'"):
        read_predictions(path)
    a_set.predictions.boxes.to_parquet(path)
    with pytest.raises(InputError, match="metadata does not say which images"):
        read_predictions(path)
    a_set.predictions.boxes.drop(columns="x1").to_parquet(path)
    with pytest.raises(InputError, match="no column x1"):
        read_predictions(path)
    path.write_text("image,class\n")
    with pytest.raises(InputError, match="is no Parquet file"):
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
