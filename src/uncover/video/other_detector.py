"""A baseline detector in place of a network of ours: any of `uncover.config.baselines`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from uncover.baselines.predict import find_faces
from uncover.errors import needs_memory
from uncover.images.letterbox import Letterbox
from uncover.images.privacy import SUSPECT, Cover
from uncover.metrics.detections import Detections, Detector
from uncover.video.batches import Picture
from uncover.video.decode import Frame
from uncover.video.model import Found
from uncover.yolov5.device import Precision


@dataclass(frozen=True)
class OtherDetector:
    """A baseline detector of whole faces; it gives a rescue neither candidates nor activations.

    Attributes:
        detector: Loaded detector.
        name: Name in `BASELINES`.
        confidence: Default confidence threshold.
        device: Device of the detector.
        image_size: Longest side of its input in pixels; larger images are scaled down. None keeps their size.
        nms_iou: IoU above which a box of lower confidence is dropped, after the detector's own rule.
        about: Further settings that affect its boxes, as plain values.
        precision: Precision of the detector.
    """

    detector: Detector
    name: str
    confidence: float
    device: torch.device
    image_size: int | None
    nms_iou: float
    about: Mapping[str, Any]
    precision: Precision = "float32"
    # First pass and rescue run in different threads, but OpenCV's detectors support only one caller at a time.
    _alone: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def look_at(self, images: Sequence[NDArray[np.uint8]], confidence: float, covered: bool) -> Found:
        """Whole faces in images; as for `Model.look_at`."""
        faces: list[Detections] = []
        covers: list[Cover | None] = []
        for image in images:
            height, width = image.shape[:2]
            with self._alone, needs_memory(f"{width} x {height} pixels", "use smaller images or --device cpu"):
                found = find_faces(self.detector, image, self.image_size, self.nms_iou)
            boxes = Detections(found.boxes.astype(np.float32), found.confidence.astype(np.float32))
            faces.append(boxes.with_confidence(confidence).sorted())
            suspects = boxes.with_confidence(SUSPECT).boxes
            covers.append(Cover.of(suspects, width, height) if covered else None)
        return Found(faces, covers)


def as_it_is(frame: Frame) -> Picture:
    """A frame for a detector that runs on unscaled images."""
    pixels = frame.pixels
    height, width = pixels.shape[:2]
    place = Letterbox(width, height, width, height, 0, 0, width, height)
    return Picture(frame.index, frame.second, frame, place, pixels.transpose(2, 0, 1))
