"""From what was spotted to faces: those sure enough by themselves, or those of a track through time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, tee
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from uncover.detect.options import Temporal
from uncover.detect.parts import Seen
from uncover.detect.spotter import DETECTOR
from uncover.rescue.per_second import FoundBy

if TYPE_CHECKING:
    from uncover.rescue.temporal import Candidates, TemporalSettings, Tracked, Tracker


@dataclass(frozen=True)
class Names:
    """What boxes are marked as, and from which confidence they count.

    Attributes:
        detector: Name of the detector.
        confidence: From which its boxes count.
        rescue: Name of the rescue; empty where there is none.
        rescue_confidence: From which its boxes count.
        rescue_mark: "heatmap" or "rescue".
    """

    detector: str
    confidence: float
    rescue: str = ""
    rescue_confidence: float = 1.0
    rescue_mark: FoundBy = "rescue"

    def counts(self, seen: Seen) -> NDArray[np.bool_]:
        """Which boxes of a frame are sure enough: those of the rescue only where the detector found none."""
        # In single precision, in which confidences are stored.
        sure = np.array([self.confidence, self.rescue_confidence], np.float32)[seen.spotted.found_by]
        counts = seen.spotted.confidence >= sure
        of_detector = seen.spotted.found_by == DETECTOR
        return counts & of_detector if (counts & of_detector).any() else counts

    def marks(self, found_by: int) -> tuple[FoundBy, str]:
        """Step and name of the method behind a box that counts."""
        return ("rgb", self.detector) if found_by == DETECTOR else (self.rescue_mark, self.rescue)


@dataclass(frozen=True)
class Faces:
    """Faces of one frame.

    Attributes:
        seen: The frame.
        boxes: float32 (N, 4), x1 y1 x2 y2 in pixels of the picture.
        confidence: float32 (N,).
        found_by: What found each: "rgb", "heatmap", "rescue" or "temporal". The last also of a box that a network
            proposed but that is not sure enough to count, and is there only because a track expects it.
        methods: The model or method behind each; "temporal" where no network proposed it.
    """

    seen: Seen
    boxes: NDArray[np.float32]
    confidence: NDArray[np.float32]
    found_by: tuple[FoundBy, ...]
    methods: tuple[str, ...]


def faces_of(frames: Iterable[Seen], names: Names, temporal: Temporal, bridge: float) -> Iterator[Faces]:
    """Faces of all frames of one source, in order.

    Args:
        frames: What was spotted; for a video in the order of time.
        names: What counts.
        temporal: Whether the frames follow each other: "off", or a track "online" (no frame knows a later one) or
            "offline". A track ends where nobody knows how much time passed, and where pictures get another size.
        bridge: Seconds that a gap may last.
    """
    if temporal == "off":
        for seen in frames:
            yield sure_faces(seen, names)
    elif temporal == "online":
        follow = Follower(names, bridge)
        for seen in frames:
            yield follow(seen)
    else:
        for _, stretch in groupby(frames, _Stretches()):
            yield from _smoothed(stretch, names, bridge)


def sure_faces(seen: Seen, names: Names) -> Faces:
    """What was found in a frame, without regard to others."""
    counts = names.counts(seen)
    marks = [names.marks(int(each)) for each in seen.spotted.found_by[counts]]
    found_by, methods = tuple(mark for mark, _ in marks), tuple(method for _, method in marks)
    return Faces(seen, seen.spotted.boxes[counts], seen.spotted.confidence[counts], found_by, methods)


class Follower:
    """The one face of a video, followed frame by frame."""

    def __init__(self, names: Names, bridge: float) -> None:
        self._names, self._bridge = names, bridge
        self._stretches = _Stretches()
        self._tracker: Tracker | None = None

    def __call__(self, seen: Seen) -> Faces:
        from uncover.rescue.temporal import Tracker

        before = self._stretches.number
        if self._stretches(seen) != before or self._tracker is None:
            self._tracker = Tracker(_settings(seen, self._bridge))
        return _tracked_face(seen, self._tracker.update(_candidates(seen, self._names)), self._names)


class _Stretches:
    """Tells the number of the stretch, from 0, that a frame belongs to: within one, a face can be followed."""

    def __init__(self) -> None:
        self.number = 0
        self._size: tuple[int, int] | None = None

    def __call__(self, seen: Seen) -> int:
        size = seen.width, seen.height
        if self._size is not None:
            self.number += seen.joint or size != self._size
        self._size = size
        return self.number


def _smoothed(frames: Iterator[Seen], names: Names, bridge: float) -> Iterator[Faces]:
    from uncover.rescue.smoothing import smooth

    first = next(frames, None)
    if first is None:
        return

    def all_frames() -> Iterator[Seen]:
        yield first
        yield from frames

    # The smoother runs a window ahead of what it has answered, so only as many frames wait here.
    shown, tracked = tee(all_frames())
    answers = smooth((_candidates(seen, names) for seen in tracked), _settings(first, bridge))
    for seen, answer in zip(shown, answers, strict=True):
        yield _tracked_face(seen, answer, names)


def _settings(first: Seen, bridge: float) -> TemporalSettings:
    from uncover.rescue.temporal import TemporalSettings

    return TemporalSettings(first.width, first.height, bridge)


def _candidates(seen: Seen, names: Names) -> Candidates:
    from uncover.rescue.temporal import Candidates

    spotted = seen.spotted
    return Candidates(
        seen.second,
        spotted.boxes.astype(np.float64),
        spotted.confidence.astype(np.float64),
        names.counts(seen),
        spotted.found_by.astype(np.int64),
    )


def _tracked_face(seen: Seen, tracked: Tracked | None, names: Names) -> Faces:
    if tracked is None:
        return Faces(seen, np.zeros((0, 4), np.float32), np.zeros(0, np.float32), (), ())
    mark: FoundBy = "temporal"
    method = "temporal"
    if tracked.candidate is not None:
        own, method = names.marks(int(seen.spotted.found_by[tracked.candidate]))
        mark = own if names.counts(seen)[tracked.candidate] else mark
    box = tracked.box.astype(np.float32)[None]
    return Faces(seen, box, np.array([tracked.confidence], np.float32), (mark,), (method,))
