"""How steady boxes are through a video, without any truth: gaps, flicker and jitter of linked boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from uncover.metrics.detections import box_iou

SAME = 0.3
"""IoU from which boxes of two frames are those of one face."""

REACH = 1.0
"""Seconds after which a face that comes back counts as another one."""

Boxes = NDArray[np.floating]


@dataclass
class _Track:
    """Boxes of one face.

    Attributes:
        frames: Places of its frames in the video, rising.
        boxes: (4,) of each.
    """

    frames: list[int] = field(default_factory=list)
    boxes: list[NDArray[np.float64]] = field(default_factory=list)


@dataclass(frozen=True)
class Steadiness:
    """Of the boxes of a video, or of several together.

    Attributes:
        frames: Looked at.
        boxes: In all of them.
        shown: Frames with a box.
        pairs: Neighbouring frames.
        changes: Of these pairs, those between which a box appears or vanishes.
        gaps: Stretches in which a face has no box, and has one right before and at most `REACH` seconds later.
        missing: Boxes that would fill all gaps.
        longest_gap: Seconds.
        jitter: float64, of each box with one of the same face right before and after: how far its corners lie beside
            the middle of theirs, on average, as a share of its side.
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
        """Share of neighbouring frames between which a box appears or vanishes."""
        return self.changes / self.pairs if self.pairs else None

    @property
    def gap_share(self) -> float | None:
        """Share of boxes that are missing in gaps."""
        return self.missing / (self.boxes + self.missing) if self.boxes else None

    @property
    def median_jitter(self) -> float | None:
        """The middle one."""
        return float(np.median(self.jitter)) if len(self.jitter) else None


def measure_steadiness(boxes: Sequence[Boxes], second: NDArray[np.float64], seconds: NDArray[np.float64]) -> Steadiness:
    """Link the boxes of neighbouring frames, and those before and after a gap, and count.

    A face that comes or leaves changes the boxes too, and motion that speeds up is jitter: compare ways to detect on
    the same video, rather than videos.

    Args:
        boxes: Of each frame (n, 4), xyxy.
        second: (V,), when each frame is shown, rising.
        seconds: (V,), how long.
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
    """Of several videos together."""
    names = ("frames", "boxes", "shown", "pairs", "changes", "gaps", "missing")
    sums = {name: sum(getattr(each, name) for each in several) for name in names}
    longest = max((each.longest_gap for each in several), default=0.0)
    jitter = np.concatenate([np.zeros(0), *(each.jitter for each in several)])
    return Steadiness(**sums, longest_gap=longest, jitter=jitter)


def _link(boxes: Sequence[Boxes], second: NDArray[np.float64]) -> tuple[list[_Track], int]:
    """Tracks, and how many pairs of neighbouring frames have different ones."""
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
    """Which of the last boxes of tracks each box continues: the pair that overlaps most comes first."""
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
