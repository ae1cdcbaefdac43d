"""Track one infant: pick one box per frame, bridge short gaps, and require confirmation for jumps."""

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
"""Tolerance for equal times, in seconds."""


@dataclass(frozen=True)
class Observation:
    """Detections in one frame, i.e. the candidates of a track.

    Attributes:
        second: Presentation time; the frame rate may vary.
        detections: In pixels of the frame, in double precision. Of equal candidates, the lower `found_by` is preferred.
        counts: bool (N,): candidates that are confident enough on their own ("counting candidates").
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
        """Priorities, integers (N,): `found_by`, or 0 for each."""
        found_by = self.detections.found_by
        return np.zeros(len(self.detections), np.int64) if found_by is None else found_by


@dataclass(frozen=True)
class TrackerSettings:
    """Settings of a track.

    Attributes:
        width: Width of the frame, pixels.
        height: Height of the frame, pixels.
        bridge: Seconds after the last counting candidate for which the face is assumed to be present. A bridged box
            has the confidence of the last box, times exp(-time since then / bridge).
        enough: Seconds for which a face must have been tracked lately to be bridged for all of `bridge`; a face that
            was tracked for less is bridged for at most that long, so that flickering detections bridge nothing.
        trust: Seconds after the last counting candidate in which other candidates are accepted at the predicted place.
            Without a limit, a fold of a blanket could replace an infant that was taken away. Also the time over which
            recent tracking is accumulated.
        gate: Squared Mahalanobis distance up to which a counting candidate is accepted; 18.5 contains 99.9 % of a
            face's own boxes (chi-squared, 4 degrees of freedom).
        far: Squared Mahalanobis distance above which a candidate contradicts the track. Between the two it is a jump:
            it is accepted, with its variance multiplied by its distance / `gate`.
        unsure_gate: Squared Mahalanobis distance up to which other candidates are accepted, computed for confidence 1,
            so that a low confidence does not widen the gate; 7.8 contains 90 %.
        confirm: Number of counting candidates after which a track is confirmed: it then bridges gaps, accepts other
            candidates, and is not given up for a single box elsewhere.
        agree: Number of consecutive frames that must agree on another place before the track moves there.
        attention: Seconds over which confidence is averaged when two places compete; the track moves only to a place
            with a higher average.
        motion: Model of the motion.
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
        """Seconds for which a face was tracked lately, at a counting candidate.

        Args:
            before: Seconds at the last counting candidate.
            since: Seconds since then.
            step: Seconds since the frame before.
        """
        return (before * math.exp(-since / self.trust) if self.trust else 0.0) + step

    def bridged(self, followed: float) -> float:
        """Seconds for which a face that was tracked lately for `followed` seconds is assumed to be present."""
        return self.bridge if followed >= self.enough else min(self.bridge, followed)

    def kept(self, seconds: float) -> float:
        """Remaining share of an average confidence after some seconds."""
        return math.exp(-seconds / self.attention)

    def clip(self, box: Floats) -> Floats | None:
        """Part of a box (4,) within the frame; None if its centre is outside, i.e. the face has left."""
        left, top, right, bottom = box.tolist()
        if not (0 < left + right < 2 * self.width and 0 < top + bottom < 2 * self.height):
            return None
        return np.array([max(left, 0.0), max(top, 0.0), min(right, self.width), min(bottom, self.height)])


@dataclass(frozen=True)
class Association:
    """A candidate assigned to a track: its row, and the factor on its variances."""

    candidate: int
    inflation: float = 1.0


class Track:
    """A tracked face, or a competing place.

    Attributes:
        filter: Kalman filter of its box.
        seen: Time of its last candidate, in seconds.
        counted: Time of its last counting candidate, in seconds.
        confidence: Confidence of its last candidate.
        sightings: Number of counting candidates.
        followed: Seconds for which it was tracked lately.
        support: Its average confidence over the last seconds.
        trail: Its candidates, frame by frame, while it is a challenger.
    """

    def __init__(self, observation: Observation, row: int, settings: TrackerSettings) -> None:
        self._settings = settings
        self.confidence = self.support = float(observation.confidence[row])
        self.filter = FaceFilter(observation.boxes[row], self.confidence, settings.motion)
        self.seen = self.counted = observation.second
        self.sightings, self.followed = 1, 0.0
        self.trail = [Association(row)]

    def holds(self, second: float) -> bool:
        """Whether a face is assumed to be present, even without a candidate."""
        longest = self._settings.bridged(self.followed)
        return self.sightings >= self._settings.confirm and second - self.counted <= longest + CLOCK

    def is_over(self, second: float, longest: float) -> bool:
        """Whether the last candidate is so long ago that even a box at the same place starts a new track.

        Args:
            second: Current time.
            longest: Longest permitted gap, in seconds.
        """
        sure = self.sightings >= self._settings.confirm
        limit = max(self._settings.trust, longest) if sure else self._settings.bridge
        return second - self.counted > limit + CLOCK

    def pick(self, observation: Observation, distances: Floats) -> Association | None:
        """The most likely candidate of the track.

        Args:
            observation: Detections in the frame.
            distances: float64 (N,), as returned by `FaceFilter.distances`.
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
        """Update the track with a candidate, `step` seconds after the frame before."""
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
        confidence: Confidence of its candidate; without one, derived from the last (see `TrackerSettings.bridge`).
        candidate: Row of its candidate; None if the box is inferred from other frames.
    """

    box: Floats
    confidence: float
    candidate: int | None


@dataclass(frozen=True)
class Assignment:
    """Assignment of one frame to the track.

    Attributes:
        track: Number of the track, from 0; None without one.
        picked: Its candidate in this frame.
        earlier: Its candidates in the frames just before this one, oldest first, if the track has just moved here.
    """

    track: int | None
    picked: Association | None
    earlier: tuple[Association, ...] = ()


class Tracker:
    """Online tracker: the result of a frame does not depend on later frames."""

    def __init__(self, settings: TrackerSettings, gap: float = 1.0) -> None:
        """
        Args:
            settings: Settings of the track.
            gap: Longest gap, as a multiple of `bridge`, after which a box at the old place continues the same track.
        """
        self._settings, self._longest = settings, gap * settings.bridge
        self._second: float | None = None
        self._track: Track | None = None
        self._challenger: Track | None = None
        self._number = -1

    def update(self, observation: Observation) -> TrackedFace | None:
        """Return the face in the next frame; None if there is none.

        Raises:
            InputError: The frame precedes the last one.
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
        """Assign a candidate of the next frame to the track, and update the track.

        Raises:
            InputError: The frame precedes the last one.
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
            # This frame stays assigned to the track, whatever becomes of the challenger.
            challenger.trail.clear()
        return Assignment(None if track is None else self._number, picked)

    def _pass_time(self, second: float) -> float:
        """Advance the tracks to the time of the next frame; returns the seconds since the last."""
        before, self._second = self._second, second
        if before is None:
            return 0.0
        if second < before:
            raise InputError(f"frame at {second:g} s: follows the one at {before:g} s; expected frames in order")
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
        """Update the challenger, a place that contradicts the track; it needs a candidate in every frame."""
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
    """The face of a frame with a candidate.

    Args:
        box: float64 (4,), box of the track.
        observation: Detections in the frame.
        picked: Candidate of the track.
        settings: Settings of the track.
    """
    row = picked.candidate
    own = observation.boxes[row]
    within = settings.clip(box)
    # A detector's box is within the frame even if that of the track is slightly outside.
    return TrackedFace(own if within is None else within, float(observation.confidence[row]), row)


def faded(gap: float, settings: TrackerSettings) -> float:
    """Remaining share of a confidence, from 1 to 0, at a distance in time from its box."""
    return math.exp(-gap / settings.bridge) if settings.bridge else 0.0
