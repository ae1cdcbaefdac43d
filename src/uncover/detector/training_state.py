"""What an interrupted training needs to go on as if nothing had happened."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from uncover.atomic import new_file
from uncover.console import say
from uncover.detector.saving import save
from uncover.errors import InputError, is_out_of_memory

FILE = "state.pt"


@dataclass
class TrainingState:
    """Everything that changes from epoch to epoch. Random numbers need no state: they come from seed and epoch.

    Attributes:
        epoch: Epochs done.
        batch: Images per step, which `auto` may find to be another when it looks again.
        network: Weights as the optimiser left them.
        ema: Their moving average, and `updates`, the steps in it.
        updates: Likewise.
        optimizer: State dict of torch's optimiser.
        scaler: Scale of float16 gradients.
        last_step: Step of the loop at which the optimiser last moved.
        rows: The record, one row per epoch.
        best: Averaged weights of the best epoch.
        best_epoch: Which that was.
        class_map: mAP50-95 of each class in the last epoch, for image weights.
    """

    epoch: int = 0
    batch: int = 0
    network: dict[str, torch.Tensor] = field(default_factory=dict)
    ema: dict[str, torch.Tensor] = field(default_factory=dict)
    updates: int = 0
    optimizer: dict[str, Any] = field(default_factory=dict)
    scaler: dict[str, Any] = field(default_factory=dict)
    last_step: int = -1
    rows: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    best_epoch: int = -1
    class_map: list[float] = field(default_factory=list)


def state_folder(out: Path, identity: Mapping[str, object]) -> Path:
    """Folder of the state of one training: another one as soon as anything differs that changes its result."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:16]
    return out / ".resume" / digest


def check_finished(out: Path, wanted: Mapping[str, object], state_at: Path) -> None:
    """Make sure that a trained model that stands in a folder is of the very training that is to begin.

    Args:
        out: Folder of the training, which need not exist.
        wanted: What `summary.json` is to say of the new one; only what both say is compared.
        state_at: Folder of its state: a training that was stopped while it wrote its outcome has one.

    Raises:
        InputError: The model is another one, or nothing says which.
    """
    if not (out / "weights.pt").exists():
        return
    try:
        told = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        told = None
    instead = "give another name, or remove it first"
    if not isinstance(told, dict):
        if state_at.exists():
            return
        raise InputError(f"{out}: holds a trained model, and no summary.json that says of what; {instead}")
    other = _difference(told, json.loads(json.dumps(wanted)))
    if other is not None:
        raise InputError(f"{out}: holds a trained model of other {other}; {instead}")


def _difference(told: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """The first thing that two summaries say differently."""
    # Digests say least to people, so they come last.
    for name in sorted((name for name in told if name in wanted), key=lambda name: name == "digests"):
        old, new = told[name], wanted[name]
        if old == new:
            continue
        if name in ("settings", "hyperparameters", "digests"):
            other = _difference(old, new)
        elif name in ("train_images", "val_images", "training", "validation", "maps"):
            other = f"data ({name}: {old} there, {new} here)" if isinstance(old, int) else "data"
        elif name == "start":
            other = "start weights"
        else:
            other = f"settings ({name}: {str(old)[:60]} there, {str(new)[:60]} here)"
        if other is not None:
            return other
    return None


def save_state(folder: Path, state: TrainingState) -> None:
    """Write the state; whoever is killed meanwhile leaves the one before."""
    with new_file(folder / FILE) as path:
        save({name: getattr(state, name) for name in state.__dataclass_fields__}, path)


def load_state(folder: Path) -> TrainingState | None:
    """Read the state of an interrupted training, if there is one that can be read."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return TrainingState(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises whatever its unpickler and zip reader raise
        if is_out_of_memory(error):
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        say(f"warning: {path}: unreadable ({reason}); starting anew")
        return None


def remove_state(folder: Path) -> None:
    """Remove the state of a training that is over; those of other settings stay."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # others are there
        folder.parent.rmdir()
