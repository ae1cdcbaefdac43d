"""Which face detectors of others there are, and what each is. Their modules load what they need when they are asked."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType
from typing import TYPE_CHECKING, Any

from uncover.config.rivals import RIVAL_NAMES
from uncover.errors import InputError

if TYPE_CHECKING:
    from uncover.rivals.weights import RivalWeights


@dataclass(frozen=True)
class Rival:
    """A face detector of others.

    Attributes:
        module: Where it lives. Every module has `load(settings, weights, device) -> FindFaces`; that of a trained one
            also `train(settings, start, data, out, device, identity)`. `CONFIDENCE` is the lowest that it gives a box,
            `NMS_IOU` the overlap above which the less sure of two goes (None where it has no such rule).
        trained: Whether it is trained here.
        package: Distribution that it comes from, whose version is recorded.
    """

    module: str
    trained: bool
    package: str

    def open(self) -> ModuleType:
        """Import its module."""
        return importlib.import_module(self.module)

    def about(self, name: str, weights: RivalWeights | None) -> dict[str, Any]:
        """What its predictions say of it.

        Args:
            name: Of the detector.
            weights: Those that it found them with, if it needs any.
        """
        module = self.open()
        about = {
            "model": name,
            "package": f"{self.package} {metadata.version(self.package)}",
            "confidence": module.CONFIDENCE,
            "nms_iou": module.NMS_IOU,
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
