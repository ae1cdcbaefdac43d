"""Steadiness of boxes through a video, without ground truth: gaps, flicker and jitter of linked boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from uncover.metrics.detections import box_iou

SAME = 0.3
"""Smallest IoU at which boxes of two frames are linked."""

REACH = 1.0
"""Longest gap in seconds after which a face is still the same one."""

Boxes = NDArray[np.floating]


@dataclass
class _Track:
    """Boxes of one face.

    Attributes:
        frames: Indices of its frames in the video, increasing.
        boxes: Box (4,) in each frame.
    """

    frames: list[int] = field(default_factory=list)
    boxes: list[NDArray[np.float64]] = field(default_factory=list)


@dataclass(frozen=True)
class Steadiness:
    """Steadiness of the boxes of one or several videos.

    Attributes:
        frames: Number of frames.
        boxes: Number of boxes.
        shown: Number of frames with a box.
        pairs: Number of pairs of neighbouring frames.
        changes: Pairs between which a box appears or disappears.
        gaps: Gaps in which a face has no box, with a box right before and at most `REACH` seconds later.
        missing: Number of boxes that would fill all gaps.
        longest_gap: Duration of the longest gap, in seconds.
        jitter: float64, for each box with one of the same face right before and right after: mean distance of its
            corners from the midpoints of theirs, as a share of its side.
    """

    frames: int
    boxes: int
    shown: int
    pairs: int
    changes: int
    gaps: int
    missing: int
    longest_gap: float
    jitter: NDArray[np.float64]

    @property
    def shown_share(self) -> float:
        """Share of frames with a box."""
        return self.shown / self.frames

    @property
    def flicker(self) -> float | None:
        """Share of pairs of neighbouring frames between which a box appears or disappears."""
        return self.changes / self.pairs if self.pairs else None

    @property
    def gap_share(self) -> float | None:
        """Share of boxes missing in gaps."""
        return self.missing / (self.boxes + self.missing) if self.boxes else None

    @property
    def median_jitter(self) -> float | None:
        """Median jitter."""
        return float(np.median(self.jitter)) if len(self.jitter) else None


def measure_steadiness(boxes: Sequence[Boxes], second: NDArray[np.float64], seconds: NDArray[np.float64]) -> Steadiness:
    """Link the boxes of neighbouring frames, and those before and after a gap, and measure their steadiness.

    A face that enters or leaves also changes the boxes, and accelerating motion counts as jitter: compare ways to
    detect on the same video, not different videos.

    Args:
        boxes: Boxes (n, 4), xyxy, of each frame.
        second: (V,), time of each frame, increasing.
        seconds: (V,), duration of each frame.
    """
    tracks, changes = _link(boxes, second)
    gaps = [(before, after) for track in tracks for before, after in pairwise(track.frames) if after - before > 1]
    lengths = [float(seconds[before + 1 : after].sum()) for before, after in gaps]
    jitter = [each for track in tracks for each in _jitter(track)]
    return Steadiness(
        frames=len(boxes),
        boxes=sum(map(len, boxes)),
        shown=sum(len(own) > 0 for own in boxes),
        pairs=max(len(boxes) - 1, 0),
        changes=changes,
        gaps=len(gaps),
        missing=sum(after - before - 1 for before, after in gaps),
        longest_gap=max(lengths, default=0.0),
        jitter=np.array(jitter, np.float64),
    )


def add_steadiness(several: Sequence[Steadiness]) -> Steadiness:
    """Combine the results of several videos."""
    names = ("frames", "boxes", "shown", "pairs", "changes", "gaps", "missing")
    sums = {name: sum(getattr(each, name) for each in several) for name in names}
    longest = max((each.longest_gap for each in several), default=0.0)
    jitter = np.concatenate([np.zeros(0), *(each.jitter for each in several)])
    return Steadiness(**sums, longest_gap=longest, jitter=jitter)


def _link(boxes: Sequence[Boxes], second: NDArray[np.float64]) -> tuple[list[_Track], int]:
    """Tracks, and the number of pairs of neighbouring frames with different tracks."""
    tracks: list[_Track] = []
    changes = 0
    before: set[int] = set()
    for frame, own in enumerate(boxes):
        now: set[int] = set()
        open_tracks = [
            number for number, track in enumerate(tracks) if second[frame] - second[track.frames[-1]] <= REACH
        ]
        places = _assign(own, [tracks[number].boxes[-1] for number in open_tracks])
        for box, place in zip(np.asarray(own, np.float64), places, strict=True):
            if place is None:
                tracks.append(_Track())
            number = len(tracks) - 1 if place is None else open_tracks[place]
            tracks[number].frames.append(frame)
            tracks[number].boxes.append(box)
            now.add(number)
        changes += frame > 0 and now != before
        before = now
    return tracks, changes


def _assign(boxes: Boxes, last: Sequence[NDArray[np.float64]]) -> list[int | None]:
    """For each box, the track that it continues; pairs are assigned by decreasing IoU."""
    places: list[int | None] = [None] * len(boxes)
    if not len(boxes) or not last:
        return places
    overlap = box_iou(np.asarray(boxes, np.float64), np.stack(last)).astype(np.float64)
    while overlap.max() >= SAME:
        row, column = divmod(int(overlap.argmax()), overlap.shape[1])
        places[row] = column
        overlap[row], overlap[:, column] = -1, -1
    return places


def _jitter(track: _Track) -> list[float]:
    found = []
    for place in range(1, len(track.frames) - 1):
        if track.frames[place + 1] - track.frames[place - 1] == 2:
            first, middle, last = track.boxes[place - 1 : place + 2]
            side = float(np.sqrt((middle[2] - middle[0]) * (middle[3] - middle[1])))
            found.append(float(np.abs((first + last) / 2 - middle).mean()) / side)
    return found
