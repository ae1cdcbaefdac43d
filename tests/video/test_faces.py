"""Which boxes count, and what they are marked as, by frames made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.video.detected import ASIDE, FACE, LABELS, by_detector, by_rescue, seen
from uncover.video.detected_frames import DetectedFrame
from uncover.video.faces import FaceLabels, FrameFaces, track_faces
from uncover.video.options import Temporal
from uncover.video.statistics import SourceStatistics

SURE, UNSURE = 0.8, 0.3


def follow(frames: Sequence[DetectedFrame], temporal: Temporal = "off", bridge: float = 1.0) -> list[FrameFaces]:
    return list(track_faces(frames, LABELS, temporal, bridge))


def test_boxes_of_the_rescue_count_only_where_the_detector_found_none() -> None:
    frames = [
        seen(0, by_detector(SURE), by_detector(UNSURE, ASIDE)),
        seen(1, by_detector(UNSURE, ASIDE), by_rescue(UNSURE), by_rescue(0.2, ASIDE)),
        seen(2, by_detector(SURE), by_rescue(0.9, ASIDE)),
        seen(3, by_detector(UNSURE)),
        seen(4),
    ]
    found = follow(frames)
    assert [each.found_by for each in found] == [("rgb",), ("heatmap",), ("rgb",), (), ()]
    assert [each.methods for each in found] == [("rgb10",), ("gradcampp_avg",), ("rgb10",), (), ()]
    assert [each.faces.boxes.tolist() for each in found] == [[list(FACE)]] * 3 + [[]] * 2
    assert [each.faces.confidence.tolist() for each in found[:2]] == [[np.float32(SURE)], [np.float32(UNSURE)]]
    assert [each.frame for each in found] == frames


def test_all_sure_boxes_of_one_step_count() -> None:
    (found,) = follow([seen(0, by_detector(0.4, ASIDE), by_detector(SURE))])
    # 0.4 itself counts, although it is another number in single precision.
    assert found.found_by == ("rgb", "rgb") and found.faces.boxes.tolist() == [list(ASIDE), list(FACE)]


def test_without_a_rescue_its_name_is_nowhere() -> None:
    labels = FaceLabels("mine", 0.4)
    found = list(track_faces([seen(0, by_detector(SURE)), seen(1)], labels, "off", 1.0))
    assert [each.methods for each in found] == [("mine",), ()]


@pytest.mark.parametrize("temporal", ["online", "offline"])
def test_a_short_gap_is_bridged_by_time_and_a_long_one_is_not(temporal: Temporal) -> None:
    face = [seen(number, by_detector(SURE), second=number / 5) for number in range(20)]
    gap = [seen(20 + number, second=4 + number / 5) for number in range(2)]
    again = [seen(22, by_detector(UNSURE), second=4.4), seen(23, by_rescue(SURE), second=4.6)]
    away = [seen(24 + number, second=4.8 + number / 5) for number in range(25)]
    found = follow([*face, *gap, *again, *away], temporal)
    assert [each.found_by for each in found[:20]] == [("rgb",)] * 20
    assert [each.found_by for each in found[20:22]] == [("temporal",)] * 2
    assert [each.methods for each in found[20:22]] == [("temporal",)] * 2
    # A box that is not sure enough by itself, at a place where the face is expected, and one of the rescue.
    assert [each.found_by for each in found[22:24]] == [("temporal",), ("heatmap",)]
    assert [each.methods for each in found[22:24]] == [("rgb10",), ("gradcampp_avg",)]
    assert all(each.found_by == () for each in found[-15:])
    for each in found[:24]:
        np.testing.assert_allclose(each.faces.boxes, [FACE], atol=1)


@pytest.mark.parametrize("temporal", ["online", "offline"])
def test_what_only_a_track_makes_a_face_of_is_marked_temporal_everywhere(temporal: Temporal) -> None:
    weak = [by_detector(UNSURE), by_rescue(0.2), by_detector(0.06)]
    frames = [seen(n, *([by_detector(SURE)] if n % 5 else [weak[n // 5 % 3]]), second=n / 5) for n in range(1, 29)]
    found = follow(frames, temporal)
    assert [each.found_by for each in found] == [("rgb",) if n % 5 else ("temporal",) for n in range(1, 29)]
    assert {each.methods for each in found if each.found_by == ("temporal",)} == {("rgb10",), ("gradcampp_avg",)}
    statistics = SourceStatistics()
    for each in found:
        statistics.add(each)
    assert statistics.told()["found_by"] == {"rgb": 23, "temporal": 5}


def test_offline_knows_what_comes_and_online_does_not() -> None:
    frames = [seen(number, by_detector(SURE), second=number / 5) for number in range(10)]
    early = [seen(0, by_detector(UNSURE), second=0.0), *frames[1:]]
    assert follow(early, "online")[0].found_by == ()
    online = [follow(frames[:stop], "online")[-1].found_by for stop in range(1, 11)]
    assert online == [each.found_by for each in follow(frames, "online")]


@given(st.lists(st.lists(st.tuples(st.booleans(), st.floats(0, 1, width=32)), max_size=4), max_size=8))
def test_each_face_is_a_box_that_was_seen(found: list[list[tuple[bool, float]]]) -> None:
    frames = [
        seen(number, *(by_rescue(sure) if rescue else by_detector(sure, ASIDE) for rescue, sure in boxes))
        for number, boxes in enumerate(found)
    ]
    for own, boxes in zip(follow(frames), found, strict=True):
        detector = [np.float32(sure) for rescue, sure in boxes if not rescue and np.float32(sure) >= np.float32(0.4)]
        rescue = [np.float32(sure) for rescue, sure in boxes if rescue and sure >= 0.25]
        expected = detector or rescue
        assert own.faces.confidence.tolist() == expected
        assert own.found_by == ("rgb" if detector else "heatmap",) * len(expected)


@pytest.mark.parametrize("temporal", ["online", "offline"])
@pytest.mark.parametrize("change", [{"joint": True}, {"width": 60, "height": 50}])
def test_no_track_goes_on_where_nobody_knows_how_much_time_passed_or_pictures_change_size(
    temporal: Temporal, change: dict[str, int]
) -> None:
    """A face before, none for a while after: bridged within a recording, not from one recording into the next."""
    frames = [seen(number, *[by_detector(SURE)] * (number < 10), second=number / 10) for number in range(13)]
    frames += [seen(number, by_detector(SURE), second=number / 10) for number in range(13, 20)]
    bridged = [each.found_by for each in follow(frames, temporal)]
    assert bridged[10:13] == [("temporal",)] * 3
    later = [
        replace(each, **{**change, "joint": change.get("joint", False) and number == 10}) if number >= 10 else each
        for number, each in enumerate(frames)
    ]
    apart = follow(later, temporal)
    assert [each.frame for each in apart] == later
    assert [each.found_by for each in apart] == [("rgb",)] * 10 + [()] * 3 + [("rgb",)] * 7
    alone = follow(later[10:], temporal)
    assert [each.faces.boxes.tolist() for each in apart[10:]] == [each.faces.boxes.tolist() for each in alone]
