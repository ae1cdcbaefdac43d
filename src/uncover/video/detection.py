"""From frames to boxes: decoded frames are letterboxed, batched, and processed by detector and rescue.

Each step is a generator over the previous one; this module does not write files.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import torch

from uncover.baselines.turned import MERGED_IOU
from uncover.cam.passes import run_direct, take
from uncover.errors import needs_memory
from uncover.images.letterbox import GREY
from uncover.images.privacy import Cover
from uncover.metrics.detections import Detections
from uncover.threads import cores
from uncover.video.batches import Picture, ahead, in_batches, letterboxed, prepared
from uncover.video.decode import Frame
from uncover.video.detected_frames import DETECTOR, RESCUE, DetectedFrame
from uncover.video.faces import FaceLabels
from uncover.video.model import Found, Model
from uncover.video.other_detector import OtherDetector, as_it_is
from uncover.video.rescue import Missed, Rescue
from uncover.yolov5.device import in_precision
from uncover.yolov5.inference import SMALLER, batch_in_words, to_network

LOWEST = 0.05
"""Minimum confidence of stored boxes: tracking may use a face below the threshold."""

DEPTH = 2
"""Maximum number of batches that wait for the network."""


@dataclass(frozen=True)
class Networks:
    """Detector and rescue, as returned by `load_networks`.

    Attributes:
        detector: Runs on every frame: a network of ours, or a baseline detector.
        name: Name of the detector.
        confidence: Confidence threshold of a face.
        rescue: Runs on frames where the detector found no face; None for no rescue.
        why: Log line on the rescue.
        digests: sha256 of the weights of each network, by name.
        covered: Whether to compute further areas that may be faces.
        rendered: Names of networks that were trained on rendered faces only.
        least_sure: Lower bound of `missed`, if `confidence` is lower: a user who lowers the threshold still gets a
            rescue in frames with weak boxes only.
    """

    detector: Model | OtherDetector
    name: str
    confidence: float
    rescue: Rescue | None
    why: str
    digests: dict[str, str]
    covered: bool = False
    rendered: tuple[str, ...] = ()
    least_sure: float = 0.0

    @property
    def missed(self) -> float:
        """The rescue runs on frames without a box of the detector with at least this confidence."""
        return max(self.confidence, self.least_sure)


def labels_of(networks: Networks) -> FaceLabels:
    """Labels of boxes and thresholds of faces."""
    rescue = networks.rescue
    if rescue is None:
        return FaceLabels(networks.name, networks.confidence)
    return FaceLabels(
        networks.name, networks.confidence, rescue.name, rescue.confidence, rescue.found_by, networks.missed
    )


@dataclass(frozen=True)
class DetectedBatch:
    """Result of the detector for a batch of frames, and the input of the rescue.

    Attributes:
        pictures: B frames of equal shape.
        frames: The detector's boxes in each frame.
        missed: Indices of frames without a face.
        for_rescue: Input of the rescue for these; None if there are none, or no rescue.
    """

    pictures: Sequence[Picture]
    frames: Sequence[DetectedFrame]
    missed: Sequence[int]
    for_rescue: Missed | None


def detect_frames(
    frames: Iterable[Frame], networks: Networks, batch: int, live: bool = False
) -> Generator[tuple[Picture, DetectedFrame]]:
    """Run all steps: one thread decodes, one runs the detector, and the calling one runs the rescue.

    Args:
        frames: Decoded frames of one source.
        networks: Detector and rescue.
        batch: Maximum number of frames at a time.
        live: Whether frames come from a live stream. Otherwise frames are letterboxed by one thread per core, which
            delays them by the following frames.
    """
    model, threads = networks.detector, 0 if live else cores()
    if isinstance(model, Model):
        pictures = letterboxed(frames, model.image_size, model.header.padding, threads)
    else:
        # One by one: each takes long, so progress is more regular.
        pictures, batch = prepared(frames, as_it_is, threads), 1

    def detected() -> Generator[DetectedBatch]:
        with closing(ahead(in_batches(pictures, batch), DEPTH)) as batches:
            for each in batches:
                yield detect_batch(each, networks)

    with closing(ahead(detected(), 1)) as halves:
        for half in halves:
            yield from zip(half.pictures, rescue_batch(half, networks), strict=True)


def detect_batch(pictures: Sequence[Picture], networks: Networks) -> DetectedBatch:
    """Run the detector on frames of equal shape."""
    model, rescue = networks.detector, networks.rescue
    lowest = min(LOWEST, networks.confidence)
    if not isinstance(model, Model):
        seen = model.look_at([picture.pixels for picture in pictures], lowest, networks.covered)
        frames, missed = _split(pictures, seen, networks.missed)
        waiting = Missed([pictures[number] for number in missed], None, None, GREY, networks.covered)
        return DetectedBatch(list(pictures), frames, missed, waiting if rescue is not None and missed else None)
    inputs = np.stack([picture.framed for picture in pictures])
    with (
        needs_memory(batch_in_words(inputs.shape, model.device), SMALLER),
        in_precision(model.device, model.precision),
    ):
        images = to_network(inputs, model.device)
        passed = run_direct(model.network, images, rescue.layers if rescue else ())
    places = [each.place for each in pictures]
    found = model.faces(passed.decoded, places, lowest)
    covers: list[Cover | None] = [None] * len(pictures)
    if networks.covered:
        covers = model.covers(passed.decoded, places)
    frames, missed = _split(pictures, Found(found, covers), networks.missed)
    for_rescue = None
    if rescue is not None and missed:
        rows = torch.tensor(missed, device=images.device)
        own = [pictures[number] for number in missed]
        for_rescue = Missed(own, images[rows], take(passed, rows), model.header.padding, networks.covered)
    return DetectedBatch(list(pictures), frames, missed, for_rescue)


def _split(pictures: Sequence[Picture], found: Found, confidence: float) -> tuple[list[DetectedFrame], list[int]]:
    """Detections, and the indices of frames without a face."""
    frames = [_detected(*each) for each in zip(pictures, found.faces, found.covers, strict=True)]
    return frames, [row for row, each in enumerate(found.faces) if not len(each.with_confidence(confidence))]


def rescue_batch(detected: DetectedBatch, networks: Networks) -> list[DetectedFrame]:
    """Run the rescue on frames without a face; other frames are unchanged."""
    frames, rescue = list(detected.frames), networks.rescue
    if rescue is not None and detected.for_rescue is not None:
        more = rescue.find(detected.for_rescue, min(LOWEST, rescue.confidence))
        for number, faces, cover in zip(detected.missed, more.faces, more.covers, strict=True):
            frames[number] = _rescued(frames[number], faces, cover, rescue.comparable)
    return frames


def _detected(picture: Picture, faces: Detections, cover: Cover | None) -> DetectedFrame:
    place, frame = picture.place, picture.original
    return DetectedFrame(
        picture.index,
        picture.second,
        place.width,
        place.height,
        _marked(faces, DETECTOR),
        cover,
        frame.corrupt,
        frame.joint,
    )


def _rescued(frame: DetectedFrame, faces: Detections, cover: Cover | None, comparable: bool) -> DetectedFrame:
    detections = Detections.concatenate([frame.detections, _marked(faces, RESCUE)])
    return replace(
        frame,
        detections=detections.nms(MERGED_IOU) if comparable else detections,
        cover=frame.cover | cover if frame.cover and cover else frame.cover,
    )


def _marked(faces: Detections, found_by: int) -> Detections:
    return Detections(faces.boxes, faces.confidence, found_by=np.full(len(faces), found_by, np.int8))
