"""Smooth the track of a recorded video: each frame's face from past and future frames, in a sliding window."""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from uncover.metrics.detections import iou
from uncover.tracking.kalman import FaceFilter, Floats, as_boxes
from uncover.tracking.tracker import (
    CLOCK,
    Association,
    Observation,
    TrackedFace,
    Tracker,
    TrackerSettings,
    faded,
    seen_box,
)

GAP = 2.0
"""A gap with a box at both ends may be this many times as long as one that is still open."""

AGREE = 0.3
"""Smallest IoU of the boxes at the two ends of a gap at which the gap is filled."""

AHEAD = 3.0
"""Seconds, in addition to the longest gap that is filled, after which a frame no longer changes earlier results."""


def smooth(frames: Iterable[Observation], settings: TrackerSettings) -> Iterator[TrackedFace | None]:
    """Locate the face in each frame, using later frames as well.

    The candidates are those of the online track, except that when the track switches to another place, the frames
    just before the switch are assigned to the new place. A gap is filled if it is at most twice as long as a gap that
    the online track bridges, and if it ends at the place where it began (`AGREE`). Nothing is filled before the first
    or after the last box of a track: the online track must guess there whether the face will reappear, whereas here
    it is known that it does not. A filled box has the confidence of the box before or after the gap, times
    exp(-time to it / bridge), whichever is larger.

    Args:
        frames: Frames in order.
        settings: Settings of the track.

    Yields:
        One result per frame, in order, delayed by about `AHEAD` plus four times `bridge` seconds of video.

    Raises:
        InputError: A frame precedes the one before it.
    """
    ahead = GAP * settings.bridge + AHEAD
    tracker, held = Tracker(settings, GAP), list[_Held]()
    left: _Course | None = None
    for observation in frames:
        assigned = tracker.assign(observation)
        held.append(_Held(observation, assigned.track, assigned.picked))
        for frame, picked in zip(held[-1 - len(assigned.earlier) : -1], assigned.earlier, strict=True):
            frame.track, frame.picked = assigned.track, picked
        # The window is twice as long as its finished part, so each frame is processed about twice.
        if observation.second - held[0].observation.second > 2 * ahead:
            ready = sum(frame.observation.second <= observation.second - ahead for frame in held)
            results, left = _smooth_window(held, ready, left, settings)
            held = held[ready:]
            yield from results
    yield from _smooth_window(held, len(held), left, settings)[0]


@dataclass
class _Held:
    """A frame whose result is pending; its track and candidate may still change."""

    observation: Observation
    track: int | None
    picked: Association | None


@dataclass(frozen=True)
class _Sighting:
    """Time, place and confidence of a counting candidate, and how long the face was tracked lately."""

    second: float
    box: Floats
    confidence: float
    followed: float


@dataclass
class _Course:
    """State of a track after a frame: its number, the filter, the time of the frame, and its last sighting."""

    track: int
    filter: FaceFilter
    second: float
    seen: _Sighting

    @classmethod
    def begin(cls, frame: _Held, settings: TrackerSettings) -> _Course:
        """Start a track at its first frame."""
        assert frame.track is not None and frame.picked is not None, "a track starts with a candidate"
        observation, row = frame.observation, frame.picked.candidate
        confidence = float(observation.confidence[row])
        face = FaceFilter(observation.boxes[row], confidence, settings.motion)
        return cls(frame.track, face, observation.second, _Sighting(observation.second, face.box, confidence, 0.0))

    def go_on(self, frame: _Held, settings: TrackerSettings) -> None:
        """Update the filter with the next frame of the track."""
        observation = frame.observation
        step, self.second = observation.second - self.second, observation.second
        self.filter.predict(step)
        if frame.picked is not None:
            row = frame.picked.candidate
            confidence = float(observation.confidence[row])
            self.filter.update(observation.boxes[row], confidence, frame.picked.inflation)
            if observation.counts[row]:
                followed = settings.followed(self.seen.followed, self.second - self.seen.second, step)
                self.seen = _Sighting(self.second, self.filter.box, confidence, followed)


def _smooth_window(
    held: Sequence[_Held], ready: int, left: _Course | None, settings: TrackerSettings
) -> tuple[list[TrackedFace | None], _Course | None]:
    """Results of the first `ready` frames, and the state of the track after them, if there is one."""
    results: list[TrackedFace | None] = []
    after: _Course | None = None
    for number, group in groupby(held, lambda frame: frame.track):
        own, wanted = list(group), ready - len(results)
        if wanted <= 0:
            break
        if number is None:
            results += [None] * len(own)
            continue
        before = left if left is not None and left.track == number else None
        found, after = _smooth_track(own, wanted, before, settings)
        results += found
    return results[:ready], after


def _smooth_track(
    own: Sequence[_Held], ready: int, before: _Course | None, settings: TrackerSettings
) -> tuple[list[TrackedFace | None], _Course | None]:
    """Results of a track's consecutive frames, and its state after the first `ready` of them, if it has so many."""
    course, after = copy.deepcopy(before), None
    sightings = [before.seen] if before else []
    states, covariances, transitions, noises = [], [], [], []
    for place, frame in enumerate(own):
        if course is None:
            course = _Course.begin(frame, settings)
        else:
            course.go_on(frame, settings)
        if frame.picked is not None and frame.observation.counts[frame.picked.candidate]:
            sightings.append(course.seen)
        states.append(course.filter.state)
        covariances.append(course.filter.covariance)
        transitions.append(course.filter.F)
        noises.append(course.filter.Q)
        if place == ready - 1:
            after = copy.deepcopy(course)
    assert course is not None
    smoothed = course.filter.smoothed(*map(np.array, (states, covariances, transitions, noises)))
    boxes = as_boxes(smoothed)
    times = [sighting.second for sighting in sightings]
    results: list[TrackedFace | None] = []
    for frame, box in zip(own, boxes, strict=True):
        if frame.picked is not None:
            results.append(seen_box(box, frame.observation, frame.picked, settings))
        else:
            later = bisect_right(times, frame.observation.second)
            results.append(_filled(box, frame.observation.second, sightings[later - 1 : later + 1], settings))
    return results, after


def _filled(box: Floats, second: float, sides: Sequence[_Sighting], settings: TrackerSettings) -> TrackedFace | None:
    """The face of a frame without a candidate; None if the gap is open or too long."""
    within = settings.clip(box)
    if len(sides) < 2 or within is None:
        return None
    left, right = sides
    if right.second - left.second > GAP * settings.bridged(left.followed) + CLOCK:
        return None
    if iou(left.box, right.box) < AGREE:
        return None
    confidence = max(side.confidence * faded(abs(second - side.second), settings) for side in sides)
    return TrackedFace(within, confidence, None)
