"""`FaceDetector`: `uncover detect` as a Python object, for images in memory, files, videos and cameras."""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from uncover.config.values import check_number
from uncover.errors import InputError, in_python, naming_arguments
from uncover.images.inputs import check_inference_options
from uncover.images.reading import COLOURS, Image, read_image
from uncover.metrics.detections import Detections
from uncover.video.batches import Picture, frames_of_images, frames_of_video, in_batches, letterboxed
from uncover.video.decode import open_video
from uncover.video.detected_frames import DetectedFrame
from uncover.video.detection import detect_batch, detect_frames, labels_of, rescue_batch
from uncover.video.faces import FrameFaces, sure_faces, track_faces
from uncover.video.frame import Frame
from uncover.video.load_networks import BEST, NONE, TURNS, load_networks
from uncover.video.model import Model
from uncover.video.options import CONFIDENCE, NetworkOptions, Temporal
from uncover.video.results import as_table
from uncover.video.sources import Sources, find_sources, is_live
from uncover.weights import DEFAULT, find_weights
from uncover.yolov5.device import Precision
from uncover.yolov5.weights import note_on_rendered

if TYPE_CHECKING:
    import pandas as pd

Source = str | os.PathLike[str] | int
"""A video, an image, a folder or a pattern of them, the address of a stream, or the number of a camera."""

BATCH = 16
"""Images that are detected in one pass of the network, at most."""


@dataclass(frozen=True, eq=False)
class FrameResult:
    """Faces in one frame of a video, or in one image of a folder.

    Attributes:
        source: Name of the video or image.
        index: Number of the frame in its video, from 0; 0 for an image.
        second: Time of the frame, in seconds from the first one; None for an image.
        width: Width of the frame, in pixels.
        height: Height of the frame, in pixels.
        faces: The faces, in pixels of the frame; `faces.found_by` names what found each.
        methods: Model or method that found each face; "temporal" for a face that only the track has.
    """

    source: str
    index: int
    second: float | None
    width: int
    height: int
    faces: Detections
    methods: tuple[str, ...]
    _pixels: _Pixels = field(repr=False, compare=False)
    _number: int = field(repr=False, compare=False)

    @property
    def image(self) -> NDArray[np.uint8]:
        """The frame, uint8 (height, width, 3) RGB, upright.

        Frames are not kept: of a file, an earlier frame is decoded again.

        Raises:
            InputError: The frame of a live stream is gone, because a later one has come.
        """
        return self._pixels(self._number)


class FaceDetector:
    """Detects whole faces in images and videos; results are those of `uncover detect` with the same settings.

    One detector serves one thread at a time. Make one detector per thread or process.

    Examples:
        >>> import uncover
        >>> detector = uncover.FaceDetector()
        >>> faces = detector("photo.jpg")  # or an array, uint8 (height, width, 3) RGB
        >>> faces.to_pandas().columns.tolist()
        ['class', 'class_id', 'confidence', 'x1', 'y1', 'x2', 'y2', 'found_by']
        >>> figure = faces.plot()

        A video, frame by frame and as one table:

        >>> for frame in detector.stream("clip.mp4", tracking="offline"):
        ...     boxes = frame.faces.boxes  # float32 (n, 4); frame.second, frame.image
        >>> table = detector.detect_video("clip.mp4", all_frames=True)
        >>> table["frame"].nunique()
        4
    """

    def __init__(
        self,
        weights: str | Path = DEFAULT,
        confidence: float = CONFIDENCE,
        device: str = "auto",
        image_size: int | None = None,
        turns: int | None = None,
        precision: Precision = "float32",
        face: str | None = None,
        nms_iou: float | None = None,
    ) -> None:
        """
        Args:
            weights: Name of pretrained weights ("general" or "nicu"), a weights file of `train`, or a checkpoint of
                upstream YOLOv5. No code in a file is executed.
            confidence: Lowest confidence of a face, from 0 to 1.
            device: "auto" (a GPU if there is one), or a name that torch knows, such as "cpu" or "cuda:0".
            image_size: Longest side of the network's input, in pixels, a multiple of 32; None takes that of the
                training. Small faces need a larger input.
            turns: Test-time augmentation for images without a face of `confidence` and of at least `0.4`. 4: one second
                pass over the four quarter turns side by side. 8: a pass at each of the turns by 45 degrees. 1: no
                second pass. None: 4 for `general`, else 1.
            precision: Arithmetic of the network: "float32", "float16" or "bfloat16". On processors that compute in
                bfloat16, it takes little more than half the time.
            face: Class of the network that is the whole face. Required only for networks with several classes none of
                which is named like a face.
            nms_iou: IoU above which a box of lower confidence is dropped; None takes `0.6`.

        Raises:
            InputError: The weights do not exist or have no class for the whole face, an argument is out of range, or
                the device is not available.

        Warns:
            UserWarning: The weights were trained on rendered faces only.
        """
        rescues = {None: BEST, 1: NONE} | {number: name for name, number in TURNS.items()}
        if turns not in rescues:
            raise InputError(f"turns={turns}; expected one of {', '.join(map(str, rescues))}")
        with naming_arguments(**{"class": "face"}):
            check_inference_options(confidence, nms_iou, BATCH, image_size)
            self._networks = load_networks(
                NetworkOptions(
                    None,
                    find_weights(weights),
                    rescues[turns],
                    confidence=confidence,
                    nms_iou=nms_iou,
                    image_size=image_size,
                    device=device,
                    precision=precision,
                    face=face,
                )
            )
        if self._networks.rendered:
            warnings.warn(in_python(note_on_rendered(self._networks.rendered)), stacklevel=2)
        self._labels = labels_of(self._networks)

    def __call__(self, image: Image) -> Detections:
        """Detect the faces in one image.

        Args:
            image: uint8 (height, width, 3) RGB, or the path of an image file.

        Returns:
            Faces in pixels of the image, highest confidence first.

        Raises:
            InputError: The image cannot be read, or is not such an array.
        """
        return self.detect([image])[0]

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Detect the faces in several images, in batches.

        Args:
            images: Arrays, uint8 (height, width, 3) RGB, of any sizes, or paths of image files.

        Returns:
            For each image its faces, in pixels of the image, highest confidence first.

        Raises:
            InputError: An image cannot be read, or is not such an array.
        """
        if isinstance(images, str | os.PathLike) or (isinstance(images, np.ndarray) and images.ndim == 3):
            raise InputError("detect takes several images; for one, call the detector: detector(image)")
        model = self._networks.detector
        assert isinstance(model, Model), "weights are of a network of ours"
        images = list(images)
        frames = (Frame(number, np.nan, _pixels_of(image)) for number, image in enumerate(images))
        found: list[Detections] = []
        for batch in in_batches(letterboxed(frames, model.image_size, model.header.padding), BATCH):
            for frame in rescue_batch(detect_batch(batch, self._networks), self._networks):
                image = images[len(found)]
                shown = image if isinstance(image, np.ndarray) else Path(image)
                found.append(replace(_marked(sure_faces(frame, self._labels)).sorted(), shown=shown))
        return found

    def stream(
        self,
        source: Source | Sequence[Source],
        tracking: Literal["online", "offline"] | None = None,
        max_gap: float = 1.0,
        until: float | None = None,
    ) -> Iterator[FrameResult]:
        """Detect the faces in every frame of videos, camera streams or folders, one frame at a time.

        Decoding and detection run in threads of their own, a few frames ahead. Memory does not grow with the length of
        the video.

        Args:
            source: Video or image file, folder (searched at any depth), pattern such as "ward/*.mp4", address such as
                "rtsp://...", or number of a camera; or several of these.
            tracking: Track the one face of each video. "online" uses past frames only; "offline" uses the
                whole video, so the first result comes some seconds of video later. None treats each frame alone, as do
                images.
            max_gap: Longest gap that a track bridges, in seconds.
            until: Second of each video after which to stop; None processes all of it.

        Yields:
            Results in order of time, one source after the other; images come last.

        Raises:
            InputError: A source does not exist or cannot be read, or a live stream is to be tracked "offline". Of
                several sources, only if none of them can be read.

        Warns:
            UserWarning: A source of several could not be read, a video ended early, or frames could not be decoded.
        """
        if tracking not in (None, "online", "offline"):
            raise InputError(f"tracking={tracking!r}; expected None, 'online' or 'offline'")
        with naming_arguments():
            check_number("--max-gap", max_gap, 0)
            check_number("--until", until, 0)
        given = [source] if isinstance(source, str | os.PathLike | int) else list(source)
        found = find_sources([os.fspath(each) if not isinstance(each, int) else str(each) for each in given])
        if tracking == "offline" and any(is_live(address) for address in found.videos.values()):
            raise InputError("tracking='offline' needs the whole video, but a live stream has no end; use 'online'")
        return self._stream(found, tracking or "off", max_gap, until)

    def detect_video(
        self,
        source: Source | Sequence[Source],
        tracking: Literal["online", "offline"] | None = None,
        max_gap: float = 1.0,
        until: float | None = None,
        all_frames: bool = False,
    ) -> pd.DataFrame:
        """Boxes of all frames as one table: that of `uncover detect` (`boxes.parquet`).

        Args:
            source: As for `stream`.
            tracking: As for `stream`.
            max_gap: As for `stream`.
            until: As for `stream`.
            all_frames: Also return a row for each frame without a face; its box is missing (NaN, None).

        Returns:
            One row per box: source, frame (from 0), second, x1 y1 x2 y2 (float32, pixels of the frame), confidence,
            found_by ("rgb", "heatmap", "rescue" or "temporal"), method (name of the model or method).

        Raises:
            InputError: As for `stream`.

        Warns:
            UserWarning: As for `stream`.
        """
        results = self.stream(source, tracking, max_gap, until)
        frames = ((each.source, each.index, each.second, each.faces, each.methods) for each in results)
        return as_table(frames, all_frames)

    def _stream(
        self, sources: Sources, temporal: Temporal, max_gap: float, until: float | None
    ) -> Iterator[FrameResult]:
        failed: list[InputError] = []
        for name, address in sources.videos.items():
            try:
                yield from self._stream_video(name, address, temporal, max_gap, until)
            except _Unreadable as error:
                failed.append(error)
        if sources.images:
            skipped: dict[str, str] = {}
            yield from self._stream_images(sources.images, skipped)
            failed += [InputError(reason) for reason in skipped.values()]
        if len(failed) == len(sources.videos) + len(sources.images):
            raise InputError("; ".join(map(str, failed)))
        for each in failed:
            warnings.warn(f"{each}; skipped", stacklevel=2)

    def _stream_video(
        self, name: str, address: str, temporal: Temporal, max_gap: float, until: float | None
    ) -> Iterator[FrameResult]:
        dropped: list[str] = []
        last: DetectedFrame | None = None
        with ExitStack() as stack:
            try:
                video = stack.enter_context(open_video(address))
            except InputError as error:
                raise _Unreadable(str(error)) from None
            pixels = stack.enter_context(closing(_VideoPixels(address, video.live)))
            frames = frames_of_video(video, None, until, dropped)
            # Closed before the video, from which its thread may be reading.
            detected = stack.enter_context(closing(detect_frames(frames, self._networks, BATCH, video.live)))
            for faces in track_faces(_noted(detected, pixels), self._labels, temporal, max_gap):
                last = faces.frame
                yield _result(name, last.index, last.second, faces, pixels)
            problems = [*dropped, *video.mended]
            if not dropped and last is not None and until is None and not video.live:
                problems += filter(None, [video.shortfall(last.index + 1, last.second)])
            if video.corrupt:
                problems.append(f"{video.corrupt} frames could not be decoded")
        for problem in problems:
            warnings.warn(f"{name}: {problem}", stacklevel=2)

    def _stream_images(self, images: Mapping[str, Path], skipped: dict[str, str]) -> Iterator[FrameResult]:
        names, pixels = list(images), _FilePixels(list(images.values()))
        frames = frames_of_images(images, (), skipped)
        with closing(detect_frames(frames, self._networks, BATCH)) as detected:
            for _, frame in detected:
                yield _result(names[frame.index], 0, None, sure_faces(frame, self._labels), pixels)


class _Unreadable(InputError):
    """A source of several that cannot be opened."""


class _FilePixels:
    """Pixels of image files, by number."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def __call__(self, number: int) -> NDArray[np.uint8]:
        return read_image(self._files[number], COLOURS)


class _VideoPixels:
    """Pixels of a video's frames, by number: of the latest frame as it was decoded, of others decoded again.

    Attributes:
        latest: The frame that was detected last; only this one is kept.
    """

    def __init__(self, address: str, live: bool) -> None:
        self.latest: Picture | None = None
        self._address, self._live = address, live
        self._again: Generator[Frame] | None = None
        self._now: Frame | None = None

    def __call__(self, number: int) -> NDArray[np.uint8]:
        latest = self.latest
        if latest is not None and latest.index == number:
            return latest.pixels
        if self._live:
            raise InputError(f"frame {number} of a live stream is gone; take `image` before the next frame")
        if self._now is not None and self._now.index > number:
            self.close()
        if self._again is None:
            self._again = _frames_of(self._address)
        while self._now is None or self._now.index < number:
            self._now = next(self._again)
        return self._now.pixels

    def close(self) -> None:
        """Close the video; a later call opens it again."""
        if self._again is not None:
            self._again.close()
        self._again = self._now = self.latest = None


_Pixels = _FilePixels | _VideoPixels


def _frames_of(address: str) -> Generator[Frame]:
    with open_video(address) as video:
        yield from video.frames()


def _noted(detected: Iterable[tuple[Picture, DetectedFrame]], pixels: _VideoPixels) -> Iterator[DetectedFrame]:
    """Detected frames; records the latest one for `pixels`."""
    for picture, frame in detected:
        pixels.latest = picture
        yield frame


def _marked(faces: FrameFaces) -> Detections:
    """Faces of a frame, with `found_by` as text."""
    return replace(faces.faces, found_by=np.array(faces.found_by, np.str_))


def _result(name: str, index: int, second: float | None, faces: FrameFaces, pixels: _Pixels) -> FrameResult:
    frame = faces.frame
    return FrameResult(
        name, index, second, frame.width, frame.height, _marked(faces), faces.methods, pixels, frame.index
    )


def _pixels_of(image: Image) -> NDArray[np.uint8]:
    if isinstance(image, str | os.PathLike):
        return read_image(Path(image), COLOURS)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != COLOURS:
        is_one = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"an image is {is_one}; expected uint8 (height, width, 3) in RGB, or the path of a file")
    if not image.size:
        raise InputError(f"an image of {image.shape[1]} x {image.shape[0]} pixels; expected at least 1 x 1")
    return np.ascontiguousarray(image)
