"""The track online: cases whose answer is known by hand, causality, and what it makes of simulated videos."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking.simulated_tracks import (
    found,
    interrupted,
    online,
    score,
    simulate,
    with_own_boxes,
    without_track,
)
from uncover.errors import InputError
from uncover.metrics.detections import Detections, box_iou
from uncover.tracking.tracker import Observation, TrackedFace, Tracker, TrackerSettings

SETTINGS = TrackerSettings(640, 480)
FACE = np.array([300.0, 200, 360, 280])
ELSEWHERE = FACE - [250, 150, 250, 150]
STEP = 0.2
BRIDGES = (0.5, 1, 3, 5, 10, 30)


def frame(second: float, *boxes: tuple[np.ndarray, float]) -> Observation:
    return found(second, [box for box, _ in boxes], [confidence for _, confidence in boxes])


def followed(until: float = 3.0, confidence: float = 0.8) -> tuple[Tracker, float]:
    """A track of a face at rest, and the second of its last frame."""
    tracker, seconds = Tracker(SETTINGS), np.arange(0, until, STEP)
    for second in seconds:
        assert tracker.update(frame(second, (FACE, confidence))) is not None
    return tracker, float(seconds[-1])


def beside(pixels: float) -> np.ndarray:
    return FACE + np.array([pixels, 0, pixels, 0])


def is_at(tracked: TrackedFace | None, place: np.ndarray) -> bool:
    return tracked is not None and float(box_iou(tracked.box[None], place[None])[0, 0]) > 0.8


def test_a_gap_is_bridged_for_exactly_so_long_and_with_falling_confidence() -> None:
    tracker, last = followed()
    for gap in (0.2, 0.4, 0.6, 0.8, 1.0):
        bridged = tracker.update(frame(last + gap))
        assert is_at(bridged, FACE) and bridged is not None
        assert bridged.candidate is None
        assert bridged.confidence == pytest.approx(0.8 * np.exp(-gap))
    assert tracker.update(frame(last + 1.01)) is None


def test_a_face_that_was_hardly_seen_is_not_bridged() -> None:
    tracker = Tracker(SETTINGS)
    assert tracker.update(frame(0, (FACE, 0.9))) is not None
    assert tracker.update(frame(STEP)) is None
    tracker, last = followed(until=2.5 * STEP)  # followed for two steps
    assert tracker.update(frame(last + 1 * STEP)) is not None
    assert tracker.update(frame(last + 2 * STEP)) is None


@pytest.mark.parametrize("gap", [0.4, 4.0, 70.0])
@pytest.mark.parametrize("bridge", BRIDGES)
def test_a_gap_is_bridged_for_as_long_as_was_wished(bridge: float, gap: float) -> None:
    for seed in range(3):
        frames = interrupted(seed, seconds=5, gap=gap)
        tracked = online(frames, TrackerSettings(640, 480, bridge))
        last = max(frame.second for frame in frames if len(frame.boxes) and frame.second < 5)
        first = min(frame.second for frame in frames if frame.second > last and len(frame.boxes))
        unseen = [n for n, frame in enumerate(frames) if last < frame.second < first]
        bridged = [frames[n].second for n in unseen if tracked[n] is not None]
        assert abs(max(bridged, default=last) - last - min(bridge, gap)) <= STEP + 1e-6
        assert bridged == [frames[n].second for n in unseen if frames[n].second <= last + bridge + 1e-6]


@pytest.mark.parametrize("bridge", BRIDGES)
def test_a_spot_that_flickers_bridges_no_longer_than_it_was_seen(bridge: float) -> None:
    """One frame in five is a fifth of the time: of the last three seconds, 0.6 s."""
    frames = [frame(n * STEP, *([(FACE, 0.8)] if n % 5 == 0 else [])) for n in range(300)] + [
        frame(n * STEP) for n in range(300, 600)
    ]
    tracked = online(frames, TrackerSettings(640, 480, bridge))
    last = max(n for n, face in enumerate(tracked) if face is not None)
    assert (last - 295) * STEP <= min(bridge, 0.8)


def test_nothing_is_made_up_before_the_first_face() -> None:
    tracker = Tracker(SETTINGS)
    assert [tracker.update(frame(second, (FACE, 0.2))) for second in (0.0, 0.2, 0.4)] == [None] * 3
    assert tracker.update(frame(0.6, (FACE, 0.2), (ELSEWHERE, 0.3))) is not None


def test_a_jump_of_one_frame_is_not_believed() -> None:
    tracker, last = followed()
    jumped = tracker.update(frame(last + STEP, (ELSEWHERE, 0.95)))
    assert is_at(jumped, FACE) and jumped is not None and jumped.candidate is None
    back = tracker.update(frame(last + 2 * STEP, (FACE, 0.5)))
    assert is_at(back, FACE) and back is not None and back.candidate == 0


def test_the_track_goes_where_enough_frames_in_a_row_agree() -> None:
    tracker, last = followed()
    places = [tracker.update(frame(last + n * STEP, (ELSEWHERE, 0.8))) for n in (1, 2, 3)]
    assert [is_at(place, FACE) for place in places] == [True, True, False]
    assert is_at(places[2], ELSEWHERE) and places[2] is not None and places[2].candidate == 0
    # It is as sure as any other now.
    assert is_at(tracker.update(frame(last + 4 * STEP)), ELSEWHERE)


def test_frames_that_agree_must_be_in_a_row() -> None:
    tracker, last = followed()
    for n in range(1, 20):
        boxes = [(FACE, 0.8)] if n % 3 == 0 else [(ELSEWHERE, 0.8)]
        assert is_at(tracker.update(frame(last + n * STEP, *boxes)), FACE)


@pytest.mark.filterwarnings("error")
def test_what_does_not_count_does_not_agree() -> None:
    tracker, last = followed()
    other = ELSEWHERE + np.array([0, 300, 0, 300])
    tracker.update(frame(last + STEP, (ELSEWHERE, 0.8)))
    tracker.update(frame(last + 2 * STEP, (ELSEWHERE, 0.8)))
    for n in (3, 4):
        assert is_at(tracker.update(frame(last + n * STEP, (ELSEWHERE, 0.24), (other, 0.3))), FACE)
    assert is_at(tracker.update(frame(last + 5 * STEP, (ELSEWHERE, 0.8))), FACE)


def test_the_surer_of_two_places_has_the_face() -> None:
    tracker, last = followed()
    for n in range(1, 10):
        assert is_at(tracker.update(frame(last + n * STEP, (FACE, 0.6), (ELSEWHERE, 0.4))), FACE)
    tracker, last = followed()
    for n in range(1, 20):
        tracked = tracker.update(frame(last + n * STEP, (FACE, 0.4), (ELSEWHERE, 0.9)))
    assert is_at(tracked, ELSEWHERE)


def test_what_does_not_count_is_taken_near_the_track_only() -> None:
    tracker, last = followed()
    near = tracker.update(frame(last + STEP, (ELSEWHERE, 0.24), (FACE + 2, 0.1)))
    assert near is not None and near.candidate == 1 and near.confidence == 0.1
    far = tracker.update(frame(last + 2 * STEP, (ELSEWHERE, 0.24)))
    assert far is not None and far.candidate is None


def test_what_does_not_count_keeps_no_track_for_ever() -> None:
    tracker, last = followed()
    reported = {n: tracker.update(frame(last + n * STEP, (FACE, 0.1))) is not None for n in range(1, 40)}
    assert all(there == (n * STEP <= SETTINGS.trust + 1e-6) for n, there in reported.items())


def test_what_counts_goes_before_what_does_not_and_the_first_detector_before_the_rescue() -> None:
    tracker, last = followed()
    boxes = np.stack([FACE, FACE, FACE])
    confidence, counts, rank = np.array([0.9, 0.5, 0.8]), np.array([False, True, True]), np.array([0, 0, 1])
    found = Detections(boxes, confidence, found_by=rank)
    first = tracker.update(Observation(last + STEP, found, counts))
    assert first is not None and first.candidate == 1
    rescue = tracker.update(Observation(last + 2 * STEP, found[[0, 2]], counts[[0, 2]]))
    assert rescue is not None and rescue.candidate == 1


def test_a_moderate_jump_moves_the_track_less_than_it_would_without_the_gate() -> None:
    jump = FACE + 25
    moved = []
    for gate in (SETTINGS.gate, SETTINGS.far):
        tracker = Tracker(TrackerSettings(640, 480, gate=gate))
        for n in range(15):
            tracker.update(frame(n * 0.04, (FACE, 0.9)))
        taken = tracker.update(frame(15 * 0.04, (jump, 0.9)))
        assert taken is not None and taken.candidate == 0
        moved.append(taken.box[0] - FACE[0])
    assert 0 < moved[0] < 0.8 * moved[1]


def test_a_moving_face_is_expected_where_it_moves_to() -> None:
    tracker = Tracker(SETTINGS)
    for n in range(20):
        tracker.update(frame(n * 0.1, (beside(3 * n), 0.9)))
    bridged = tracker.update(frame(2.0))
    assert bridged is not None and bridged.candidate is None
    assert bridged.box[0] == pytest.approx(FACE[0] + 60, abs=3)


def test_the_frame_rate_may_vary() -> None:
    """A face that moves evenly is followed alike whether frames come evenly or not."""
    even = np.arange(0, 6, 0.2)
    uneven = np.sort(np.concatenate([even[::3], even[1::3] + 0.07, even[2::3] - 0.05]))
    for seconds in (even, uneven):
        tracker = Tracker(SETTINGS)
        tracked = [tracker.update(frame(s, (beside(20 * s), 0.9))) for s in seconds]
        assert all(is_at(one, beside(20 * s)) for one, s in zip(tracked, seconds, strict=True))
        gone_on = tracker.update(frame(seconds[-1] + 0.1))
        assert gone_on is not None and gone_on.box[0] == pytest.approx(FACE[0] + 20 * (seconds[-1] + 0.1), abs=2)


def test_frames_must_come_in_order() -> None:
    tracker, last = followed()
    tracker.update(frame(last, (FACE, 0.8)))  # shown at the same time is in order
    with pytest.raises(InputError, match="expected frames in order"):
        tracker.update(frame(last - 0.1, (FACE, 0.8)))


def test_a_face_that_leaves_the_frame_is_not_bridged_outside() -> None:
    tracker = Tracker(SETTINGS)
    for n in range(20):
        box = np.clip(np.array([300.0 + 15 * n, 200, 360 + 15 * n, 280]), 0, [640, 480, 640, 480])
        tracker.update(frame(n * 0.1, (box, 0.9)))
    for n in range(20, 40):
        box = np.array([300.0 + 15 * n, 200, 360 + 15 * n, 280])
        tracked = tracker.update(frame(n * 0.1))
        assert tracked is None or tracked.box[2] <= 640


any_video = st.builds(
    simulate, st.integers(0, 1000), seconds=st.just(8), rate=st.sampled_from([2, 5, 12]), false_per_minute=st.just(30)
)


@settings(max_examples=25, deadline=None)
@given(video=any_video, cut=st.floats(0, 1))
def test_online_is_causal_and_stays_in_the_frame(video, cut: float) -> None:
    results = online(video.frames)
    assert len(results) == len(video.frames)
    until = int(cut * len(results))
    for whole, part in zip(results[:until], online(video.frames[:until]), strict=True):
        assert (whole is None) == (part is None)
        if whole is not None and part is not None:
            assert np.array_equal(whole.box, part.box) and whole.candidate == part.candidate
    for one, candidates in zip(results, video.frames, strict=True):
        if one is not None:
            assert (one.box >= 0).all() and (one.box <= [640, 480, 640, 480]).all()
            assert (one.box[:2] < one.box[2:]).all()
            assert one.candidate is None or one.confidence == candidates.confidence[one.candidate]


@pytest.mark.parametrize("rate", [5, 15])
def test_a_track_finds_more_faces_and_fits_them_better(rate: float) -> None:
    videos = [simulate(seed, 40, rate) for seed in range(4)]
    alone, tracks = [without_track(video.frames) for video in videos], [online(video.frames) for video in videos]
    plain, tracked = score(videos, alone), score(videos, tracks)
    own = score(videos, [with_own_boxes(*pair) for pair in zip(videos, tracks, strict=True)])
    assert tracked.recall > plain.recall + 0.15
    # The filter's boxes are reported, not the detector's, because they overlap the face more.
    assert tracked.overlap > own.overlap + 0.01


def test_filterpy_is_not_imported_before_there_is_a_track() -> None:
    program = "import sys, uncover.tracking.smoothing; sys.exit('filterpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
