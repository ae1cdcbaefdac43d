"""SCRFD (Guo et al. 2021) with landmarks, with 500 million or 2.5 billion operations, run by onnxruntime.

Supported model files: those of insightface, with inputs of any size, and those of hpc203/scrfd-opencv, with inputs of
640 x 640 pixels. Both have nine outputs: confidence, box and landmarks at each position of three levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from uncover.baselines.weights import BaselineWeights, model_file
from uncover.config import baselines as config
from uncover.errors import InputError
from uncover.images.letterbox import into_corner
from uncover.metrics.detections import Detections, Detector

if TYPE_CHECKING:
    import onnxruntime

CONFIDENCE = 0.02
NMS_IOU = 0.4
"""Values of its authors' own evaluation."""

STRIDES = (8, 16, 32)
"""Pixels between the positions of a level."""

ANCHORS = 2
"""Outputs per position."""

ERRORS = 3
"""Log level of onnxruntime that only reports errors."""

MEAN, SCALE = 127.5, 1 / 128


def load(settings: config.Scrfd, weights: BaselineWeights | None, device: torch.device) -> Detector:
    """Open the model.

    Args:
        settings: Only the size of the input is used.
        weights: SCRFD's ONNX file.
        device: Not used: it runs on the CPU.

    Raises:
        InputError: There are no weights, they are of another network, or the model only takes smaller inputs.
    """
    import onnxruntime

    expected = "the ONNX file of SCRFD with landmarks (scrfd_500m_kps.onnx, scrfd_2.5g_kps.onnx)"
    content = model_file(weights, expected)
    source = weights.about.get("source", "weights") if weights else ""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = ERRORS
    try:
        session = onnxruntime.InferenceSession(content.tobytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a dozen exception classes without a common base
        raise InputError(
            f"{source}: onnxruntime cannot open it ({type(error).__name__}); expected {expected}"
        ) from None
    shape = session.get_inputs()[0].shape
    widths = [each.shape[-1] for each in session.get_outputs()]
    if widths != [1] * 3 + [4] * 3 + [10] * 3 or len(shape) != len("NCHW"):
        raise InputError(f"{source}: not the expected model; expected {expected}")
    side = shape[2] if isinstance(shape[2], int) else None
    if side is not None and (settings.image_size or 0) > side:
        raise InputError(f"image_size {settings.image_size}: {source} takes at most {side} pixels; make it smaller")
    return Scrfd(session, settings.image_size, side)


class Scrfd:
    """A session, the longest side of its input, and the side of its square input if that is fixed."""

    def __init__(self, session: onnxruntime.InferenceSession, longest: int | None, side: int | None) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._longest = longest
        self._side = side

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """See `Detector.detect`."""
        return [self._find_faces(image) for image in images]

    def _find_faces(self, photo: NDArray[np.uint8]) -> Detections:
        # A fixed input size also limits the photo.
        longest = self._longest or min(self._side or max(photo.shape), max(photo.shape))
        view, back = into_corner(photo, longest, self._side)
        pixels = ((view.astype(np.float32) - MEAN) * SCALE).transpose(2, 0, 1)[None]
        answers = self._session.run(None, {self._input: np.ascontiguousarray(pixels)})
        levels = zip(STRIDES, answers[:3], answers[3:6], answers[6:], strict=True)
        found = [decode(stride, view.shape[1], *level) for stride, *level in levels]
        return Detections.concatenate(found).nms(NMS_IOU).scaled(*back)


def decode(
    stride: int, width: int, scores: NDArray[np.float32], sides: NDArray[np.float32], points: NDArray[np.float32]
) -> Detections:
    """Boxes of one level in pixels of the frame.

    Args:
        stride: Pixels between positions.
        width: Width of the frame.
        scores: Confidences; positions row by row, with two outputs each.
        sides: Distances of left, top, right and bottom from the position, in strides.
        points: Landmarks relative to the position, in strides.
    """
    confidence = scores.reshape(-1)
    rows = np.flatnonzero(confidence > CONFIDENCE)
    place = rows // ANCHORS
    columns = width // stride
    centre = np.stack([place % columns, place // columns], axis=1).astype(np.float32) * stride
    reach = sides.reshape(-1, 4)[rows] * stride
    boxes = np.concatenate([centre - reach[:, :2], centre + reach[:, 2:]], axis=1)
    # The network's order is that of `LANDMARKS`: the eye on the left of the photo, the subject's right one, is first.
    landmarks = centre[:, None] + points.reshape(-1, 5, 2)[rows] * stride
    return Detections(boxes, confidence[rows], landmarks=landmarks)
