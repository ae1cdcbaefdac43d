"""Shares of a set join to what one job would have written."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import RawData
from uncover.errors import InputError
from uncover.images.inputs import Shard
from uncover.metrics.predictions import Predictions, join_predictions, read_predictions, write_predictions

SETTINGS = {"model": "yolov5n", "confidence": 0.001, "classes": {"0": "face"}}


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
    with pytest.raises(InputError, match=r"no share 2 of 3"):
        join_predictions([one, three])
    with pytest.raises(InputError, match=r"is share 1 of 3, and so is .*1-of-3.parquet; give each once"):
        other = tmp_path / "again.parquet"
        other.write_bytes(one.read_bytes())
        join_predictions([one, two, three, other])
    write_predictions(two, predictions(["1.png"], boxes_of, {**SETTINGS, "model": "yolov5s", "shard": 2, "shards": 3}))
    with pytest.raises(InputError, match=r"2-of-3.parquet: was not made as .*1-of-3.parquet was"):
        join_predictions([one, two, three])
