"""The track offline: gaps by hand, windows against the whole sequence, and simulated videos."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking.simulated_tracks import (
    found,
    interrupted,
    offline,
    online,
    score,
    simulate,
    with_own_boxes,
    without_track,
)
from uncover.metrics.detections import box_iou
from uncover.tracking import smoothing
from uncover.tracking.smoothing import smooth
from uncover.tracking.tracker import Observation, TrackedFace, TrackerSettings

SETTINGS = TrackerSettings(640, 480)
FACE = np.array([300.0, 200, 360, 280])
ELSEWHERE = FACE - [250, 150, 250, 150]


def shown(*stretches: tuple[int, np.ndarray | None]) -> list[Observation]:
    """Frames at 5 per second: stretches of so many with a sure face at a place, or with nothing."""
    places = [place for count, place in stretches for _ in range(count)]
    return [
        found(n / 5, [] if place is None else [place], [] if place is None else [0.8]) for n, place in enumerate(places)
    ]


def overlaps(tracked: TrackedFace | None, place: np.ndarray) -> bool:
    return tracked is not None and float(box_iou(tracked.box[None], place[None])[0, 0]) > 0.8


def test_a_gap_with_both_sides_is_filled_up_to_twice_the_bridge() -> None:
    # Nine frames without a face lie between two faces that are two seconds apart.
    results = offline(shown((20, FACE), (9, None), (5, FACE)))
    assert all(overlaps(one, FACE) for one in results)
    assert [one is not None and one.candidate is None for one in results] == [False] * 20 + [True] * 9 + [False] * 5
    gap = np.array([one.confidence for one in results[20:29] if one is not None])
    away = np.minimum(np.arange(1, 10), np.arange(9, 0, -1)) / 5
    np.testing.assert_allclose(gap, 0.8 * np.exp(-away))
    longer = offline(shown((20, FACE), (10, None), (5, FACE)))
    assert [one is None for one in longer] == [False] * 20 + [True] * 10 + [False] * 5


@pytest.mark.parametrize("bridge", [0.5, 1, 3, 5, 10, 30])
def test_a_gap_is_filled_up_to_twice_the_bridge_that_was_wished(bridge: float) -> None:
    settings = TrackerSettings(640, 480, bridge)
    for seed in range(2):
        for gap, filled in ((2 * bridge - 0.4, True), (2 * bridge + 0.4, False)):
            frames = interrupted(seed, seconds=5, gap=gap)
            within = [
                face is not None
                for frame, face in zip(frames, offline(frames, settings), strict=True)
                if not len(frame.boxes)
            ]
            assert within and all(within) == any(within) == filled, (seed, gap)


@pytest.mark.parametrize("bridge", [1, 10, 30])
def test_a_spot_that_flickers_is_not_filled(bridge: float) -> None:
    frames = [found(n / 5, [FACE] if n % 10 == 0 else [], [0.8] if n % 10 == 0 else []) for n in range(300)]
    results = offline(frames, TrackerSettings(640, 480, bridge))
    assert [n for n, one in enumerate(results) if one is not None] == list(range(0, 300, 10))


def test_nothing_is_filled_before_the_first_face_or_after_the_last() -> None:
    results = offline(shown((5, None), (20, FACE), (5, None)))
    assert [one is None for one in results] == [True] * 5 + [False] * 20 + [True] * 5


def test_a_gap_that_ends_elsewhere_is_not_filled() -> None:
    results = offline(shown((20, FACE), (4, None), (8, ELSEWHERE)))
    assert all(overlaps(one, FACE) for one in results[:20])
    assert results[20:24] == [None] * 4
    # The past alone would not believe the first two of these.
    assert all(overlaps(one, ELSEWHERE) for one in results[24:])
    assert [one.candidate for one in results[24:] if one is not None] == [0] * 8


def test_one_box_elsewhere_is_not_believed() -> None:
    results = offline(shown((20, FACE), (1, ELSEWHERE), (10, FACE)))
    assert all(overlaps(one, FACE) for one in results)
    assert results[20] is not None and results[20].candidate is None


def test_a_movement_in_a_gap_is_followed_from_both_sides() -> None:
    places = [FACE + np.array([4, 0, 4, 0]) * n for n in range(40)]
    results = offline(shown(*[(1, None if 18 <= n < 22 else place) for n, place in enumerate(places)]))
    for n in range(18, 22):
        one = results[n]
        assert one is not None and one.box[0] == pytest.approx(FACE[0] + 4 * n, abs=2)


def same(one: list[TrackedFace | None], other: list[TrackedFace | None]) -> None:
    assert [x is None for x in one] == [x is None for x in other]
    for first, second in zip(one, other, strict=True):
        if first is not None and second is not None:
            assert first.candidate == second.candidate
            assert first.confidence == pytest.approx(second.confidence)
            np.testing.assert_allclose(first.box, second.box, atol=0.05)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000), rate=st.sampled_from([1, 5, 12]))
def test_windows_give_what_the_whole_sequence_gives(seed: int, rate: float) -> None:
    video = simulate(seed, 40, rate, false_per_minute=20)
    windows = offline(video.frames)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(smoothing, "AHEAD", 1e6)
        whole = offline(video.frames)
    assert len(windows) == len(video.frames)
    same(windows, whole)
    for one in windows:
        if one is not None:
            assert (one.box >= 0).all() and (one.box <= [640, 480, 640, 480]).all()
            assert (one.box[:2] < one.box[2:]).all()


def test_memory_does_not_grow_with_the_video() -> None:
    given_frames = 0

    def frames() -> Iterator[Observation]:
        nonlocal given_frames
        for n in range(1000):
            given_frames += 1
            yield found(n / 5, [FACE], [0.8])

    behind = [given_frames - number for number, _ in enumerate(smooth(frames(), SETTINGS))]
    assert len(behind) == 1000
    # Two windows of five seconds, at five frames per second.
    assert max(behind) <= 2 * 5 * 5 + 2


def test_no_frames_no_results() -> None:
    assert offline([]) == []
    assert offline(shown((3, None))) == [None] * 3


@pytest.mark.parametrize("rate", [5, 15])
def test_the_future_helps(rate: float) -> None:
    videos = [simulate(seed, 40, rate) for seed in range(4)]
    plain = score(videos, [without_track(video.frames) for video in videos])
    past = score(videos, [online(video.frames) for video in videos])
    results = [offline(video.frames) for video in videos]
    both = score(videos, results)
    own = score(videos, [with_own_boxes(*pair) for pair in zip(videos, results, strict=True)])
    assert both.recall > plain.recall + 0.15
    assert both.false_per_minute < min(plain.false_per_minute, past.false_per_minute)
    assert both.overlap > max(past.overlap, own.overlap)
