"""Annotated copies of images and videos: boxes are drawn, and faces are hidden according to the privacy setting."""

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
"""RGB colours by what found a box; safe for colour-blind readers (Okabe and Ito)."""

CLOCK = 1e-6
"""Tolerance for times in seconds, which are rounded fractions."""

QUALITY = 90
SHORTEST = 1e-4
"""Minimum seconds between two frames of an annotated video."""

DEPTH = 4
"""Maximum number of decoded frames that wait to be drawn."""


HOLD = 0.5
"""Seconds for which a region stays hidden before and after a possible face in it."""

Item = TypeVar("Item")


def annotate(
    pixels: NDArray[np.uint8], faces: FrameFaces, privacy: str, cover: Cover | None = None, shape: str = "box"
) -> NDArray[np.uint8]:
    """Draw the boxes of a frame.

    Args:
        pixels: uint8 (H, W, 3) RGB.
        faces: Faces found in the frame.
        privacy: Privacy setting, as in `shown`. The settings in `HIDES_SOME` hide every box that may contain a face,
            also below the confidence threshold, and every region that a network considers a face or a part of one at
            any confidence (the cover of the detection). If no face was found in the frame, all of it is hidden.
        cover: Further region to hide.
        shape: Shape of hidden regions, as in `shown`.

    Returns:
        An annotated copy, uint8 (H, W, 3) RGB.
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
    """Write an annotated copy of a video, without sound; frames that were not processed are left out.

    Args:
        video: The original video.
        faces: Faces of its frames, in order.
        privacy: As for `annotate`.
        path: MP4 file to write.
        clock: Records the time of each frame, so that sound can be added.
        shape: As for `annotate`.

    Yields:
        The faces of each frame.
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
    """Buffer that delays frames by `HOLD` seconds, so that a region is hidden before a face is found in it.

    It holds the frames of `HOLD` seconds in memory.
    """

    def __init__(self, privacy: str) -> None:
        """
        Args:
            privacy: As for `annotate`; settings that do not depend on boxes need no delay.
        """
        self._hold = HOLD if privacy in HIDES_SOME else 0.0
        self._waiting: deque[tuple[Item, FrameFaces]] = deque()
        self._near: deque[tuple[FrameFaces, Cover]] = deque()

    def add(self, item: Item, faces: FrameFaces) -> Iterator[tuple[Item, FrameFaces, Cover | None]]:
        """Add the next frame; yields frames that can be drawn now, with the region to hide in each."""
        self._waiting.append((item, faces))
        if self._hold:
            self._near.append((faces, _cover_of(faces)))
        while self._waiting and self._waiting[0][1].frame.second <= faces.frame.second - self._hold + CLOCK:
            yield self._next()

    def rest(self) -> Iterator[tuple[Item, FrameFaces, Cover | None]]:
        """Yield the remaining frames at the end."""
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
        # An intermittent false positive must not expose a face that was not found.
        if 2 * sum(_is_found(other) for other, _ in near) < len(near):
            return item, faces, Cover.whole(faces.frame.width, faces.frame.height)
        return item, faces, functools.reduce(Cover.__or__, (cover for _, cover in near))


def _is_found(faces: FrameFaces) -> bool:
    """Whether a face was found in this frame itself: a box known from other frames only may be beside the face."""
    return any(found_by != "temporal" for found_by in faces.found_by)


def _cover_of(faces: FrameFaces) -> Cover:
    """All regions of a frame that may be a face."""
    frame = faces.frame
    boxes = Cover.of(np.concatenate([faces.faces.boxes, frame.detections.boxes]), frame.width, frame.height)
    return boxes if frame.cover is None else boxes | frame.cover


class LiveDrawing:
    """Annotated copy of a live stream, written during detection; use it in a `with` statement."""

    def __init__(
        self, path: Path, video: Video, labels: FaceLabels, privacy: str, bridge: float | None, shape: str = "box"
    ) -> None:
        """
        Args:
            path: MP4 file to write.
            video: The stream.
            labels: Labels and confidence thresholds of boxes.
            privacy: As for `annotate`.
            bridge: Longest gap that tracking bridges, in seconds; None without tracking.
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
        """Add the next frame; it is drawn after a delay of `HOLD` seconds."""
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
    """Writer of an annotated video: all frames have one size, and the pixel aspect ratio of the source."""

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
        """Add a frame; one of another size than the first is scaled to fit, with black borders."""
        if (pixels.shape[1], pixels.shape[0]) != self._size:
            pixels = fitted(pixels, *self._size)
        # Times are rounded to 1/90000 s.
        self._last = max(second, self._last + SHORTEST)
        self._writer.write(pixels, self._last)


def fitted(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Scale an image to fit into a size, centred, with black borders.

    Args:
        pixels: uint8 (H, W, 3).
        width: Width of the result, in pixels.
        height: Height of the result, in pixels.

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
    """Write an annotated copy of an image, as JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = cv2.cvtColor(annotate(pixels, faces, privacy, shape=shape), cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG")
    with new_file(path) as temporary:
        temporary.write_bytes(data.tobytes())
