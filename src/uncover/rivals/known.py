"""Which face detectors of others there are, and what each is. Their modules load what they need when they are asked."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from types import ModuleType
from typing import TYPE_CHECKING, Any

from uncover.config.rivals import RIVAL_NAMES
from uncover.errors import InputError

if TYPE_CHECKING:
    import torch

    from uncover.rivals.base import FindFaces
    from uncover.rivals.weights import RivalWeights


@dataclass(frozen=True)
class Rival:
    """A face detector of others.

    Attributes:
        module: Where it lives. Every module has `load(settings, weights, device) -> FindFaces`; that of a trained one
            also `train(settings, start, data, out, device, identity)`, and its `load` takes an `nms_iou`. `CONFIDENCE`
            is the lowest that it gives a box, `NMS_IOU` the overlap above which its library drops the less sure of two
            (None where that has no such rule).
        trained: Whether it is trained here.
        package: Distribution that it comes from, whose version is recorded.
    """

    module: str
    trained: bool
    package: str

    def open(self) -> ModuleType:
        """Import its module."""
        return importlib.import_module(self.module)

    def load(self, settings: Any, weights: RivalWeights | None, device: torch.device, nms_iou: float) -> FindFaces:
        """Make it ready.

        Args:
            settings: Its section of the config.
            weights: Those that it needs, if it needs any.
            device: Where to compute.
            nms_iou: IoU above which a box of lower confidence is dropped. A ready-made detector has a rule of its own
                before that, which is part of it.

        Raises:
            InputError: There are no weights, or they are those of another detector.
        """
        module = self.open()
        load = partial(module.load, nms_iou=nms_iou) if self.trained else module.load
        return load(settings, weights, device)

    def about(self, name: str, weights: RivalWeights | None, nms_iou: float) -> dict[str, Any]:
        """What its predictions say of it.

        Args:
            name: Of the detector.
            weights: Those that it found them with, if it needs any.
            nms_iou: IoU above which a box of lower confidence is dropped.
        """
        module = self.open()
        about = {
            "model": name,
            "package": f"{self.package} {metadata.version(self.package)}",
            "confidence": module.CONFIDENCE,
            # As it is shipped; what is trained here is a network whose boxes are suppressed as ours.
            "library_nms_iou": nms_iou if self.trained else module.NMS_IOU,
            # None of them is run in less.
            "precision": "float32",
        }
        return about if weights is None else about | {"weights": dict(weights.about)}


RIVALS = {
    "mtcnn": Rival("uncover.rivals.mtcnn", False, "facenet-pytorch"),
    "retinaface": Rival("uncover.rivals.retinaface", False, "facexlib"),
    "viola_jones": Rival("uncover.rivals.viola_jones", False, "opencv-python-headless"),
    "yolo11": Rival("uncover.rivals.yolo11", True, "ultralytics"),
    "retinanet": Rival("uncover.rivals.retinanet", True, "torchvision"),
    "faster_rcnn": Rival("uncover.rivals.faster_rcnn", True, "torchvision"),
}


def find_rival(name: str) -> Rival:
    """A detector by name.

    Raises:
        InputError: There is none of this name.
    """
    if name not in RIVALS:
        raise InputError(f"{name}: no such detector; expected one of {', '.join(RIVAL_NAMES)}")
    return RIVALS[name]
