"""Trainings of other detectors that take seconds, made once for all tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from uncover.baselines.registry import open_module
from uncover.baselines.weights import BaselineWeights, load_baseline
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.data.yolo import IMAGES, LABELS

CPU = torch.device("cpu")
WIDTH, HEIGHT = 96, 72
NOSE = CLASS_NAMES.index("nose")


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


def make_faces(folder: Path, photos: int, seed: int) -> None:
    """Write a data set; the last photo shows no face, and the one before it has no label file either."""
    chance = np.random.default_rng(seed)
    for name in (IMAGES, LABELS):
        (folder / name).mkdir(parents=True)
    for number in range(photos):
        picture = chance.integers(60, 110, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        if number < photos - 2:
            side = int(chance.integers(24, 40))
            x, y = int(chance.integers(0, WIDTH - side)), int(chance.integers(0, HEIGHT - side))
            picture[y : y + side, x : x + side] = (250, 200, 220)
            nose = side // 4
            picture[y + nose : y + 2 * nose, x + nose : x + 2 * nose] = 20
            rows = [box_row(NOSE, x + nose, y + nose, nose), box_row(WHOLE_FACE, x, y, side)]
            (folder / LABELS / f"{number}.txt").write_text("".join(rows))
        elif number == photos - 1:
            (folder / LABELS / f"{number}.txt").write_text(box_row(NOSE, 10, 10, 10))
        cv2.imwrite(str(folder / IMAGES / f"{number}.png"), picture)
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASS_NAMES))
    (folder / "data.yaml").write_text(f"path: .\ntrain: images\nval: images\nnames:\n{names}")


def box_row(class_id: int, x: float, y: float, side: float) -> str:
    """A line of a label file."""
    shares = ((x + side / 2) / WIDTH, (y + side / 2) / HEIGHT, side / WIDTH, side / HEIGHT)
    return " ".join(map(repr, (class_id, *shares))) + "\n"


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of every file below a folder: equal before and after where nobody wrote to it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
