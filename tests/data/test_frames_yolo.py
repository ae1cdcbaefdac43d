"""YOLO labels of frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.data.faces import RowError
from uncover.data.yolo import parse_yolo

shares = st.floats(0, 1, allow_nan=False)
sides = st.floats(1e-6, 1, allow_nan=False)


@given(st.lists(st.tuples(shares, shares, sides, sides), max_size=6))
def test_yolo_boxes_come_back(boxes: list[tuple[float, float, float, float]]) -> None:
    found = parse_yolo("".join(f"0 {x!r} {y!r} {w!r} {h!r}\n" for x, y, w, h in boxes))
    assert found.shape == (len(boxes), 4) and found.dtype == np.float64
    assert found.tolist() == [[x - w / 2, y - h / 2, x + w / 2, y + h / 2] for x, y, w, h in boxes]


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [
        ("0 0.5 0.5 0.1", 1, ["4 values", "expected five"]),
        ("0 0.5 0.5 0.1 0.1 0.9", 1, ["6 values", "expected five", "confidence"]),
        ("0 0.5 0.5 0.1 0.1\n\n0 0.5 0.5 0.1 x", 3, ["no five numbers"]),
        ("face 0.5 0.5 0.1 0.1", 1, ["no five numbers"]),
        ("1 0.5 0.5 0.1 0.1", 1, ["class 1 is unknown", "0"]),
        ("nan 0.5 0.5 0.1 0.1", 1, ["no finite number"]),
        ("0 0.5 0.5 nan 0.1", 1, ["no finite number"]),
        ("0 inf 0.5 0.1 0.1", 1, ["no finite number"]),
        ("0 0.5 0.5 0.1 1.01", 1, ["from 0 to 1"]),
        ("0 -0.1 0.5 0.1 0.1", 1, ["from 0 to 1"]),
        ("0 320 240 64 48", 1, ["from 0 to 1"]),
        ("0 0.5 0.5 0 0.1", 1, ["sides above 0"]),
    ],
)
def test_a_malformed_yolo_row_is_named(text: str, row: int, words: list[str]) -> None:
    with pytest.raises(RowError) as caught:
        parse_yolo(text)
    assert caught.value.row == row
    for word in words:
        assert word in str(caught.value)


@given(st.one_of(st.text(), st.lists(st.sampled_from(["0", "0.5", "1", "2", "nan", "\n", "x"])).map(" ".join)))
def test_no_text_raises_anything_but_a_row_error(text: str) -> None:
    try:
        boxes = parse_yolo(text)
    except RowError as error:
        assert 1 <= error.row <= len(text.splitlines()) and "\n" not in str(error)
    else:
        assert boxes.shape == (sum(1 for line in text.splitlines() if line.split()), 4)
