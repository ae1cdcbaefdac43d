"""Data sets, a detector that has learned one in seconds, and upstream's package as the reference."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Before torch starts its threads: waiting threads that spin slow a busy machine down.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from tests.once import once
from tests.yolov5.map_sets import make_map_sets
from tests.yolov5.squares import make_set
from uncover.yolov5 import train as training
from uncover.yolov5.distributed import ProcessGroup
from uncover.yolov5.job import read_job

RECIPE = (
    *("model=yolov5n", "weights=scratch", "image_size=64", "batch=4", "nominal_batch=4", "epochs=30"),
    # Few steps and few cells: a quick optimiser, and gains that make up for the small image.
    *("optimizer=AdamW", "hyperparameters.lr0=0.003", "hyperparameters.obj=30", "hyperparameters.cls=10"),
    "hyperparameters.mosaic=0",
)


@dataclass(frozen=True)
class Upstream:
    """What tests compare with.

    Attributes:
        build: Network by model, channels and classes.
        load: Network in a checkpoint, float32.
        loss: Class of the loss; a network must have its hyperparameters as `hyp`.
        suppress: Non-maximum suppression.
        optimizer: Optimiser by network, name, learning rate, momentum and decay.
        fit_anchors: Search for anchors.
    """

    build: Callable[..., Any]
    load: Callable[[Path], Any]
    loss: Any
    suppress: Callable[..., list[torch.Tensor]]
    optimizer: Callable[..., torch.optim.Optimizer]
    fit_anchors: Callable[..., np.ndarray]


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """The package, kept from writing into the home folder, from installing, and from changing how things print."""
    printing, paths = np.get_printoptions(), list(sys.path)
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("YOLOv5_AUTOINSTALL", "false")
        for variable in ("YOLOV5_CONFIG_DIR", "YOLO_CONFIG_DIR"):
            patch.setenv(variable, str(tmp_path_factory.mktemp("yolov5")))
        patch.setattr(np, "trapz", np.trapezoid, raising=False)
        # What importing the package replaces gets its own value again when this context ends.
        for owner, name in ((Image, "open"), (cv2, "imread"), (cv2, "imwrite"), (torch, "load"), (torch, "save")):
            patch.setattr(owner, name, getattr(owner, name))
        pytest.importorskip("yolov5")
        import yolov5
        from yolov5 import models
        from yolov5.models import common, yolo
        from yolov5.utils import autoanchor, general, loss, torch_utils
    logging.getLogger("yolov5").setLevel(logging.ERROR)

    def build(model: str, channels: int, classes: int) -> Any:
        return yolo.DetectionModel(f"{Path(yolov5.__file__).parent}/models/{model}.yaml", channels, classes)

    def load(path: Path) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            for name, module in (("models", models), ("models.yolo", yolo), ("models.common", common)):
                patch.setitem(sys.modules, name, module)
            network = torch.load(path, weights_only=False)["model"].float()
        for module in network.modules():
            if isinstance(module, torch.nn.Upsample):
                module.recompute_scale_factor = None
        return network

    def suppress(*arguments: Any, **options: Any) -> list[torch.Tensor]:
        with pytest.MonkeyPatch.context() as patch:
            # Its limit of time never comes.
            patch.setattr(general.time, "time", lambda: 0.0)
            return general.non_max_suppression(*arguments, **options)

    yield Upstream(build, load, loss.ComputeLoss, suppress, torch_utils.smart_optimizer, autoanchor.kmean_anchors)
    np.set_printoptions(**printing)
    torch.set_printoptions(profile="default")
    sys.path[:] = paths


@pytest.fixture(scope="session")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos in `photos/train` and `photos/val`, their heatmaps in `maps/`; not to be changed."""
    folder = tmp_path_factory.mktemp("sets")
    for name, count, seed in (("train", 6, 1), ("val", 4, 2)):
        make_set(folder / "photos" / name, count, seed)
    make_map_sets(folder / "photos", folder / "maps")
    return folder


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of bright and dark squares."""
    folder = tmp_path_factory.mktemp("squares")
    make_set(folder / "train", 20, seed=1)
    make_set(folder / "val", 8, seed=2)
    return folder


@pytest.fixture(scope="session")
def learned_squares(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a training on them leaves."""

    def train(out: Path) -> None:
        job = read_job(squares, None, RECIPE, None)
        with pytest.MonkeyPatch.context() as patch:
            # Nobody stops it, and to write the state takes a third of its time.
            patch.setattr(training, "save_state", lambda folder, state: None)
            training.train(job, out, ProcessGroup(0, 1, torch.device("cpu")))

    return once(tmp_path_factory, "learned_squares", train)
