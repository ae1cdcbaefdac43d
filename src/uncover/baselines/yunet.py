"""YuNet (Wu et al. 2023), run by OpenCV's own class for it, `FaceDetectorYN`."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from uncover.baselines.weights import BaselineWeights, model_file
from uncover.config import baselines as config
from uncover.errors import InputError
from uncover.images.letterbox import into_corner
from uncover.metrics.detections import Detections, Detector

CONFIDENCE = 0.02
"""Value of its authors' own evaluation."""

NMS_IOU = 0.3
MOST = 5000
"""OpenCV's defaults."""

OUTPUTS = {f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)}


def load(settings: config.YuNet, weights: BaselineWeights | None, device: torch.device) -> Detector:
    """Open the model.

    Args:
        settings: Only the size of the input is used.
        weights: YuNet's ONNX file.
        device: Not used: OpenCV runs on the CPU.

    Raises:
        InputError: There are no weights, or they are of another network.
    """
    expected = "the ONNX file of YuNet (yunet_n_640_640.onnx, or face_detection_yunet_2023mar.onnx of OpenCV's)"
    content = model_file(weights, expected)
    try:
        fits = set(cv2.dnn.readNetFromONNX(content).getUnconnectedOutLayersNames()) == OUTPUTS
    except cv2.error:
        fits = False
    if weights is None or not fits:
        raise InputError(f"{weights and weights.about.get('source')}: not the expected model; expected {expected}")
    nothing = np.zeros(0, np.uint8)
    return YuNet(
        cv2.FaceDetectorYN.create("onnx", content, nothing, (32, 32), CONFIDENCE, NMS_IOU, MOST), settings.image_size
    )


class YuNet:
    """OpenCV's class, and the longest side of its input."""

    def __init__(self, network: cv2.FaceDetectorYN, longest: int | None) -> None:
        self._network = network
        self._longest = longest

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """See `Detector.detect`."""
        return [self._find_faces(image) for image in images]

    def _find_faces(self, photo: NDArray[np.uint8]) -> Detections:
        view, back = into_corner(photo, self._longest)
        self._network.setInputSize(view.shape[1::-1])
        _, rows = self._network.detect(cv2.cvtColor(view, cv2.COLOR_RGB2BGR))
        # x, y, width, height, five landmarks in the order of `LANDMARKS`, confidence; None if there is no face.
        faces = np.zeros((0, 15), np.float32) if rows is None else np.asarray(rows, np.float32)
        faces = faces[np.isfinite(faces).all(axis=1)]
        boxes = np.concatenate([faces[:, :2], faces[:, :2] + faces[:, 2:4]], axis=1)
        found = Detections(boxes, faces[:, 14], landmarks=faces[:, 4:14].reshape(-1, 5, 2))
        return found.sorted().scaled(*back)
