"""Import the package ultralytics without its side effects.

By default it checks for a network connection, downloads fonts, installs missing packages, writes settings into the home
folder, reports usage to its makers, sends records to any installed tracker, replaces functions of other libraries, and
drops boxes after a time limit. This module disables all of that.
"""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
import torchvision  # noqa: F401  # whether it is there decides by which code ultralytics suppresses boxes
from PIL import Image

WALLS = {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    # Its checkpoints are pickles; with this option it only builds networks of its own kinds from them.
    "ULTRALYTICS_SAFE_LOAD": "true",
}
TALKATIVE = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb", "vscode_msg")
"""Settings that enable communication."""


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Restore what importing the package changes in other libraries and in the environment."""
    environment, printing, threads = dict(os.environ), np.get_printoptions(), cv2.getNumThreads()
    replaced = [(owner, name, getattr(owner, name)) for owner, name in ((torch, "save"), (Image, "open"))]
    try:
        yield
    finally:
        for owner, name, function in replaced:
            setattr(owner, name, function)
        np.set_printoptions(**printing)
        torch.set_printoptions(profile="default")
        cv2.setNumThreads(threads)
        os.environ.clear()
        os.environ.update(environment)


@contextmanager
def same_threads() -> Iterator[None]:
    """Restore torch's number of threads, which the package changes whenever it selects a device."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _open() -> dict[str, Any]:
    """Import the package and return what we need of it."""
    folder = tempfile.mkdtemp(prefix="uncover-ultralytics-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with _as_it_was():
        os.environ.update(WALLS, YOLO_CONFIG_DIR=folder)
        modules = {
            name: importlib.import_module(f"ultralytics.{name}")
            for name in ("utils", "utils.callbacks", "utils.nms", "data.dataset", "models.yolo.detect", "nn.tasks")
        }
    modules["utils"].SETTINGS.update(dict.fromkeys(TALKATIVE, False))
    # Callbacks for trackers, and for the makers' own platform.
    modules["utils.callbacks"].add_integration_callbacks = lambda instance: None  # type: ignore[attr-defined]
    # Disable its time limit, which drops boxes on a busy machine.
    modules["utils.nms"].time = SimpleNamespace(time=lambda: 0.0)  # type: ignore[attr-defined]
    return modules


_MODULES = _open()

DetectionModel: Any = _MODULES["nn.tasks"].DetectionModel
DetectionPredictor: Any = _MODULES["models.yolo.detect"].DetectionPredictor
DetectionTrainer: Any = _MODULES["models.yolo.detect"].DetectionTrainer
YOLODataset: Any = _MODULES["data.dataset"].YOLODataset
ROOT = _MODULES["utils"].ROOT
read_checkpoint: Any = _MODULES["nn.tasks"].torch_safe_load
