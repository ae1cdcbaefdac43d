"""Annotated copies: frames with boxes, and with hidden faces unless they may be shown."""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.images.privacy import HIDES_SOME, Cover, shown
from uncover.video.batches import Picture, ahead
from uncover.video.decode import Video
from uncover.video.detected_frames import DetectedFrame
from uncover.video.encode import VideoWriter
from uncover.video.faces import FaceLabels, Follower, FrameFaces, sure_faces
from uncover.video.sound import FileClock

COLOURS = {"rgb": (0, 158, 115), "heatmap": (230, 159, 0), "rescue": (230, 159, 0), "temporal": (86, 180, 233)}
"""RGB by the step that found a box; distinguishable for colour-blind viewers (Okabe and Ito)."""

CLOCK = 1e-6
"""Tolerance of times in seconds, which are fractions."""

QUALITY = 90
SHORTEST = 1e-4
"""Default interval between two frames of a video, in seconds."""

DEPTH = 4
"""Maximum number of frames that wait to be drawn."""


HOLD = 0.5
"""Seconds for which a position stays hidden before and after a possible face."""

Item = TypeVar("Item")


def annotate(
    pixels: NDArray[np.uint8], faces: FrameFaces, privacy: str, cover: Cover | None = None, shape: str = "box"
) -> NDArray[np.uint8]:
    """Draw the boxes of a frame or image.

    Args:
        pixels: uint8 (H, W, 3) RGB.
        faces: Faces found in it.
        privacy: As for `shown`. Values in `HIDES_SOME` hide every box that may be a face, including those below the
            threshold, and the cover: everything that a network took for a face or a part of one at any confidence. If
            nothing above the threshold was found in this frame, they hide all of it.
        cover: Further areas to hide.
        shape: As for `shown`.

    Returns:
        A copy, uint8 (H, W, 3) RGB.
    """
    hidden = (
        np.concatenate([faces.faces.boxes, faces.frame.detections.boxes]) if _is_found(faces) else faces.faces.boxes[:0]
    )
    own = faces.frame.cover
    image = shown(pixels, hidden, privacy, own | cover if own and cover else own or cover, shape)
    thick = max(1, round(min(image.shape[:2]) / 240))
    size = max(0.35, min(image.shape[:2]) / 1000)
    boxes = zip(faces.faces.boxes, faces.faces.confidence, faces.found_by, strict=True)
    for (x1, y1, x2, y2), confidence, found_by in boxes:
        colour = COLOURS[found_by]
        corner = (math.floor(x1), math.floor(y1))
        cv2.rectangle(image, corner, (math.ceil(x2), math.ceil(y2)), colour, thick, cv2.LINE_AA)
        text = f"{found_by} {confidence:.2f}"
        (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thick)
        left = min(max(corner[0], 0), max(image.shape[1] - width, 0))
        top = corner[1] - height - base if corner[1] > height + base else corner[1]
        cv2.rectangle(image, (left, top), (left + width, top + height + base), colour, cv2.FILLED)
        white = (255, 255, 255)
        cv2.putText(
            image, text, (left, top + height), cv2.FONT_HERSHEY_SIMPLEX, size, white, max(1, thick // 2), cv2.LINE_AA
        )
    return image


def annotate_video(
    video: Video,
    faces: Iterable[FrameFaces],
    privacy: str,
    path: Path,
    clock: FileClock | None = None,
    shape: str = "box",
) -> Iterator[FrameFaces]:
    """Write a video with boxes, without sound. Frames without detection results are left out.

    Args:
        video: Original video.
        faces: Faces of its frames, in order.
        privacy: As for `annotate`.
        path: MP4 file to write.
        clock: Receives the time of each frame, so that sound can be added.
        shape: As for `annotate`.

    Yields:
        The faces, unchanged.
    """
    delayed = DelayedFrames[None](privacy)
    with closing(ahead(video.frames(), DEPTH)) as pictures, _CopyWriter(path, video) as copy:

        def draw(own: FrameFaces, cover: Cover | None) -> None:
            picture = next((each for each in pictures if each.index >= own.frame.index), None)
            if picture is not None:
                copy.add(annotate(picture.pixels, own, privacy, cover, shape), picture.second)
                if clock is not None:
                    clock.add(picture.stamp, picture.second)

        for each in faces:
            for _, own, cover in delayed.add(None, each):
                draw(own, cover)
                yield own
        for _, own, cover in delayed.rest():
            draw(own, cover)
            yield own


class DelayedFrames(Generic[Item]):
    """Delays frames until the next ones are known, so that a face is hidden before it is detected.

    Keeps the frames of `HOLD` seconds in memory.
    """

    def __init__(self, privacy: str) -> None:
        """
        Args:
            privacy: As for `annotate`; there is no delay if boxes do not matter.
        """
        self._hold = HOLD if privacy in HIDES_SOME else 0.0
        self._waiting: deque[tuple[Item, FrameFaces]] = deque()
        self._near: deque[tuple[FrameFaces, Cover]] = deque()

    def add(self, item: Item, faces: FrameFaces) -> Iterator[tuple[Item, FrameFaces, Cover | None]]:
        """Add the next frame; yields frames that are ready, with the areas to hide."""
        self._waiting.append((item, faces))
        if self._hold:
            self._near.append((faces, _cover_of(faces)))
        while self._waiting and self._waiting[0][1].frame.second <= faces.frame.second - self._hold + CLOCK:
            yield self._next()

    def rest(self) -> Iterator[tuple[Item, FrameFaces, Cover | None]]:
        """Frames that are still waiting at the end."""
        while self._waiting:
            yield self._next()

    def _next(self) -> tuple[Item, FrameFaces, Cover | None]:
        item, faces = self._waiting.popleft()
        second = faces.frame.second
        while self._near and self._near[0][0].frame.second < second - self._hold - CLOCK:
            self._near.popleft()
        near = [(other, cover) for other, cover in self._near if other.frame.second <= second + self._hold + CLOCK]
        if not near:
            return item, faces, None
        # A short false positive must not reveal a face that was not detected.
        if 2 * sum(_is_found(other) for other, _ in near) < len(near):
            return item, faces, Cover.whole(faces.frame.width, faces.frame.height)
        return item, faces, functools.reduce(Cover.__or__, (cover for _, cover in near))


def _is_found(faces: FrameFaces) -> bool:
    """Whether a box above the threshold was found in this frame itself; others may be beside the face."""
    return any(found_by != "temporal" for found_by in faces.found_by)


def _cover_of(faces: FrameFaces) -> Cover:
    """Everything in a frame that may be a face."""
    frame = faces.frame
    boxes = Cover.of(np.concatenate([faces.faces.boxes, frame.detections.boxes]), frame.width, frame.height)
    return boxes if frame.cover is None else boxes | frame.cover


class LiveDrawing:
    """Annotated copy of a live stream, written while it is processed; use it in a `with` statement."""

    def __init__(
        self, path: Path, video: Video, labels: FaceLabels, privacy: str, bridge: float | None, shape: str = "box"
    ) -> None:
        """
        Args:
            path: MP4 file to write.
            video: Live stream.
            labels: Thresholds of a face.
            privacy: As for `annotate`.
            bridge: Maximum gap of a track in seconds; None without tracking.
            shape: As for `annotate`.
        """
        self._labels, self._privacy, self._bridge, self._shape = labels, privacy, bridge, shape
        self._copy = _CopyWriter(path, video)
        self._delayed = DelayedFrames[Picture](privacy)
        self._follower: Follower | None = None

    def __enter__(self) -> LiveDrawing:
        self._copy.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            if error[0] is None:
                self._draw(self._delayed.rest())
        finally:
            self._copy.__exit__(*error)

    def add(self, picture: Picture, frame: DetectedFrame) -> None:
        """Add the next frame; it is drawn when the following frames are known."""
        if self._bridge is None:
            faces = sure_faces(frame, self._labels)
        else:
            self._follower = self._follower or Follower(self._labels, self._bridge)
            faces = self._follower(frame)
        self._draw(self._delayed.add(picture, faces))

    def _draw(self, pictures: Iterable[tuple[Picture, FrameFaces, Cover | None]]) -> None:
        for picture, faces, cover in pictures:
            self._copy.add(annotate(picture.pixels, faces, self._privacy, cover, self._shape), picture.second)


class _CopyWriter:
    """A video being written: all frames have the same size, with the pixel aspect ratio of the source."""

    def __init__(self, path: Path, video: Video) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._size = (video.width, video.height)
        self._writer = VideoWriter(path, *self._size, video.rate or 25.0, pixel_aspect=video.pixel_aspect)
        self._last = -math.inf

    def __enter__(self) -> _CopyWriter:
        self._writer.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._writer.__exit__(*error)

    def add(self, pixels: NDArray[np.uint8], second: float) -> None:
        """Add a frame; a frame of another size than the first one is fitted into it, on black."""
        if (pixels.shape[1], pixels.shape[0]) != self._size:
            pixels = fitted(pixels, *self._size)
        # Times have a resolution of 1/90000 s.
        self._last = max(second, self._last + SHORTEST)
        self._writer.write(pixels, self._last)


def fitted(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Scale an image to fit into a frame, centred on black.

    Args:
        pixels: uint8 (H, W, 3).
        width: Width of the frame, in pixels.
        height: Height of the frame, in pixels.

    Returns:
        uint8 (height, width, 3).
    """
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    inner = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    frame = np.zeros((height, width, 3), np.uint8)
    frame[top : top + inner[1], left : left + inner[0]] = cv2.resize(pixels, inner, interpolation=cv2.INTER_AREA)
    return frame


def annotate_image(pixels: NDArray[np.uint8], faces: FrameFaces, privacy: str, path: Path, shape: str = "box") -> None:
    """Write an image with boxes, as JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = cv2.cvtColor(annotate(pixels, faces, privacy, shape=shape), cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG")
    with new_file(path) as temporary:
        temporary.write_bytes(data.tobytes())
