"""Viola and Jones's cascade (2001) of OpenCV, with a cascade file of its package.

A cascade accepts or rejects each window. OpenCV reports a face if more than `NEIGHBOURS` accepted windows are close
together; their number n is the only score, so the confidence of a box is n / (n + 4): 0.5 at the library's threshold.
Boxes of fewer windows are kept with a lower confidence, because average precision needs them; they do not change the
others.
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
"""Of the package's three cascades, the one with fewest false positives at equal recall (with and without masks)."""

NEIGHBOURS = 3
"""OpenCV's default."""

CONFIDENCE = 2 / (2 + NEIGHBOURS + 1)
"""Confidence of a box of two windows, the minimum that is kept."""

NMS_IOU = None


def load(settings: ReadyMade, weights: BaselineWeights | None, device: torch.device) -> Detector:
    """Read the cascade.

        settings: Not used.
        weights: None.
        device: Not used: a cascade runs on the CPU.

    Raises:
        InputError: The package lacks the cascade.
    """
    # With several threads the order of windows varies, and with it the mean of a group.
    cv2.setNumThreads(1)
    file = Path(cv2.__file__).parent / "data" / CASCADE
    cascade = cv2.CascadeClassifier(str(file))
    if cascade.empty():
        raise InputError(f"{file}: not an OpenCV cascade; run: pip install --force-reinstall opencv-python-headless")
    return ViolaJones(cascade)


class ViolaJones:
    """A cascade of frontal faces; it has no landmarks."""

    def __init__(self, cascade: cv2.CascadeClassifier) -> None:
        self._cascade = cascade

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """See `Detector.detect`."""
        return [_find_faces(self._cascade, image) for image in images]


def _find_faces(cascade: cv2.CascadeClassifier, photo: NDArray[np.uint8]) -> Detections:
    boxes, windows = cascade.detectMultiScale2(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), minNeighbors=1)
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    number = np.array(windows, np.float32).reshape(-1)
    # OpenCV returns them in the order of detection.
    order = np.lexsort((*corners.T[::-1], -number))
    return Detections(corners[order], (number / (number + NEIGHBOURS + 1))[order])
