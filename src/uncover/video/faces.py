"""Tracking: from boxes to faces, either above the threshold by themselves or as part of a track."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, tee

import numpy as np
from numpy.typing import NDArray

from uncover.metrics.detections import Detections
from uncover.tracking.per_second import FoundBy
from uncover.tracking.smoothing import smooth
from uncover.tracking.tracker import Observation, TrackedFace, Tracker, TrackerSettings
from uncover.video.detected_frames import DETECTOR, DetectedFrame
from uncover.video.options import Temporal


@dataclass(frozen=True)
class FaceLabels:
    """Labels and thresholds of boxes.

    Attributes:
        detector: Name of the detector.
        confidence: Its confidence threshold.
        rescue: Name of the rescue; empty if there is none.
        rescue_confidence: Its confidence threshold.
        rescue_mark: "heatmap" or "rescue".
        missed: The rescue ran on frames without a box of the detector with at least this confidence, or at least
            `confidence` if that is higher.
    """

    detector: str
    confidence: float
    rescue: str = ""
    rescue_confidence: float = 1.0
    rescue_mark: FoundBy = "rescue"
    missed: float = 0.0

    def counts(self, frame: DetectedFrame) -> NDArray[np.bool_]:
        """Which boxes of a frame are above the threshold; those of the rescue only if the detector found none."""
        # Compare in single precision, in which confidences are stored.
        sure = np.array([self.confidence, self.rescue_confidence], np.float32)[frame.found_by]
        counts = frame.detections.confidence >= sure
        of_detector = frame.found_by == DETECTOR
        seen = frame.detections.confidence[of_detector] >= np.float32(max(self.missed, self.confidence))
        return counts & of_detector if seen.any() else counts

    def marks(self, found_by: int) -> tuple[FoundBy, str]:
        """Step and method name of a box above the threshold."""
        return ("rgb", self.detector) if found_by == DETECTOR else (self.rescue_mark, self.rescue)


@dataclass(frozen=True)
class FrameFaces:
    """Faces of one frame.

    Attributes:
        frame: The frame with all detections.
        faces: N faces, in pixels of the frame.
        found_by: Step that found each face: "rgb", "heatmap", "rescue" or "temporal"; the last one also for a proposed
            box below the threshold that is only there because a track expects it.
        methods: Model or method of each face; "temporal" if no network proposed it.
    """

    frame: DetectedFrame
    faces: Detections
    found_by: tuple[FoundBy, ...]
    methods: tuple[str, ...]


def track_faces(
    frames: Iterable[DetectedFrame], labels: FaceLabels, temporal: Temporal, bridge: float
) -> Iterator[FrameFaces]:
    """Faces of all frames of one source, in order.

    Args:
        frames: Detected frames; those of a video in order of time.
        labels: Labels and thresholds.
        temporal: Tracking: "off", "online" (uses earlier frames only) or "offline". A track ends where the elapsed time
            is unknown, and where the size of frames changes.
        bridge: Maximum gap of a track in seconds.
    """
    if temporal == "off":
        for frame in frames:
            yield sure_faces(frame, labels)
    elif temporal == "online":
        follow = Follower(labels, bridge)
        for frame in frames:
            yield follow(frame)
    else:
        for _, stretch in groupby(frames, _Stretches()):
            yield from _smoothed(stretch, labels, bridge)


def sure_faces(frame: DetectedFrame, labels: FaceLabels) -> FrameFaces:
    """Faces of a frame without tracking."""
    counts = labels.counts(frame)
    marks = [labels.marks(int(each)) for each in frame.found_by[counts]]
    found_by, methods = tuple(mark for mark, _ in marks), tuple(method for _, method in marks)
    return FrameFaces(frame, frame.detections[counts], found_by, methods)


class Follower:
    """Tracks the only face of a video, frame by frame."""

    def __init__(self, labels: FaceLabels, bridge: float) -> None:
        self._labels, self._bridge = labels, bridge
        self._stretches = _Stretches()
        self._tracker: Tracker | None = None

    def __call__(self, frame: DetectedFrame) -> FrameFaces:
        before = self._stretches.number
        if self._stretches(frame) != before or self._tracker is None:
            self._tracker = Tracker(TrackerSettings(frame.width, frame.height, self._bridge))
        return _tracked_face(frame, self._tracker.update(_observation(frame, self._labels)), self._labels)


class _Stretches:
    """Returns the number of the segment, from 0, that a frame belongs to; tracks do not extend over segments."""

    def __init__(self) -> None:
        self.number = 0
        self._size: tuple[int, int] | None = None

    def __call__(self, frame: DetectedFrame) -> int:
        size = frame.width, frame.height
        if self._size is not None:
            self.number += frame.joint or size != self._size
        self._size = size
        return self.number


def _smoothed(frames: Iterator[DetectedFrame], labels: FaceLabels, bridge: float) -> Iterator[FrameFaces]:
    first = next(frames, None)
    if first is None:
        return

    def all_frames() -> Iterator[DetectedFrame]:
        yield first
        yield from frames

    # The smoother reads a window ahead of its results, so only as many frames wait here.
    shown, tracked = tee(all_frames())
    settings = TrackerSettings(first.width, first.height, bridge)
    answers = smooth((_observation(frame, labels) for frame in tracked), settings)
    for frame, answer in zip(shown, answers, strict=True):
        yield _tracked_face(frame, answer, labels)


def _observation(frame: DetectedFrame, labels: FaceLabels) -> Observation:
    found = frame.detections
    exact = Detections(found.boxes.astype(np.float64), found.confidence.astype(np.float64), found_by=frame.found_by)
    return Observation(frame.second, exact, labels.counts(frame))


def _tracked_face(frame: DetectedFrame, tracked: TrackedFace | None, labels: FaceLabels) -> FrameFaces:
    if tracked is None:
        return FrameFaces(frame, Detections.empty(), (), ())
    mark: FoundBy = "temporal"
    method = "temporal"
    if tracked.candidate is not None:
        own, method = labels.marks(int(frame.found_by[tracked.candidate]))
        mark = own if labels.counts(frame)[tracked.candidate] else mark
    face = Detections(tracked.box.astype(np.float32)[None], np.array([tracked.confidence], np.float32))
    return FrameFaces(frame, face, (mark,), (method,))
