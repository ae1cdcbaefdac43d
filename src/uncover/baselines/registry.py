"""Open baseline detectors by their name in `uncover.config.baselines.BASELINES`.

Each detector has a module of its name, or shares one; imports happen when it is opened. A module has `load(settings,
weights, device)`, which returns a `Detector`; that of a trained detector also has `train(settings, start, data, out,
device, identity)`, and its `load` takes an `nms_iou`. `CONFIDENCE` is the lowest confidence of its boxes, `NMS_IOU` the
overlap above which its library drops the less confident of two boxes (None if it has no such rule).
"""

from __future__ import annotations

import importlib
from importlib import metadata
from types import ModuleType
from typing import TYPE_CHECKING, Any

from uncover.config.baselines import BASELINES, Baseline
from uncover.errors import InputError

if TYPE_CHECKING:
    import torch

    from uncover.baselines.weights import BaselineWeights
    from uncover.metrics.detections import Detector


def find_baseline(name: str) -> Baseline:
    """A detector by name.

    Raises:
        InputError: There is no such detector.
    """
    if name not in BASELINES:
        raise InputError(f"{name}: no such detector; expected one of {', '.join(BASELINES)}")
    return BASELINES[name]


def module_of(name: str) -> str:
    """Name of a detector's module."""
    return f"{__package__}.{BASELINES[name].module or name}"


def lacking_package(name: str) -> str:
    """Package that a detector requires and that is not installed, and how to install it; empty if there is none.

    Checks only packages that are not dependencies of uncover.
    """
    baseline = BASELINES[name]
    for package in baseline.packages if baseline.install else ():
        try:
            metadata.version(package)
        except metadata.PackageNotFoundError:
            return f"{package} is not installed; run: pip install {baseline.install}"
    return ""


def open_module(name: str) -> ModuleType:
    """Import the module of a detector.

    Raises:
        InputError: It needs torchvision, which is built for another torch.
    """
    try:
        return importlib.import_module(module_of(name))
    except ModuleNotFoundError:
        raise
    except (AttributeError, ImportError, OSError, RuntimeError) as error:
        if "torchvision" not in str(error):
            raise
        versions = " and ".join(f"{each} {metadata.version(each)}" for each in ("torch", "torchvision"))
        raise InputError(
            f"{name}: {versions} do not fit each other; install both in one command (docs/install.md)"
        ) from None


def load_detector(
    name: str, settings: Any, weights: BaselineWeights | None, device: torch.device, nms_iou: float
) -> Detector:
    """Load a detector.

    Args:
        name: Name of the detector.
        settings: Its section of the config.
        weights: Its weights, if it requires any.
        device: Device to run on.
        nms_iou: IoU above which a box of lower confidence is dropped. A pretrained detector also has a rule of its own.

    Raises:
        InputError: A package is not installed, there are no weights, or they are of another detector.
    """
    baseline = find_baseline(name)
    if lacking := lacking_package(name):
        raise InputError(f"{name}: {lacking}")
    if baseline.trained:
        trained: Detector = open_module(name).load(settings, weights, device, nms_iou=nms_iou)
        return trained

    from uncover.baselines.turned import Turned
    from uncover.baselines.weights import packaged_model

    if weights is None and baseline.model is not None:
        weights = packaged_model(baseline.model, baseline.install)
    if weights is None and settings.weights_key(name):
        raise InputError(f"{name}: requires weights; pass --weights, a folder of 'uncover fetch_weights'")
    detector: Detector = open_module(name).load(settings, weights, device)
    return detector if settings.turns == 1 else Turned(detector, settings.turns)


def describe(name: str, weights: BaselineWeights | None, nms_iou: float) -> dict[str, Any]:
    """Metadata of a detector for its predictions.

    Args:
        name: Name of the detector.
        weights: Its weights, if it requires any.
        nms_iou: IoU above which a box of lower confidence is dropped.
    """
    module, baseline = open_module(name), find_baseline(name)
    about = {
        "model": name,
        "package": f"{baseline.package} {metadata.version(baseline.package)}",
        "confidence": module.CONFIDENCE,
        # Pretrained detectors use their library's value; those trained here use the one for our own detectors.
        "library_nms_iou": nms_iou if baseline.trained else module.NMS_IOU,
        # All run in single precision.
        "precision": "float32",
    }
    if baseline.model is not None:
        brought = f"{baseline.model.package} {metadata.version(baseline.model.package)}"
        about["weights"] = {"source": brought, "sha256": baseline.model.sha256}
    return about if weights is None else about | {"weights": dict(weights.about)}
