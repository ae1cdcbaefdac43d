"""What counts as a change, and which frames are picked for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.video.changes import (
    Limits,
    Pick,
    SampledVideo,
    light,
    most_different,
    motion,
    pick_changes,
    sample_video,
    sampled,
    small_grey,
)
from uncover.video.decode import Frame

NO_INTERVAL = Limits(every=0)
SCENE = np.random.default_rng(1).integers(60, 160, (12, 16)).repeat(10, 0).repeat(10, 1).astype(np.float64)


def picture(place: int = 20, brightness: float = 1.0, noise: np.ndarray | None = None) -> np.ndarray:
    """A still room with something bright at a place."""
    grey = SCENE.copy()
    grey[40:80, place : place + 24] = 235
    grey = grey * brightness + (0 if noise is None else noise)
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def film(seconds: float, show: Callable[[float], np.ndarray], rate: float = 10) -> Iterator[Frame]:
    """Frames of a video that shows a picture for each time."""
    for index in range(round(seconds * rate)):
        yield Frame(index, index / rate, show(index / rate))


def picks_of(frames: Iterator[Frame], limits: Limits = NO_INTERVAL) -> list[Pick]:
    picked = list(pick_changes(frames, limits))
    assert [frame.index for frame, _ in picked] == [pick.frame for _, pick in picked]
    return [pick for _, pick in picked]


def test_motion_of_a_picture_turned_negative_is_two_deviations() -> None:
    # Half the cells are one deviation above the mean, half one below, and all change sides.
    board = np.indices((48, 64)).sum(axis=0) % 2 * 200 + 20
    assert motion(board.astype(np.uint8), (240 - board).astype(np.uint8)) == pytest.approx(2)
    assert light(board.astype(np.uint8), (240 - board).astype(np.uint8)) == 0


@given(gain=st.floats(0.5, 1.4), offset=st.floats(-30, 30))
def test_motion_is_blind_to_brightness_and_light_to_nothing_else(gain: float, offset: float) -> None:
    grey = np.random.default_rng(0).uniform(60, 140, (48, 64))
    one, other = np.rint(grey).astype(np.uint8), np.rint(grey * gain + offset)
    assert other.min() >= 0 and other.max() <= 255
    # What is left is rounding, by at most half a level, in pictures of 23 levels' contrast and half of that.
    assert motion(one, other.astype(np.uint8)) < 0.5 / 23 + 0.5 / 11.5 + 1e-3
    expected = abs(other.mean() - one.mean()) / 255
    assert light(one, other.astype(np.uint8)) == pytest.approx(expected)


def test_light_sees_no_motion() -> None:
    one = np.zeros((48, 64), np.uint8)
    one[:, :20] = 200
    assert light(one, one[:, ::-1]) == 0 and motion(one, one[:, ::-1]) > 1


def test_a_small_version_is_the_average_of_its_cells() -> None:
    cells = np.random.default_rng(0).integers(0, 255, (48, 64), np.uint8)
    large = np.repeat(cells.repeat(3, 0).repeat(5, 1)[..., None], 3, axis=2)
    assert (small_grey(large) == cells).all()
    assert small_grey(np.full((7, 5, 3), 90, np.uint8)).shape == (48, 64)


def test_looks_pass_over_frames_in_between_whatever_the_rate_of_the_video() -> None:
    times = [0, 0.0333, 0.0667, 0.1, 0.1333, 0.1667, 0.1999, 0.2333, 0.7, 0.7333, 0.9]
    frames = [Frame(number, second, picture()) for number, second in enumerate(times)]
    assert [frame.index for frame in sampled(frames, 5)] == [0, 6, 8, 10]


def test_of_a_still_scene_only_the_first_frame_is_picked_noise_or_not() -> None:
    rng = np.random.default_rng(0)
    noisy = film(60, lambda _: picture(noise=rng.normal(0, 8, (120, 160))))
    assert [pick.reason for pick in picks_of(noisy)] == ["first"]


def test_a_quiet_stretch_is_represented_every_so_many_seconds() -> None:
    picks = picks_of(film(31, lambda _: picture()), Limits(every=10))
    assert [(pick.second, pick.reason) for pick in picks] == [
        (0, "first"),
        (10, "interval"),
        (20, "interval"),
        (30, "interval"),
    ]


def test_motion_is_picked_where_it_begins_and_not_before() -> None:
    picks = picks_of(film(30, lambda second: picture(20 if second < 12 else 60 + round(20 * np.sin(second * 3)))))
    assert picks[1].reason == "motion" and 12 <= picks[1].second <= 12.4
    assert picks[1].change >= NO_INTERVAL.motion
    assert all(pick.second >= 12 for pick in picks[1:]) and len(picks) > 5


def test_what_moves_to_and_fro_counts_though_it_is_where_it_was() -> None:
    # Both places are alike enough for a direct comparison to pass them over.
    limits = Limits(every=0, gap=5)
    there = picture(20), picture(22)
    assert motion(small_grey(there[0]), small_grey(there[1])) < limits.motion / 2
    picks = picks_of(film(20, lambda second: there[int(second * 5) % 2 if second > 2 else 0]), limits)
    assert [pick.reason for pick in picks] == ["first", *["motion"] * (len(picks) - 1)] and len(picks) >= 3


def test_what_moves_too_slowly_for_two_looks_counts() -> None:
    picks = picks_of(film(60, lambda second: picture(20 + round(second))))
    assert len(picks) >= 2 and {pick.reason for pick in picks[1:]} == {"motion"}


def test_a_change_of_light_is_picked_as_one_and_once() -> None:
    picks = picks_of(film(30, lambda second: picture(brightness=1.0 if second < 15 else 0.6)))
    (_, dark) = picks
    assert dark.reason == "light" and dark.second == 15
    assert dark.change == pytest.approx(picture().mean() * 0.4 / 255, abs=0.01)


def test_slow_dusk_is_picked_too() -> None:
    picks = picks_of(film(60, lambda second: picture(brightness=1 - second / 100)))
    assert len(picks) >= 3 and {pick.reason for pick in picks[1:]} == {"light"}


def test_picked_frames_keep_their_distance() -> None:
    rng = np.random.default_rng(0)
    wild = film(20, lambda _: picture(int(rng.integers(0, 130))))
    seconds = [pick.second for pick in picks_of(wild, Limits(every=0, gap=2))]
    assert len(seconds) == 10 and (np.diff(seconds) >= 2).all()


def watched(places: list[int], brightness: list[float]) -> SampledVideo:
    pictures = [picture(place, bright) for place, bright in zip(places, brightness, strict=True)]
    return sample_video((Frame(index, index / 5, pixels) for index, pixels in enumerate(pictures)), 5)


@given(st.lists(st.tuples(st.integers(0, 130), st.floats(0.5, 1)), min_size=1, max_size=12), st.integers(1, 6))
def test_the_most_different_frames_are_those_of_a_plain_search(shown: list[tuple[int, float]], count: int) -> None:
    seen = watched([place for place, _ in shown], [bright for _, bright in shown])
    limits = Limits(gap=0.4)
    chosen = [0]
    while len(chosen) < count:
        free = [look for look in range(len(shown)) if all(abs(look - other) >= 2 for other in chosen)]
        if not free:
            break

        def nearest(look: int) -> float:
            pairs = [(seen.small[look], seen.small[other]) for other in chosen]
            return min(max(motion(*pair) / limits.motion, light(*pair) / limits.light) for pair in pairs)

        chosen.append(max(free, key=nearest))
        ties = [look for look in free if nearest(look) == pytest.approx(nearest(chosen[-1]), abs=1e-5)]
        if len(ties) > 1:
            return
    picks = most_different(seen, count, limits)
    assert [pick.frame for pick in picks] == sorted(chosen)


def test_a_number_of_frames_says_what_made_each_different() -> None:
    picks = most_different(watched([20] * 8 + [90] * 8 + [20] * 8, [1.0] * 16 + [0.5] * 8), 3, Limits())
    assert [pick.reason for pick in picks] == ["first", "motion", "light"]
    assert 8 <= picks[1].frame < 16 <= picks[2].frame


def test_of_no_frames_none_are_picked() -> None:
    assert most_different(sample_video([], 5), 3, Limits()) == [] and picks_of(iter([])) == []
