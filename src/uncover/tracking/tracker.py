"""One infant, frame after frame: a track that picks one box of each frame, bridges short gaps and mistrusts jumps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.metrics.detections import Detections
from uncover.tracking.kalman import FaceFilter, Floats, Motion

Bools = NDArray[np.bool_]

CLOCK = 1e-6
"""Seconds by which times may differ that were meant to be the same."""


@dataclass(frozen=True)
class Observation:
    """What was found in one frame: the candidates among which a track picks.

    Attributes:
        second: Presentation time; the frame rate may vary.
        detections: In pixels of the frame, in double precision. Of `found_by` the lower is preferred among equals.
        counts: bool (N,): sure enough to count without the past.
    """

    second: float
    detections: Detections
    counts: Bools

    @property
    def boxes(self) -> Floats:
        """float64 (N, 4)."""
        return np.asarray(self.detections.boxes, np.float64)

    @property
    def confidence(self) -> Floats:
        """float64 (N,)."""
        return np.asarray(self.detections.confidence, np.float64)

    @property
    def priority(self) -> NDArray[np.integer]:
        """integers (N,), `found_by`, or 0 for each."""
        found_by = self.detections.found_by
        return np.zeros(len(self.detections), np.int64) if found_by is None else found_by


@dataclass(frozen=True)
class TrackerSettings:
    """Gates and times of a track.

    Attributes:
        width: Of the frame, pixels.
        height: Of the frame, pixels.
        bridge: Seconds after the last candidate that counts for which the face is thought to be there unseen. A bridged
            box has the confidence of the last box seen, times exp(-time since then / bridge).
        enough: Seconds for which a face must have been followed lately before all of `bridge` is bridged; one that was
            followed for less is bridged for no longer than that, so that a spot that flickers bridges nothing.
        trust: Seconds after the last candidate that counts in which others may be taken where the face is expected:
            without an end, a fold of a blanket could stand for an infant that was taken away. Also the time over which
            it is summed up how long the face was followed lately.
        gate: Squared Mahalanobis distance up to which a candidate that counts is where the face is expected; 18.5 holds
            99.9 % of a face's own boxes (chi-squared, 4 degrees of freedom).
        far: Likewise, from which it contradicts the track. Between the two it is a jump: it is taken, with a variance
            that is larger by its distance over `gate`.
        unsure_gate: Likewise, up to which a candidate that does not count is taken, measured as if it were sure, so
            that its low confidence does not widen the gate; 7.8 holds 90 %.
        confirm: Candidates that count from which a track is sure: a sure one bridges gaps, takes what does not count,
            and is not given up for one box elsewhere.
        agree: Frames in a row that must agree on another place before the track goes there.
        attention: Seconds over which confidence is averaged where two places compete: the track goes only where more
            was seen.
        motion: How faces move.
    """

    width: float
    height: float
    bridge: float = 1.0
    enough: float = 1.0
    trust: float = 3.0
    gate: float = 18.5
    far: float = 74.0
    unsure_gate: float = 7.8
    confirm: int = 2
    agree: int = 3
    attention: float = 0.5
    motion: Motion = field(default_factory=Motion)

    def followed(self, before: float, since: float, step: float) -> float:
        """Seconds for which a face was followed lately, at a candidate that counts.

        Args:
            before: Their number at the last candidate that counts.
            since: Seconds since then.
            step: Seconds since the frame before.
        """
        return (before * math.exp(-since / self.trust) if self.trust else 0.0) + step

    def bridged(self, followed: float) -> float:
        """Seconds for which a face is thought to be there unseen that was followed for so many lately."""
        return self.bridge if followed >= self.enough else min(self.bridge, followed)

    def kept(self, seconds: float) -> float:
        """What is left of the average of a confidence after so long."""
        return math.exp(-seconds / self.attention)

    def clip(self, box: Floats) -> Floats | None:
        """The part of a box (4,) within the frame; None when its centre is not, for then the face has left."""
        left, top, right, bottom = box.tolist()
        if not (0 < left + right < 2 * self.width and 0 < top + bottom < 2 * self.height):
            return None
        return np.array([max(left, 0.0), max(top, 0.0), min(right, self.width), min(bottom, self.height)])


@dataclass(frozen=True)
class Association:
    """A candidate that a track takes: its row, and the factor on its variances."""

    candidate: int
    inflation: float = 1.0


class Track:
    """A face that is followed, or a place that may turn out to be it.

    Attributes:
        filter: Where it is.
        seen: Second of its last candidate.
        counted: Second of its last candidate that counts.
        confidence: Of its last candidate.
        sightings: Candidates that count.
        followed: Seconds, frame by frame, in which one that counts was seen.
        support: Its confidence, averaged over the last while.
        trail: What it picked, frame by frame, as long as it is a challenger.
    """

    def __init__(self, observation: Observation, row: int, settings: TrackerSettings) -> None:
        self._settings = settings
        self.confidence = self.support = float(observation.confidence[row])
        self.filter = FaceFilter(observation.boxes[row], self.confidence, settings.motion)
        self.seen = self.counted = observation.second
        self.sightings, self.followed = 1, 0.0
        self.trail = [Association(row)]

    def holds(self, second: float) -> bool:
        """Whether it stands for a face even where none is seen."""
        longest = self._settings.bridged(self.followed)
        return self.sightings >= self._settings.confirm and second - self.counted <= longest + CLOCK

    def is_over(self, second: float, longest: float) -> bool:
        """Whether it has not been seen for so long that even a box at its place is news.

        Args:
            second: Now.
            longest: Seconds that a gap may last.
        """
        sure = self.sightings >= self._settings.confirm
        limit = max(self._settings.trust, longest) if sure else self._settings.bridge
        return second - self.counted > limit + CLOCK

    def pick(self, observation: Observation, distances: Floats) -> Association | None:
        """The candidate that is most likely its own.

        Args:
            observation: Of the frame.
            distances: float64 (N,), of `FaceFilter.distances`.
        """
        settings = self._settings
        kind = np.full(len(distances), 3)
        kind[observation.counts & (distances <= settings.far)] = 2
        if self.sightings >= settings.confirm and observation.second - self.counted <= settings.trust + CLOCK:
            as_sure = self.filter.distances(observation.boxes, 1.0)
            kind[~observation.counts & (as_sure <= settings.unsure_gate)] = 1
        kind[observation.counts & (distances <= settings.gate)] = 0
        eligible = np.flatnonzero(kind < 3)
        if not len(eligible):
            return None
        unlikely = distances[eligible] / 2 - np.log(np.maximum(observation.confidence[eligible], 1e-9))
        best = int(eligible[np.lexsort((unlikely, observation.priority[eligible], kind[eligible]))[0]])
        return Association(best, max(1.0, float(distances[best] / settings.gate)))

    def see(self, observation: Observation, picked: Association, step: float) -> None:
        """Learn a candidate, `step` seconds after the frame before."""
        row = picked.candidate
        self.confidence = float(observation.confidence[row])
        self.filter.update(observation.boxes[row], self.confidence, picked.inflation)
        self.seen = observation.second
        if observation.counts[row]:
            self.followed = self._settings.followed(self.followed, observation.second - self.counted, step)
            self.counted = observation.second
            self.sightings += 1
        self.support += (1 - self._settings.kept(step)) * self.confidence


@dataclass(frozen=True)
class TrackedFace:
    """The face of one frame.

    Attributes:
        box: float64 (4,) x1 y1 x2 y2, pixels, within the frame.
        confidence: Of the candidate behind it; without one, of the last (see `TrackerSettings.bridge`).
        candidate: Row of the candidate behind it; None where the other frames alone speak for the box.
    """

    box: Floats
    confidence: float
    candidate: int | None


@dataclass(frozen=True)
class Assignment:
    """What one frame is to the track.

    Attributes:
        track: Number of the track, from 0 on; None without one.
        picked: Its candidate in this frame.
        earlier: Its candidates in the frames just before this one, the oldest first, if these turn out to be its own.
    """

    track: int | None
    picked: Association | None
    earlier: tuple[Association, ...] = ()


class Tracker:
    """Follows the face as the frames come: what it says of a frame depends on no later one."""

    def __init__(self, settings: TrackerSettings, gap: float = 1.0) -> None:
        """
        Args:
            settings: Gates and times of the track.
            gap: Times `bridge` that a gap may last after which a box at the old place still belongs to the same track.
        """
        self._settings, self._longest = settings, gap * settings.bridge
        self._second: float | None = None
        self._track: Track | None = None
        self._challenger: Track | None = None
        self._number = -1

    def update(self, observation: Observation) -> TrackedFace | None:
        """The face in the next frame; None when there is none.

        Raises:
            InputError: The frame comes before the last one.
        """
        picked = self.assign(observation).picked
        track = self._track
        if track is None:
            return None
        if picked is not None:
            return seen_box(track.filter.box, observation, picked, self._settings)
        box = self._settings.clip(track.filter.box)
        if box is None or not track.holds(observation.second):
            return None
        return TrackedFace(box, track.confidence * faded(observation.second - track.seen, self._settings), None)

    def assign(self, observation: Observation) -> Assignment:
        """Pick the track's candidate of the next frame, and learn it.

        Raises:
            InputError: The frame comes before the last one.
        """
        step = self._pass_time(observation.second)
        track, picked, new = self._track, None, observation.counts
        if track is not None:
            distances = track.filter.distances(observation.boxes, observation.confidence)
            picked = track.pick(observation, distances)
            new = observation.counts & (distances > self._settings.far)
            if picked is not None:
                track.see(observation, picked, step)
        challenger = self._challenge(observation, new, step)
        if challenger is not None and self._gives_way(observation.second):
            return self._take_over(challenger)
        if challenger is not None and picked is not None:
            # This frame stays the track's own, whatever becomes of the challenger.
            challenger.trail.clear()
        return Assignment(None if track is None else self._number, picked)

    def _pass_time(self, second: float) -> float:
        """Let the tracks see the time of the next frame; returns the seconds since the last."""
        before, self._second = self._second, second
        if before is None:
            return 0.0
        if second < before:
            raise InputError(f"frame at {second:g} s: comes after the one at {before:g} s; expected frames in order")
        for track in (self._track, self._challenger):
            if track is not None:
                track.filter.predict(second - before)
                track.support *= self._settings.kept(second - before)
        track = self._track
        if track is not None and (
            track.is_over(second, self._longest) or self._settings.clip(track.filter.box) is None
        ):
            self._track = None
        return second - before

    def _challenge(self, observation: Observation, new: Bools, step: float) -> Track | None:
        """Follow the place, if there is one, that contradicts the track; it must be seen in every frame."""
        elsewhere = np.flatnonzero(new)
        if not len(elsewhere):
            self._challenger = None
            return None
        challenger = self._challenger
        if challenger is not None:
            distances = challenger.filter.distances(observation.boxes, observation.confidence)
            picked = challenger.pick(observation, np.where(new, distances, np.inf))
            if picked is not None and new[picked.candidate]:
                challenger.see(observation, picked, step)
                challenger.trail.append(picked)
                return challenger
        best = elsewhere[np.lexsort((-observation.confidence[elsewhere], observation.priority[elsewhere]))[0]]
        self._challenger = Track(observation, int(best), self._settings)
        if self._track is not None:
            self._challenger.support *= 1 - self._settings.kept(step)
        return self._challenger

    def _gives_way(self, second: float) -> bool:
        track, challenger = self._track, self._challenger
        if track is None or challenger is None:
            return True
        if not track.holds(second):
            return track.seen < second
        return challenger.sightings >= self._settings.agree and challenger.support > track.support

    def _take_over(self, challenger: Track) -> Assignment:
        self._track, self._challenger = challenger, None
        self._number += 1
        *earlier, picked = challenger.trail
        challenger.trail.clear()
        return Assignment(self._number, picked, tuple(earlier))


def seen_box(box: Floats, observation: Observation, picked: Association, settings: TrackerSettings) -> TrackedFace:
    """The face of a frame in which it was seen.

    Args:
        box: float64 (4,), where the track has it.
        observation: Of the frame.
        picked: The track's own.
        settings: Of the track.
    """
    row = picked.candidate
    own = observation.boxes[row]
    within = settings.clip(box)
    # A detector's box is in the frame even where the track has the face just out of it.
    return TrackedFace(own if within is None else within, float(observation.confidence[row]), row)


def faded(gap: float, settings: TrackerSettings) -> float:
    """What is left of a confidence so many seconds away from the box that had it, from 1 to 0."""
    return math.exp(-gap / settings.bridge) if settings.bridge else 0.0
