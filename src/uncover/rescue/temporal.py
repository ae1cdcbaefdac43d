"""One infant, frame after frame: a track that picks one box of each frame, bridges short gaps and mistrusts jumps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from uncover.errors import InputError
from uncover.rescue.kalman import Floats
from uncover.rescue.place import Bools, Candidates, Picked, TemporalSettings, Track


@dataclass(frozen=True)
class Tracked:
    """The face of one frame.

    Attributes:
        box: float64 (4,) x1 y1 x2 y2, pixels, within the frame.
        confidence: Of the candidate behind it; without one, of the last (see `TemporalSettings.bridge`).
        candidate: Row of the candidate behind it; None where the other frames alone speak for the box.
    """

    box: Floats
    confidence: float
    candidate: int | None


@dataclass(frozen=True)
class Assigned:
    """What one frame is to the track.

    Attributes:
        track: Number of the track, from 0 on; None without one.
        picked: Its candidate in this frame.
        earlier: Its candidates in the frames just before this one, the oldest first, if these turn out to be its own.
    """

    track: int | None
    picked: Picked | None
    earlier: tuple[Picked, ...] = ()


class Tracker:
    """Follows the face as the frames come: what it says of a frame depends on no later one."""

    def __init__(self, settings: TemporalSettings, gap: float = 1.0) -> None:
        """
        Args:
            settings: What the track believes.
            gap: Times `bridge` that a gap may last after which a box at the old place still belongs to the same track.
        """
        self._settings, self._longest = settings, gap * settings.bridge
        self._second: float | None = None
        self._track: Track | None = None
        self._rival: Track | None = None
        self._number = -1

    def update(self, candidates: Candidates) -> Tracked | None:
        """The face in the next frame; None when there is none.

        Raises:
            InputError: The frame comes before the last one.
        """
        picked = self.assign(candidates).picked
        track = self._track
        if track is None:
            return None
        if picked is not None:
            return seen_box(track.filter.box, candidates, picked, self._settings)
        box = self._settings.clip(track.filter.box)
        if box is None or not track.holds(candidates.second):
            return None
        return Tracked(box, track.confidence * faded(candidates.second - track.seen, self._settings), None)

    def assign(self, candidates: Candidates) -> Assigned:
        """Pick the track's candidate of the next frame, and learn it.

        Raises:
            InputError: The frame comes before the last one.
        """
        step = self._pass_time(candidates.second)
        track, picked, new = self._track, None, candidates.counts
        if track is not None:
            distances = track.filter.distances(candidates.boxes, candidates.confidence)
            picked = track.pick(candidates, distances)
            new = candidates.counts & (distances > self._settings.far)
            if picked is not None:
                track.see(candidates, picked, step)
        rival = self._challenge(candidates, new, step)
        if rival is not None and self._gives_way(candidates.second):
            return self._take_over(rival)
        if rival is not None and picked is not None:
            # This frame stays the track's own, whatever becomes of the rival.
            rival.trail.clear()
        return Assigned(None if track is None else self._number, picked)

    def _pass_time(self, second: float) -> float:
        """Let the tracks see the time of the next frame; returns the seconds since the last."""
        before, self._second = self._second, second
        if before is None:
            return 0.0
        if second < before:
            raise InputError(f"frame at {second:g} s: comes after the one at {before:g} s; expected frames in order")
        for track in (self._track, self._rival):
            if track is not None:
                track.filter.predict(second - before)
                track.support *= self._settings.kept(second - before)
        track = self._track
        if track is not None and (
            track.is_over(second, self._longest) or self._settings.clip(track.filter.box) is None
        ):
            self._track = None
        return second - before

    def _challenge(self, candidates: Candidates, new: Bools, step: float) -> Track | None:
        """Follow the place, if there is one, that contradicts the track; it must be seen in every frame."""
        elsewhere = np.flatnonzero(new)
        if not len(elsewhere):
            self._rival = None
            return None
        rival = self._rival
        if rival is not None:
            distances = rival.filter.distances(candidates.boxes, candidates.confidence)
            picked = rival.pick(candidates, np.where(new, distances, np.inf))
            if picked is not None and new[picked.candidate]:
                rival.see(candidates, picked, step)
                rival.trail.append(picked)
                return rival
        best = elsewhere[np.lexsort((-candidates.confidence[elsewhere], candidates.rank[elsewhere]))[0]]
        self._rival = Track(candidates, int(best), self._settings)
        if self._track is not None:
            self._rival.support *= 1 - self._settings.kept(step)
        return self._rival

    def _gives_way(self, second: float) -> bool:
        track, rival = self._track, self._rival
        if track is None or rival is None:
            return True
        if not track.holds(second):
            return track.seen < second
        return rival.sightings >= self._settings.agree and rival.support > track.support

    def _take_over(self, rival: Track) -> Assigned:
        self._track, self._rival = rival, None
        self._number += 1
        *earlier, picked = rival.trail
        rival.trail.clear()
        return Assigned(self._number, picked, tuple(earlier))


def seen_box(box: Floats, candidates: Candidates, picked: Picked, settings: TemporalSettings) -> Tracked:
    """The face of a frame in which it was seen.

    Args:
        box: float64 (4,), where the track has it.
        candidates: Of the frame.
        picked: The track's own.
        settings: Of the track.
    """
    row = picked.candidate
    own = candidates.boxes[row]
    within = settings.clip(box)
    # A detector's box is in the frame even where the track has the face just out of it.
    return Tracked(own if within is None else within, float(candidates.confidence[row]), row)


def faded(gap: float, settings: TemporalSettings) -> float:
    """What is left of a confidence so many seconds away from the box that had it, from 1 to 0."""
    return math.exp(-gap / settings.bridge) if settings.bridge else 0.0
