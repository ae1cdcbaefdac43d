"""Boxes per second against cases that are summed up by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.errors import InputError
from uncover.tracking.per_second import COLUMNS, FaceSecond, FoundBy, FrameFace, per_second


def face(second: float, left: float, confidence: float, found_by: FoundBy) -> FrameFace:
    return FrameFace(second, np.array([left, 2, left + 10, 22]), confidence, found_by)


def test_two_seconds_by_hand() -> None:
    faces = [
        face(0.0, 1, 0.9, "rgb"),
        face(0.25, 5, 0.5, "heatmap"),
        face(0.5, 2, 0.4, "temporal"),
        FrameFace(0.75),
        FrameFace(1.0),
        face(1.999, 3, 0.8, "rescue"),
        face(1.9999, 4, 0.6, "rescue"),
    ]
    assert list(per_second(faces)) == [
        FaceSecond(0, 4, 3, 1, 1, 0, 1, 2, 2, 12, 22, 0.5),
        FaceSecond(1, 3, 2, 0, 0, 2, 0, 3.5, 2, 13.5, 22, 0.7),
    ]


def test_a_second_without_a_face_has_a_row_without_a_box_and_one_without_a_frame_has_none() -> None:
    nothing = [0, 0, 0, 0, 0, None, None, None, None, None]
    assert list(per_second([FrameFace(0.5), FrameFace(2.5)])) == [
        FaceSecond(0, 1, *nothing),
        FaceSecond(2, 1, *nothing),
    ]
    assert list(per_second([])) == []


@pytest.mark.parametrize(("interval", "seconds"), [(600.0, 59 * 3600), (0.04, 30), (1.0, 30)])
def test_a_time_lapse_has_as_many_rows_as_frames_and_a_usual_video_one_for_every_second(
    interval: float, seconds: int
) -> None:
    shown = np.arange(0, seconds, interval)
    rows = list(per_second(FrameFace(second) for second in shown))
    assert [row.second for row in rows] == sorted({int(second) for second in shown})
    assert len(rows) == (len(shown) if interval > 1 else seconds)


def test_columns() -> None:
    assert ",".join(COLUMNS) == "second,frames,found,rgb,heatmap,rescue,temporal,x1,y1,x2,y2,confidence"


def test_a_second_comes_as_soon_as_it_is_over() -> None:
    given_frames = []

    def frames():
        for second in (0.0, 0.9, 1.0, 1.5, 2.0):
            given_frames.append(second)
            yield FrameFace(second)

    assert next(per_second(frames())).frames == 2
    assert given_frames == [0.0, 0.9, 1.0]


@pytest.mark.parametrize("seconds", [[-0.5], [1.0, 0.9]])
def test_frames_out_of_order_are_named(seconds: list[float]) -> None:
    with pytest.raises(InputError, match=f"frame at {seconds[-1]:g} s: .*expected frames in order"):
        list(per_second([FrameFace(second) for second in seconds]))


@given(seconds=st.lists(st.tuples(st.floats(0, 50), st.booleans()), max_size=40))
def test_no_frame_is_lost(seconds: list[tuple[float, bool]]) -> None:
    faces = [face(at, 1, 0.5, "rgb") if there else FrameFace(at) for at, there in sorted(seconds)]
    rows = list(per_second(faces))
    assert [row.second for row in rows] == sorted({math.floor(at) for at, _ in seconds})
    assert all(row.frames for row in rows)
    assert sum(row.frames for row in rows) == len(faces)
    assert sum(row.found for row in rows) == sum(row.rgb for row in rows) == sum(there for _, there in seconds)
    assert all((row.x1 is None) == (row.found == 0) for row in rows)
