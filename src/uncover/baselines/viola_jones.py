"""Viola and Jones's cascade (2001) as OpenCV has it, with a cascade that ships with its package.

A cascade says yes or no to each window. OpenCV reports a face where more than `NEIGHBOURS` windows that say yes lie
together; their number n is the only degree of belief that there is, so a box's confidence is n / (n + 4): 0.5 where the
library begins to believe. Boxes of fewer windows are kept below that, because an average precision asks for them; they
change nothing about the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from uncover.baselines.weights import BaselineWeights
from uncover.config.baselines import ReadyMade
from uncover.errors import InputError
from uncover.metrics.detections import Detections, Detector

CASCADE = "haarcascade_frontalface_alt.xml"
"""On real photos with and without masks, the fewest false boxes at as many faces as the package's other two."""

NEIGHBOURS = 3
"""What OpenCV takes unless it is told otherwise."""

CONFIDENCE = 2 / (2 + NEIGHBOURS + 1)
"""Of a box of two windows, the fewest that are kept."""

NMS_IOU = None


def load(settings: ReadyMade, weights: BaselineWeights | None, device: torch.device) -> Detector:
    """Read the cascade.

    Args:
        settings: Nothing in them concerns the cascade.
        weights: None.
        device: Not used: a cascade runs on the processor.

    Raises:
        InputError: The package lacks the cascade.
    """
    # Several threads gather the windows in any order, and the mean of a group depends on it.
    cv2.setNumThreads(1)
    file = Path(cv2.__file__).parent / "data" / CASCADE
    cascade = cv2.CascadeClassifier(str(file))
    if cascade.empty():
        raise InputError(f"{file}: is no cascade of OpenCV; install opencv-python-headless anew")
    return ViolaJones(cascade)


class ViolaJones:
    """A cascade of frontal faces; it knows no landmarks."""

    def __init__(self, cascade: cv2.CascadeClassifier) -> None:
        self._cascade = cascade

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """As `Detector.detect`."""
        return [_find_faces(self._cascade, image) for image in images]


def _find_faces(cascade: cv2.CascadeClassifier, photo: NDArray[np.uint8]) -> Detections:
    boxes, windows = cascade.detectMultiScale2(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), minNeighbors=1)
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    number = np.array(windows, np.float32).reshape(-1)
    # OpenCV gives them in the order in which it met them.
    order = np.lexsort((*corners.T[::-1], -number))
    return Detections(corners[order], (number / (number + NEIGHBOURS + 1))[order])
