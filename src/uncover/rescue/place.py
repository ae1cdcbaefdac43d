"""One place that is followed: what it takes of each frame, and how long it stands for a face that is not seen."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from uncover.rescue.kalman import FaceFilter, Floats, Motion

Bools = NDArray[np.bool_]

CLOCK = 1e-6
"""Seconds by which times may differ that were meant to be the same."""


@dataclass(frozen=True)
class Candidates:
    """What was found in one frame.

    Attributes:
        second: Presentation time; the frame rate may vary.
        boxes: float64 (N, 4) x1 y1 x2 y2, pixels of the frame.
        confidence: float64 (N,).
        counts: bool (N,): sure enough to count without the past.
        rank: int64 (N,): 0 for the first detector, 1 for the rescue; the lower is preferred among equals.
    """

    second: float
    boxes: Floats
    confidence: Floats
    counts: Bools
    rank: NDArray[np.int64]


@dataclass(frozen=True)
class TemporalSettings:
    """What a track believes.

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
class Picked:
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
        trail: What it picked, frame by frame, as long as it is a rival.
    """

    def __init__(self, candidates: Candidates, row: int, settings: TemporalSettings) -> None:
        self._settings = settings
        self.confidence = self.support = float(candidates.confidence[row])
        self.filter = FaceFilter(candidates.boxes[row], self.confidence, settings.motion)
        self.seen = self.counted = candidates.second
        self.sightings, self.followed = 1, 0.0
        self.trail = [Picked(row)]

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

    def pick(self, candidates: Candidates, distances: Floats) -> Picked | None:
        """The candidate that is most likely its own.

        Args:
            candidates: Of the frame.
            distances: float64 (N,), of `FaceFilter.distances`.
        """
        settings = self._settings
        kind = np.full(len(distances), 3)
        kind[candidates.counts & (distances <= settings.far)] = 2
        if self.sightings >= settings.confirm and candidates.second - self.counted <= settings.trust + CLOCK:
            as_sure = self.filter.distances(candidates.boxes, 1.0)
            kind[~candidates.counts & (as_sure <= settings.unsure_gate)] = 1
        kind[candidates.counts & (distances <= settings.gate)] = 0
        eligible = np.flatnonzero(kind < 3)
        if not len(eligible):
            return None
        unlikely = distances[eligible] / 2 - np.log(np.maximum(candidates.confidence[eligible], 1e-9))
        best = int(eligible[np.lexsort((unlikely, candidates.rank[eligible], kind[eligible]))[0]])
        return Picked(best, max(1.0, float(distances[best] / settings.gate)))

    def see(self, candidates: Candidates, picked: Picked, step: float) -> None:
        """Learn a candidate, `step` seconds after the frame before."""
        row = picked.candidate
        self.confidence = float(candidates.confidence[row])
        self.filter.update(candidates.boxes[row], self.confidence, picked.inflation)
        self.seen = candidates.second
        if candidates.counts[row]:
            self.followed = self._settings.followed(self.followed, candidates.second - self.counted, step)
            self.counted = candidates.second
            self.sightings += 1
        self.support += (1 - self._settings.kept(step)) * self.confidence
