"""Times of pictures, beside what they should become, by hand."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.video.clock import HELD, JUMP, WRAP, Clock

Times = list[float | None]

STEP = 0.1
TENTHS = [number / 10 for number in range(15)]


def put(times: Times, step: float = STEP, origin: float | None = None) -> tuple[list[float], list[int], Clock]:
    """Seconds of the pictures, the numbers of those after a joint, and the clock."""
    clock = Clock(step, origin)
    timed = list(clock.timed(enumerate(times)))
    assert [each.item for each in timed] == list(range(len(times))), "a picture lost, or out of order"
    return [each.second for each in timed], [each.item for each in timed if each.joint], clock


@pytest.mark.parametrize(
    ("times", "seconds", "joints", "told"),
    [
        ([1.4 + each for each in TENTHS], TENTHS, [], None),
        # Joined recordings: from the beginning again, a little back, and hours back.
        ([1.4, 1.5, 1.6, 1.4, 1.5, 1.6], TENTHS[:6], [3], "restarts once (first after second 0.20, 0.20 s back)"),
        ([5.0, 5.1, 5.2, 5.05, 5.15, 5.25], TENTHS[:6], [3], "restarts once"),
        ([9000.0, 9000.1, 0.0, 0.1], TENTHS[:4], [2], "9000 s (2:30:00 h) back"),
        ([0.0, 0.1, 0.0, 0.1, 0.0, 0.1], TENTHS[:6], [2, 4], "restarts 2 times"),
        ([0.0, 0.1, 0.2, 0.0], TENTHS[:4], [3], "restarts once"),
        # Jumps of hours, also where nothing is known of the usual step yet; back again; and one wild time.
        ([0.0, 0.1, 0.2, 7200.0, 7200.1], TENTHS[:5], [3], "jumps forward once (first after second 0.20, by 7200 s"),
        ([0.0, 90000.0, 90000.1, 90000.2], TENTHS[:4], [1], "jumps forward once"),
        ([0.0, 0.1, 9000.0, 9000.1, 0.4, 0.5], TENTHS[:6], [2, 4], "jumps forward once"),
        ([0.0, 0.1, 9000.0, 0.3, 0.4], TENTHS[:5], [], "1 frame is not later"),
        ([0.0, 0.1, 0.2, 0.3, 9000.0], TENTHS[:5], [4], "jumps forward once"),
        # One time for several pictures, and times that are out of order: the clock is right after them.
        ([0.0, 0.1, 0.1, 0.1, 0.4], TENTHS[:5], [], "2 frames are not later"),
        ([0.0, 0.2, 0.1, 0.4, 0.5], [0.0, 0.2, 0.3, 0.4, 0.5], [], "1 frame is not later"),
        ([0.0, 0.1, 0.1], TENTHS[:3], [], "1 frame is not later"),
        ([0.0] * 40, [number / 10 for number in range(40)], [], "39 frames are not later"),
        # No times: first, in the middle of a changing rate, and everywhere.
        ([None, None, 0.0, 0.1], TENTHS[:4], [], "2 frames are without a time (first at second 0.00)"),
        ([0.0, 0.1, None, None, 0.7, 0.8], [0.0, 0.1, 0.3, 0.5, 0.7, 0.8], [], "2 frames are without a time"),
        ([0.0, 0.1, None], TENTHS[:3], [], "1 frame is without a time"),
        ([None] * 40, [number / 10 for number in range(40)], [], "40 frames are without a time"),
        ([0.0, 0.1, *[None] * 2, 0.05, 0.15], TENTHS[:6], [4], "restarts once"),
    ],
)
def test_times_rise(times: Times, seconds: list[float], joints: list[int], told: str | None) -> None:
    found, after, clock = put(times)
    assert found == pytest.approx(seconds) and after == joints
    if told is None:
        assert clock.rose and not clock.mended()
    else:
        assert not clock.rose and any(told in each for each in clock.mended())


def test_the_end_of_33_bits_is_no_new_beginning() -> None:
    """MPEG's clock: right after 26.5 hours the next picture is one step later, and nothing is to be told."""
    times = [(WRAP - 0.25 + number / 10) % WRAP for number in range(8)]
    assert times[3] < 1
    found, joints, clock = put(list(times))
    assert found == pytest.approx(TENTHS[:8]) and not joints and not clock.mended() and not clock.rose


def test_gaps_of_a_recording_and_time_lapses_are_kept() -> None:
    gap = [0.0, 0.1, 0.2, 0.2 + JUMP - 1, JUMP - 0.7]
    found, joints, clock = put(list(gap))
    assert found == pytest.approx(gap) and not joints and not clock.mended()
    assert clock.notes() == ["no frame for 3599 s (0:59:59 h) after second 0.20"]
    for step, header in ((60.0, 0.04), (7200.0, 0.04), (7200.0, 7200.0)):
        lapse = [number * step for number in range(10)]
        found, joints, clock = put(list(lapse), header)
        assert found == pytest.approx(lapse) and not joints and not clock.mended() and not clock.notes()


def test_reading_from_the_middle_counts_from_the_first_picture() -> None:
    assert put([13.0, 13.1], origin=10.0)[0] == pytest.approx([3.0, 3.1])


def test_pictures_wait_only_where_something_is_wrong() -> None:
    taken = 0

    def shown() -> itertools.chain[tuple[int, float | None]]:
        def count(times: Times) -> list[tuple[int, float | None]]:
            return list(enumerate(times))

        return itertools.chain(count([*TENTHS]), count([0.0, *[None] * 100]))

    def watched() -> object:
        nonlocal taken
        for pair in shown():
            taken += 1
            yield pair

    waited = [taken - number for number, _ in enumerate(Clock(STEP).timed(watched()), start=1)]  # type: ignore[arg-type]
    assert waited[:14] == [0] * 14 and 1 <= max(waited) <= HELD


TIME = st.one_of(st.none(), st.floats(-1e5, 1e6), st.integers(0, 40).map(lambda number: number / 10))


@given(st.lists(TIME, min_size=1, max_size=60))
def test_whatever_the_clock_says_every_picture_has_a_later_time(times: Times) -> None:
    seconds, _, _ = put(times)
    assert seconds[0] == 0 and all(before < after for before, after in itertools.pairwise(seconds))


@given(st.lists(st.floats(0.01, 50), min_size=2, max_size=40))
def test_times_that_rise_stay_as_they_are(steps: list[float]) -> None:
    times = list(itertools.accumulate(steps))
    seconds, joints, clock = put(list(times))
    assert seconds == pytest.approx([time - times[0] for time in times]) and not joints and clock.rose
