"""Trainings of other detectors that take seconds, made once for all tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.baselines.face_sets import content, make_faces
from uncover.baselines.registry import open_module
from uncover.baselines.weights import BaselineWeights, load_baseline

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def faces(one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data sets `train` and `val`; not to be changed, which is checked."""
    folder = tmp_path_factory.mktemp("faces")
    make_faces(folder / "train", 8, seed=1)
    make_faces(folder / "val", 4, seed=2)
    return folder


@dataclass(frozen=True)
class Trained:
    """What a training left, and whether it left its data alone."""

    out: Path
    untouched: bool

    @property
    def weights(self) -> BaselineWeights:
        return load_baseline(self.out / "weights.pt")

    @property
    def record(self) -> pd.DataFrame:
        return pd.read_csv(self.out / "results.csv")


def train(name: str, settings: Any, data: Path, out: Path, start: BaselineWeights | None = None) -> Trained:
    """Train, and look whether the data are as they were."""
    before = content(data)
    open_module(name).train(settings, start, data, out, CPU)
    return Trained(out, content(data) == before)


class StopAfter(logging.Filter):
    """Ends the process, as it were, once an epoch is logged."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._start = f"epoch {epoch}/"

    def filter(self, record: logging.LogRecord) -> bool:
        if record.getMessage().startswith(self._start):
            raise KeyboardInterrupt
        return True


@contextmanager
def stopped_after(epoch: int, logger: logging.Logger) -> Iterator[None]:
    """A training that logs an epoch ends there by hand."""
    stop = StopAfter(epoch)
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addFilter(stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        logger.removeFilter(stop)
        logger.setLevel(level)


def same(left: BaselineWeights, right: BaselineWeights) -> bool:
    """Whether all tensors are equal."""
    equal = (torch.equal(left.state[name], right.state[name]) for name in left.state)
    return left.state.keys() == right.state.keys() and all(equal)


def photo_of(width: int, height: int, seed: int = 3) -> np.ndarray:
    """Noise of a size."""
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
