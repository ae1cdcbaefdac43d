"""Faces in a batch of pictures: the detector in all of them, the rescue where it found none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from uncover.detect.pictures import Picture, stack
from uncover.detect.rescues import Boxes, Missed, Model, Rescue
from uncover.detector.inference import autocast, to_network
from uncover.detector.nms import non_max_suppression
from uncover.detector.weights import Header
from uncover.errors import InputError
from uncover.heatmaps.passes import run_direct, take
from uncover.parts.classes import CLASS_NAMES, WHOLE_FACE

LOWEST = 0.05
"""Confidence from which a box is worth keeping: time may speak for a face that is not sure by itself."""

DETECTOR, RESCUE = 0, 1
"""Who found a box."""


@dataclass(frozen=True)
class Spotted:
    """Boxes in one picture, also those that are not sure enough to count.

    Attributes:
        boxes: float32 (N, 4), x1 y1 x2 y2 in pixels of the original picture.
        confidence: float32 (N,).
        found_by: int8 (N,), `DETECTOR` or `RESCUE`.
    """

    boxes: NDArray[np.float32]
    confidence: NDArray[np.float32]
    found_by: NDArray[np.int8]


class Spotter:
    """A detector, and the rescue behind it.

    Attributes:
        detector: The first detector.
        confidence: From which its boxes count as faces.
        rescue: What looks where it found none; None for nothing.
    """

    def __init__(self, detector: Model, confidence: float, rescue: Rescue | None) -> None:
        """
        Raises:
            InputError: The detector knows no whole face.
        """
        self.detector, self.confidence, self.rescue = detector, confidence, rescue
        self._whole_face = find_whole_face(detector.header)

    def look(self, pictures: Sequence[Picture]) -> list[Spotted]:
        """Find faces in pictures of one shape."""
        model = self.detector
        images = to_network(stack(pictures), model.device)
        with autocast(model.device, model.precision):
            passed = run_direct(model.network, images, self.rescue.layers if self.rescue else ())
        decoded = passed.decoded.float()
        of_class = [0, 1, 2, 3, 4, 5 + self._whole_face]
        faces = decoded[:, :, of_class]
        lowest = min(LOWEST, self.confidence)
        found = [boxes.cpu().numpy() for boxes in non_max_suppression(faces, lowest, model.nms_iou)]
        spotted = [_spotted(picture, boxes) for picture, boxes in zip(pictures, found, strict=True)]
        # In single precision, in which confidences are compared everywhere.
        missed = [
            number for number, each in enumerate(spotted) if not (each.confidence >= np.float32(self.confidence)).any()
        ]
        if self.rescue is not None and missed:
            rows = torch.tensor(missed, device=images.device)
            seen = Missed([pictures[number] for number in missed], images[rows], take(passed, rows))
            more = self.rescue.look(seen, min(LOWEST, self.rescue.confidence))
            for number, boxes in zip(missed, more, strict=True):
                spotted[number] = _with_rescue(spotted[number], boxes)
        return spotted


def find_whole_face(header: Header) -> int:
    """The detector's own number of the whole face: the class of that name, or the only one.

    Raises:
        InputError: There is none.
    """
    name = CLASS_NAMES[WHOLE_FACE]
    if name in header.class_names:
        return header.class_names.index(name)
    if len(header.class_names) == 1:
        return 0
    raise InputError(
        f"the detector knows {', '.join(header.class_names[:12])}; expected a class '{name}', or one class alone"
    )


def _spotted(picture: Picture, boxes: NDArray[np.float32]) -> Spotted:
    pixels = picture.place.to_original(boxes[:, :4]).astype(np.float32)
    return Spotted(pixels, boxes[:, 4].astype(np.float32), np.full(len(boxes), DETECTOR, np.int8))


def _with_rescue(spotted: Spotted, boxes: Boxes) -> Spotted:
    return Spotted(
        np.concatenate([spotted.boxes, boxes[:, :4]]),
        np.concatenate([spotted.confidence, boxes[:, 4]]),
        np.concatenate([spotted.found_by, np.full(len(boxes), RESCUE, np.int8)]),
    )
