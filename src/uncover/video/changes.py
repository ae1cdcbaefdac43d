"""Changes in a video: motion and changes of light between frames, and selection of frames by these.

Section 4.6 of the thesis selects frames by hand where there is noticeable variability, such as when the infant starts
to move. Here two measures replace manual selection. Both compare small grey versions of frames, which average out pixel
noise: `motion` ignores changes of brightness of the whole frame, `light` measures only these.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from uncover.video.decode import Frame

Reason = Literal["first", "motion", "light", "interval"]

SMALL_WIDTH, SMALL_HEIGHT = 64, 48
LEAST_CONTRAST = 8.0
"""Standard deviation in grey levels below which a frame is so flat that its noise would count as motion."""
BUSIEST = 0.1
"""Share of the frame used for motion: the part with the largest changes, as an arm is a small part of a frame."""
NOISE_SECONDS, NOISE_SPREAD = 10.0, 1.3
"""Noise of camera and codec causes apparent motion between frames of a still scene. The smallest motion of the last ten
seconds estimates it; motion up to this multiple is ignored."""
LEAST_NOISE, MOST_NOISE = 0.05, 0.4
"""Motion below the first value is always ignored; motion above the second value never is."""
CLOCK = 1e-3
"""Tolerance of frame times in seconds; containers round them."""
AT_ONCE = 1024
"""Number of small versions compared at once, so that the memory of a long video is one byte per cell."""


@dataclass(frozen=True)
class Limits:
    """When to select a frame.

    Attributes:
        motion: Motion since the last selected frame, in standard deviations of the frame (`motion`), summed over the
            compared frames.
        light: Change of light since the last selected frame, as a share of the range from black to white.
        every: Seconds after which a frame is selected even without a change; 0 means never.
        gap: Minimum time between two selected frames, in seconds.
        rate: Compared frames per second; frames between these are skipped.
    """

    motion: float = 1.0
    light: float = 0.06
    every: float = 60.0
    gap: float = 1.0
    rate: float = 5.0


@dataclass(frozen=True)
class Pick:
    """A selected frame.

    Attributes:
        frame: Number in the video.
        second: Time in the video.
        reason: Reason of the selection.
        change: Motion or light since the last selected frame, depending on `reason` (motion if it is neither); if a
            number of frames was requested, the difference to the most similar frame selected before.
    """

    frame: int
    second: float
    reason: Reason
    change: float


def small_grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale a frame down by averaging.

    Args:
        pixels: uint8 (H, W, 3), RGB.

    Returns:
        uint8 (48, 64), grey levels.
    """
    small = cv2.resize(pixels, (SMALL_WIDTH, SMALL_HEIGHT), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def standardised(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Normalise mean and contrast, which removes changes of brightness of the whole frame.

    Args:
        small: uint8 (..., 48, 64), grey levels.

    Returns:
        float32 of the same shape, in standard deviations of each frame.
    """
    grey = small.astype(np.float32)
    mean = grey.mean(axis=(-2, -1), keepdims=True)
    contrast = np.maximum(grey.std(axis=(-2, -1), keepdims=True), LEAST_CONTRAST)
    return (grey - mean) / contrast


def motion(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean absolute difference of the normalised frames, over the tenth of the frame with the largest difference.

    It is 0 if the frames differ only in brightness or contrast.

    Args:
        one: uint8 (..., 48, 64), grey levels.
        other: uint8 (..., 48, 64), grey levels; shapes broadcast.

    Returns:
        float32 (...), in standard deviations of the frames.
    """
    difference = np.abs(standardised(one) - standardised(other))
    cells = difference.reshape(*difference.shape[:-2], -1)
    busiest = round(cells.shape[-1] * BUSIEST)
    return np.partition(cells, -busiest, axis=-1)[..., -busiest:].mean(axis=-1)


def light(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Absolute difference of the mean brightness, as a share of the range from black to white.

    Args:
        one: uint8 (..., 48, 64), grey levels.
        other: uint8 (..., 48, 64), grey levels; shapes broadcast.

    Returns:
        float64 (...), 0 to 1.
    """
    return np.abs(one.mean(axis=(-2, -1)) - other.mean(axis=(-2, -1))) / 255


def sampled(frames: Iterable[Frame], rate: float) -> Iterator[Frame]:
    """The first frame, and then at most `rate` frames per second."""
    last: float | None = None
    for frame in frames:
        if last is None or frame.second - last >= 1 / rate - CLOCK:
            last = frame.second
            yield frame


def pick_changes(frames: Iterable[Frame], limits: Limits) -> Iterator[tuple[Frame, Pick]]:
    """Select frames in one pass: after enough change since the last selected one, or after a long time without any.

    Motion is summed from frame to frame, which covers back-and-forth motion, and compared with the last selected frame,
    which covers slow motion. Three small versions are kept in memory.

    Args:
        frames: Frames in order of time.
        limits: When to select a frame.

    Yields:
        A frame, and the reason of its selection.
    """
    picked, previous, at, moved = None, None, 0.0, 0.0
    recent: deque[float] = deque(maxlen=max(1, round(NOISE_SECONDS * limits.rate)))
    for frame in sampled(frames, limits.rate):
        now = small_grey(frame.pixels)
        if picked is None or previous is None:
            pick: Pick | None = Pick(frame.index, frame.second, "first", 0.0)
        else:
            recent.append(float(motion(previous, now)))
            moved += max(0.0, recent[-1] - min(MOST_NOISE, max(LEAST_NOISE, NOISE_SPREAD * min(recent))))
            pick = _judge(
                frame, max(moved, float(motion(picked, now))), float(light(picked, now)), frame.second - at, limits
            )
        previous = now
        if pick is not None:
            picked, at, moved = now, frame.second, 0.0
            if pick.reason == "light":
                recent.clear()  # the noise changes with the light
            yield frame, pick


def _judge(frame: Frame, moved: float, lit: float, waited: float, limits: Limits) -> Pick | None:
    if waited < limits.gap - CLOCK:
        return None
    by_motion, by_light = moved / limits.motion, lit / limits.light
    if max(by_motion, by_light) >= 1:
        if by_light > by_motion:
            return Pick(frame.index, frame.second, "light", lit)
        return Pick(frame.index, frame.second, "motion", moved)
    if limits.every and waited >= limits.every - CLOCK:
        return Pick(frame.index, frame.second, "interval", moved)
    return None


@dataclass(frozen=True)
class SampledVideo:
    """Small versions of the compared frames, 3 kB each.

    Attributes:
        frames: int64 (N,), numbers in the video.
        seconds: float64 (N,).
        small: uint8 (N, 48, 64), grey levels.
    """

    frames: NDArray[np.int64]
    seconds: NDArray[np.float64]
    small: NDArray[np.uint8]


def sample_video(frames: Iterable[Frame], rate: float) -> SampledVideo:
    """Small versions of a video's frames in one pass, at most `rate` frames per second."""
    seen = [(frame.index, frame.second, small_grey(frame.pixels)) for frame in sampled(frames, rate)]
    small = np.array([item[2] for item in seen], np.uint8).reshape(-1, SMALL_HEIGHT, SMALL_WIDTH)
    return SampledVideo(np.array([item[0] for item in seen], np.int64), np.array([item[1] for item in seen]), small)


def most_different(watched: SampledVideo, count: int, limits: Limits) -> list[Pick]:
    """Select the first frame, then repeatedly the frame that differs most from all selected ones.

    Motion and light are weighted by their limits: one limit of motion equals one limit of light.

    Args:
        watched: Frames to choose from.
        count: Number of frames. There may be fewer because of the gap or the length of the video.
        limits: Weights, and the gap.

    Returns:
        Selected frames in order of time.
    """
    if not len(watched.frames):
        return []
    free = np.ones(len(watched.frames), bool)
    moved, lit = np.full(len(free), np.inf), np.full(len(free), np.inf)
    picks = [Pick(int(watched.frames[0]), float(watched.seconds[0]), "first", 0.0)]
    chosen = 0
    while len(picks) < count:
        free &= np.abs(watched.seconds - watched.seconds[chosen]) >= limits.gap - CLOCK
        free[chosen] = False
        if not free.any():
            break
        newly_moved, newly_lit = _changes_to(watched.small, chosen)
        nearer = _weighed(newly_moved, newly_lit, limits) < _weighed(moved, lit, limits)
        moved, lit = np.where(nearer, newly_moved, moved), np.where(nearer, newly_lit, lit)
        chosen = int(np.argmax(np.where(free, _weighed(moved, lit, limits), -1.0)))
        by_light = lit[chosen] / limits.light > moved[chosen] / limits.motion
        reason: Reason = "light" if by_light else "motion"
        change = float(lit[chosen] if by_light else moved[chosen])
        picks.append(Pick(int(watched.frames[chosen]), float(watched.seconds[chosen]), reason, change))
    return sorted(picks, key=lambda pick: pick.frame)


def _weighed(moved: NDArray[np.float64], lit: NDArray[np.float64], limits: Limits) -> NDArray[np.float64]:
    return np.maximum(moved / limits.motion, lit / limits.light)


def _changes_to(small: NDArray[np.uint8], chosen: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Motion and light of all compared frames relative to one of them."""
    parts = [small[start : start + AT_ONCE] for start in range(0, len(small), AT_ONCE)]
    moved = np.concatenate([motion(part, small[chosen]) for part in parts]).astype(np.float64)
    return moved, np.concatenate([light(part, small[chosen]) for part in parts])
