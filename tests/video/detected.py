"""Frames that somebody looked at, made by hand."""

from __future__ import annotations

import math

import numpy as np

from uncover.images.privacy import Cover
from uncover.metrics.detections import Detections
from uncover.video.detected_frames import DETECTOR, RESCUE, DetectedFrame
from uncover.video.faces import FaceLabels, FrameFaces, sure_faces

FACE = (40.0, 30.0, 80.0, 70.0)
ASIDE = (10.0, 60.0, 30.0, 80.0)
LABELS = FaceLabels("rgb10", 0.4, "gradcampp_avg", 0.25, "heatmap")
WIDTH, HEIGHT = 120, 100

Box = tuple[int, float, tuple[float, float, float, float]]


def by_detector(confidence: float, box: tuple[float, float, float, float] = FACE) -> Box:
    """A box of the detector."""
    return DETECTOR, confidence, box


def by_rescue(confidence: float, box: tuple[float, float, float, float] = FACE) -> Box:
    """A box of the rescue."""
    return RESCUE, confidence, box


def seen(index: int, *boxes: Box, second: float = math.nan, cover: Cover | None = None) -> DetectedFrame:
    """A frame with these boxes, in which faces may be elsewhere too."""
    found_by, confidence, corners = zip(*boxes, strict=True) if boxes else ((), (), ())
    detections = Detections(
        np.array(corners, np.float32).reshape(-1, 4),
        np.array(confidence, np.float32),
        found_by=np.array(found_by, np.int8),
    )
    return DetectedFrame(index, second, WIDTH, HEIGHT, detections, cover)


def faces(index: int, *boxes: Box, second: float = math.nan) -> FrameFaces:
    """What counts of such a frame."""
    return sure_faces(seen(index, *boxes, second=second), LABELS)
