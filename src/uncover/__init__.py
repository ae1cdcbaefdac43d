"""uncover: face detection under occlusion, with explanations of what a detector responds to.

    import uncover

    detector = uncover.FaceDetector()
    faces = detector("photo.jpg")
    maps = uncover.explain("yolov5s.pt", "photos/", method="hirescam", layers=(17, 20, 23))

The names below are public. Everything else may change without notice.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uncover.api.dataset import Dataset as Dataset
    from uncover.api.dataset import read_dataset as read_dataset
    from uncover.api.evaluate import evaluate as evaluate
    from uncover.api.explain import HeatmapResults as HeatmapResults
    from uncover.api.explain import ImageHeatmaps as ImageHeatmaps
    from uncover.api.explain import explain as explain
    from uncover.api.train import TrainedDetector as TrainedDetector
    from uncover.api.train import train as train
    from uncover.errors import InputError as InputError
    from uncover.errors import OutOfMemory as OutOfMemory
    from uncover.metrics.detections import Detections as Detections
    from uncover.metrics.evaluation import Evaluation as Evaluation
    from uncover.video.face_detector import FaceDetector as FaceDetector
    from uncover.video.face_detector import FrameResult as FrameResult

__version__ = "0.1.0"
__all__ = [
    "Dataset",
    "Detections",
    "Evaluation",
    "FaceDetector",
    "FrameResult",
    "HeatmapResults",
    "ImageHeatmaps",
    "InputError",
    "OutOfMemory",
    "TrainedDetector",
    "__version__",
    "evaluate",
    "explain",
    "read_dataset",
    "train",
]

_HOMES = {
    "Dataset": "uncover.api.dataset",
    "Detections": "uncover.metrics.detections",
    "Evaluation": "uncover.metrics.evaluation",
    "FaceDetector": "uncover.video.face_detector",
    "FrameResult": "uncover.video.face_detector",
    "HeatmapResults": "uncover.api.explain",
    "ImageHeatmaps": "uncover.api.explain",
    "InputError": "uncover.errors",
    "OutOfMemory": "uncover.errors",
    "TrainedDetector": "uncover.api.train",
    "evaluate": "uncover.api.evaluate",
    "explain": "uncover.api.explain",
    "read_dataset": "uncover.api.dataset",
    "train": "uncover.api.train",
}
"""Modules of the public names, imported on first use: importing torch takes a second."""


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
