"""Frames on disk in parts: what was put in comes out, and a stop loses no more than a part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.video.detected import by_detector, by_rescue, seen
from uncover.images.privacy import Cover
from uncover.video import detected_frames as detected_frames_module
from uncover.video.detected_frames import DetectedFrame, End, Parts

CORNER = st.floats(-1e4, 1e4, width=32)
BOX = st.tuples(st.integers(0, 1), st.floats(0, 1, width=32), st.tuples(*[CORNER] * 4))


def as_numbers(frame: DetectedFrame) -> list[object]:
    found = frame.detections
    assert (found.boxes.dtype, found.confidence.dtype, frame.found_by.dtype) == (np.float32, np.float32, np.int8)
    boxes = [found.boxes.tolist(), found.confidence.tolist(), frame.found_by.tolist()]
    cover = None if frame.cover is None else [frame.cover.cells.tolist(), frame.cover.side]
    return [frame.index, repr(frame.second), frame.width, frame.height, boxes, cover]


COVERS = [
    None,
    *(Cover.of(np.array([[n, 2 * n, 50 + n, 60]]), 120, 100) for n in (3, 30)),
    Cover.of(np.zeros((0, 4)), 9, 9),
]


@given(
    found=st.lists(st.tuples(st.lists(BOX, max_size=3), st.sampled_from(COVERS)), max_size=9), at_once=st.integers(1, 4)
)
def test_what_was_put_in_comes_out(
    found: list[tuple[list[tuple], Cover | None]], at_once: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    frames = [seen(2 * number, *boxes, second=number / 3, cover=cover) for number, (boxes, cover) in enumerate(found)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detected_frames_module, "FRAMES", at_once)
        parts = Parts(tmp_path_factory.mktemp("parts"))
        for frame in frames:
            parts.add(frame)
        assert [as_numbers(each) for each in Parts(parts.folder)] == [
            as_numbers(each) for each in frames[: len(frames) // at_once * at_once]
        ]
        parts.flush()
    assert [as_numbers(each) for each in parts] == [as_numbers(each) for each in frames]
    last = parts.last()
    assert (last is None) == (not frames) and (last is None or as_numbers(last) == as_numbers(frames[-1]))


def test_another_process_goes_on_where_the_first_one_was(tmp_path: Path) -> None:
    first = Parts(tmp_path)
    first.add(seen(0, by_detector(0.5)))
    first.flush()
    first.add(seen(1))  # Lost: nobody wrote it.
    second = Parts(tmp_path)
    last = second.last()
    assert last is not None and last.index == 0 and second.end is None
    second.add(seen(1, by_rescue(0.7)))
    second.finish(End(3, "ends amid a picture"))
    third = Parts(tmp_path)
    assert third.end == End(3, "ends amid a picture")
    assert [frame.index for frame in third] == [0, 1]
    third.clear()
    assert list(third) == [] and third.end is None and third.last() is None


def test_an_image_has_no_time(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    parts.add(seen(0))
    parts.finish(End(0, ""))
    assert [np.isnan(frame.second) for frame in parts] == [True]
