"""A face that moves, is missed and comes back, and boxes where there is none: what a track makes of it.

`python -m tests.tracking.simulated_tracks` prints recall, false boxes and overlap without a track, online and offline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from uncover.metrics.detections import Detections, box_iou
from uncover.tracking.smoothing import smooth
from uncover.tracking.tracker import Observation, TrackedFace, Tracker, TrackerSettings

WIDTH, HEIGHT = 640.0, 480.0
COUNTS_FROM = 0.25


@dataclass(frozen=True)
class Video:
    frames: list[Observation]
    truth: list[np.ndarray | None]


@dataclass(frozen=True)
class Scores:
    recall: float
    false_per_minute: float
    overlap: float


def simulate(seed: int, seconds: float = 60, rate: float = 5, false_per_minute: float = 10) -> Video:
    """A video of one infant.

    The head rests and moves by turns; now and then the camera is moved, or the infant is away. The detector misses the
    face in runs; of a missed face, half the frames have a box that does not count. Some boxes are no face: most for a
    frame or two, and one spot in the picture draws unsure boxes again and again.
    """
    random = np.random.default_rng(seed)
    step, size = 1 / rate, random.uniform(60, 120)
    centre, velocity, logs = random.uniform([200, 150], [440, 330]), np.zeros(2), np.log([size, size * 1.2])
    moving = seen = here = True
    false_until, false_box = -1.0, np.zeros(4)
    spot = random.uniform([60, 60], [580, 420])
    frames, truth = [], []
    for second in np.arange(0, seconds, step):
        moving ^= random.random() < step / (1.0 if moving else 4.0)
        velocity += -velocity * min(1, step / 0.4) + moving * random.normal(0, 1.0 * size * step**0.5, 2)
        centre = np.clip(centre + velocity * step, [80, 80], [WIDTH - 80, HEIGHT - 80])
        logs = logs + moving * random.normal(0, 0.1 * step**0.5, 2)
        if random.random() < step / 30:
            centre = random.uniform([120, 120], [520, 360])
        here ^= random.random() < step / (30 if here else 6)
        seen ^= random.random() < step / (1.5 if seen else 0.6)
        face = _box(centre, logs)
        truth.append(face if here else None)
        boxes, confidence = [], []
        if here:
            near = _box(centre + random.normal(0, 0.04 * size, 2), logs + random.normal(0, 0.07, 2))
            if seen:
                boxes, confidence = [near], [random.uniform(0.3, 0.95)]
            elif random.random() < 0.5:
                near = _box(centre + random.normal(0, 0.1 * size, 2), logs + random.normal(0, 0.12, 2))
                boxes, confidence = [near], [random.uniform(0.05, COUNTS_FROM)]
        if random.random() < false_per_minute / 60 * step:
            false_until = second + random.exponential(0.2)
            false_box = _box(random.uniform([60, 60], [580, 420]), np.log(size) + random.normal(0, 0.3, 2))
        if second <= false_until or (random.random() < step and false_per_minute):
            boxes.append(false_box if second <= false_until else _box(spot, np.log([size, size])))
            confidence.append(random.uniform(0.2, 0.7))
        for _ in range(random.poisson(1.0)):
            boxes.append(_box(random.uniform([60, 60], [580, 420]), np.log(size) + random.normal(0, 0.3, 2)))
            confidence.append(random.uniform(0.03, COUNTS_FROM))
        frames.append(found(second, boxes, confidence))
    return Video(frames, truth)


def interrupted(seed: int, seconds: float, gap: float, rate: float = 5) -> list[Observation]:
    """A face that stirs a little, is sure for so long, not seen at all for a while, and then seen again."""
    random = np.random.default_rng(seed)
    centre, logs = random.uniform([250, 180], [390, 300]), np.log([80, 100])
    frames = []
    for second in np.arange(0, 2 * seconds + gap, 1 / rate):
        near = _box(centre + random.normal(0, 3, 2), logs + random.normal(0, 0.05, 2))
        covered = seconds <= second < seconds + gap
        frames.append(found(second, [] if covered else [near], [] if covered else [random.uniform(0.4, 0.9)]))
    return frames


def found(second: float, boxes: Sequence[np.ndarray], confidence: Sequence[float]) -> Observation:
    sure = np.array(confidence, np.float64)
    detections = Detections(np.array(boxes, np.float64).reshape(-1, 4), sure)
    return Observation(float(second), detections, sure >= COUNTS_FROM)


def without_track(frames: Iterable[Observation]) -> list[TrackedFace | None]:
    """The surest box that counts, frame by frame."""
    results: list[TrackedFace | None] = []
    for frame in frames:
        best = int(frame.confidence.argmax()) if len(frame.confidence) else 0
        sure = frame.counts.any()
        results.append(TrackedFace(frame.boxes[best], float(frame.confidence[best]), best) if sure else None)
    return results


def online(frames: Iterable[Observation], settings: TrackerSettings | None = None) -> list[TrackedFace | None]:
    tracker = Tracker(settings or TrackerSettings(WIDTH, HEIGHT))
    return [tracker.update(frame) for frame in frames]


def offline(frames: Iterable[Observation], settings: TrackerSettings | None = None) -> list[TrackedFace | None]:
    return list(smooth(frames, settings or TrackerSettings(WIDTH, HEIGHT)))


def with_own_boxes(video: Video, results: Sequence[TrackedFace | None]) -> list[TrackedFace | None]:
    """The same, but the boxes of candidates are as the detector found them."""
    return [
        result
        if result is None or result.candidate is None
        else TrackedFace(frame.boxes[result.candidate], result.confidence, result.candidate)
        for frame, result in zip(video.frames, results, strict=True)
    ]


def score(videos: Sequence[Video], results: Sequence[Sequence[TrackedFace | None]]) -> Scores:
    """Recall at IoU 0.5, false boxes per minute, and the mean IoU of all boxes that are right."""
    faces = right = false = 0
    seconds, overlaps = 0.0, []
    for video, reported in zip(videos, results, strict=True):
        seconds += video.frames[-1].second
        for face, result in zip(video.truth, reported, strict=True):
            faces += face is not None
            if result is None:
                continue
            overlap = 0.0 if face is None else float(box_iou(face[None], result.box[None])[0, 0])
            right, false = right + (overlap >= 0.5), false + (overlap < 0.5)
            overlaps += [overlap] * (overlap >= 0.5)
    return Scores(right / faces, false / seconds * 60, float(np.mean(overlaps)))


def _box(centre: np.ndarray, logs: np.ndarray) -> np.ndarray:
    half = np.exp(logs) / 2
    return np.clip(np.concatenate([centre - half, centre + half]), 0, [WIDTH, HEIGHT] * 2)


def main() -> None:
    ways: dict[str, Callable[[list[Observation]], list[TrackedFace | None]]] = {
        "without": without_track,
        "online": online,
        "offline": offline,
    }
    for rate in (5, 25):
        videos = [simulate(seed, 120, rate) for seed in range(10)]
        for name, way in ways.items():
            start = time.perf_counter()
            results = [way(video.frames) for video in videos]
            spent = (time.perf_counter() - start) / sum(len(video.frames) for video in videos)
            print(f"{rate:2} frames/s {name:8} {score(videos, results)}  {spent * 1e3:.3f} ms a frame")
            if name != "without":
                own = [with_own_boxes(video, result) for video, result in zip(videos, results, strict=True)]
                print(f"{rate:2} frames/s {name:8} {score(videos, own)}  with the detector's own boxes")


if __name__ == "__main__":
    main()
