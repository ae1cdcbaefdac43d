"""Faces in pictures that a program holds in memory: what `uncover detect` does, as an object."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.images.inputs import check_inference_options
from uncover.images.reading import COLOURS, read_image
from uncover.metrics.detections import Detections
from uncover.video.batches import in_batches, letterboxed
from uncover.video.detection import detect_batch, labels_of, rescue_batch
from uncover.video.faces import sure_faces
from uncover.video.frame import Frame
from uncover.video.load_networks import BEST, NONE, TURNS, load_networks
from uncover.video.model import Model
from uncover.video.options import CONFIDENCE, NetworkOptions
from uncover.weights import DEFAULT, find_weights
from uncover.yolov5.device import Precision
from uncover.yolov5.weights import note_on_rendered

Image = NDArray[np.uint8] | str | os.PathLike[str]
"""Pixels, uint8 (H, W, 3) RGB, or the path of an image file."""

BATCH = 16
"""Pictures that are looked at together, at most."""


class FaceDetector:
    """Finds whole faces in pictures; the boxes are those of `uncover detect` with the same settings.

        detector = uncover.FaceDetector()
        faces = detector("photo.jpg")
        faces.boxes, faces.confidence

    It is a `Detector` as every baseline is.
    """

    def __init__(
        self,
        weights: str | Path = DEFAULT,
        confidence: float = CONFIDENCE,
        device: str = "auto",
        image_size: int | None = None,
        turns: int | None = None,
        precision: Precision = "float32",
    ) -> None:
        """
        Args:
            weights: The name of ready-made weights, or a file: of a training, or a checkpoint of upstream's YOLOv5.
            confidence: From which a box counts.
            device: "auto", which takes a GPU where there is one, or a name as torch has it.
            image_size: Longest side of the network's input, in pixels, a multiple of 32; None takes that of its
                training. Small faces need more.
            turns: 4 looks again at pictures without a face of 0.4 or `confidence`, whichever is more: at their four
                quarter turns side by side, in one look. 8 looks at the turns by 45 degrees, one by one. 1 looks once.
                None does what helps the weights: 4 for `general`, else 1.
            precision: Arithmetic of the network. Processors that compute bfloat16 take little more than half as long.

        Raises:
            InputError: There are no such weights, they know no whole face, or the device is not here.

        Warns:
            UserWarning: The weights learnt from rendered faces alone.
        """
        rescues = {None: BEST, 1: NONE} | {number: name for name, number in TURNS.items()}
        if turns not in rescues:
            raise InputError(f"turns={turns}; expected one of {', '.join(map(str, rescues))}")
        check_inference_options(confidence, None, BATCH, image_size)
        self._networks = load_networks(
            NetworkOptions(
                None,
                find_weights(weights),
                rescues[turns],
                confidence=confidence,
                image_size=image_size,
                device=device,
                precision=precision,
            )
        )
        if self._networks.rendered:
            warnings.warn(note_on_rendered(self._networks.rendered), stacklevel=2)
        self._labels = labels_of(self._networks)

    def __call__(self, image: Image) -> Detections:
        """Faces in one picture, in its pixels, best first."""
        return self.detect([image])[0]

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Faces in each picture, in its pixels, best first.

        Args:
            images: uint8 (height, width, 3) in RGB, of any sizes, or paths of image files.

        Raises:
            InputError: A picture cannot be read, or is no such array.
        """
        if isinstance(images, str | os.PathLike) or (isinstance(images, np.ndarray) and images.ndim == 3):
            raise InputError("detect takes several images; for one, call the detector: detector(image)")
        model = self._networks.detector
        assert isinstance(model, Model), "weights are of a network of ours"
        frames = (Frame(number, np.nan, _pixels_of(image)) for number, image in enumerate(images))
        found: list[Detections] = []
        for batch in in_batches(letterboxed(frames, model.image_size, model.header.padding), BATCH):
            for frame in rescue_batch(detect_batch(batch, self._networks), self._networks):
                faces = sure_faces(frame, self._labels).faces
                found.append(Detections(faces.boxes, faces.confidence).sorted())
        return found


def _pixels_of(image: Image) -> NDArray[np.uint8]:
    if isinstance(image, str | os.PathLike):
        return read_image(Path(image), COLOURS)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != COLOURS:
        is_one = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"an image is {is_one}; expected uint8 (height, width, 3) in RGB, or the path of a file")
    if not image.size:
        raise InputError(f"an image of {image.shape[1]} x {image.shape[0]} pixels; expected at least 1 x 1")
    return np.ascontiguousarray(image)
