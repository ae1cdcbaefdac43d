"""Baseline detectors, opened by the name that they have in `uncover.config.baselines.BASELINES`.

Each lives in a module of its name, or in one that several share, which loads what it needs when it is asked. It has
`load(settings, weights, device)`, which makes a `Detector`; that of a trained one also
`train(settings, start, data, out, device, identity)`, and its `load` takes an `nms_iou`.
`CONFIDENCE` is the lowest that it gives a box, `NMS_IOU` the overlap above which its library drops the less sure of two
(None where that has no such rule).
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
        InputError: There is none of this name.
    """
    if name not in BASELINES:
        raise InputError(f"{name}: no such detector; expected one of {', '.join(BASELINES)}")
    return BASELINES[name]


def module_of(name: str) -> str:
    """Name of the module of a detector."""
    return f"{__package__}.{BASELINES[name].module or name}"


def lacking_package(name: str) -> str:
    """Which package a detector cannot do without and is not installed, and how to get it; empty where none.

    Only those that the environment of uncover does not have are looked for.
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
            f"{name}: {versions} do not fit each other; install both from one package index (docs/install.md)"
        ) from None


def load_detector(
    name: str, settings: Any, weights: BaselineWeights | None, device: torch.device, nms_iou: float
) -> Detector:
    """Make a detector ready.

    Args:
        name: Of the detector.
        settings: Its section of the config.
        weights: Those that it needs, if it needs any.
        device: Where to compute.
        nms_iou: IoU above which a box of lower confidence is dropped. A ready-made detector has a rule of its own
            before that, which is part of it.

    Raises:
        InputError: A package is not installed, there are no weights, or they are those of another detector.
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
        raise InputError(f"{name}: comes without weights; give --weights, a folder of 'uncover fetch_weights'")
    detector: Detector = open_module(name).load(settings, weights, device)
    return detector if settings.turns == 1 else Turned(detector, settings.turns)


def describe(name: str, weights: BaselineWeights | None, nms_iou: float) -> dict[str, Any]:
    """What the predictions of a detector say of it.

    Args:
        name: Of the detector.
        weights: Those that it found them with, if it needs any.
        nms_iou: IoU above which a box of lower confidence is dropped.
    """
    module, baseline = open_module(name), find_baseline(name)
    about = {
        "model": name,
        "package": f"{baseline.package} {metadata.version(baseline.package)}",
        "confidence": module.CONFIDENCE,
        # As it is shipped; what is trained here is a network whose boxes are suppressed as ours.
        "library_nms_iou": nms_iou if baseline.trained else module.NMS_IOU,
        # None of them is run in less.
        "precision": "float32",
    }
    if baseline.model is not None:
        brought = f"{baseline.model.package} {metadata.version(baseline.model.package)}"
        about["weights"] = {"source": brought, "sha256": baseline.model.sha256}
    return about if weights is None else about | {"weights": dict(weights.about)}
