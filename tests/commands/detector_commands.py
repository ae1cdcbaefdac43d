"""The detector's commands as a user gives them, on sets that take a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.yolov5.squares import make_set
from uncover.cli import main

CPU = ["--device", "cpu"]
QUICK = [*CPU, "--set", "model=yolov5n", "weights=scratch", "image_size=64", "batch=4", "nominal_batch=8"]
EPOCHS = 5

Complaint = Callable[..., str]


@dataclass(frozen=True)
class Good:
    """What a user has when nothing is wrong: `train/` and `val/` in `data`, and what was made of them."""

    data: Path

    @property
    def out(self) -> Path:
        """What the training left."""
        return self.data / "out"

    @property
    def predictions(self) -> Path:
        """On `val/`."""
        return self.data / "found.parquet"

    @property
    def record(self) -> Path:
        """Of generation 0."""
        return self.data / "0.json"

    @property
    def weights(self) -> Path:
        """Of the training in `out`."""
        return self.out / "weights.pt"


def make_good(root: Path) -> None:
    """Make the sets, train, predict, evolve one generation."""
    make_set(root / "train", 6, seed=1)
    make_set(root / "val", 4, seed=2)
    good = Good(root)
    run("train", root, good.out, *QUICK, f"epochs={EPOCHS}")
    run("predict", root / "val", good.predictions, "--weights", good.weights, *CPU)
    run("evolve_generation", root, good.record, "--generation", 0, "--evolution", "epochs=1", *QUICK)


def run(*words: object) -> None:
    """Run a command that must succeed, in this process."""
    assert main([str(word) for word in words]) == 0
