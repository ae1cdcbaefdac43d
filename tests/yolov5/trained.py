"""A detector that has learned squares in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.once import once
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
        training.train(read_job(squares, None, RECIPE, None), out, ProcessGroup(0, 1, torch.device("cpu")))

    return once(tmp_path_factory, "learned_squares", train)
