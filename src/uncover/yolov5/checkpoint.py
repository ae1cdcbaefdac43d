"""What an interrupted training needs to go on as if nothing had happened."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from uncover.atomic import new_file
from uncover.errors import is_out_of_memory

logger = logging.getLogger(__name__)

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
        best: Weights of the moving average at the best epoch.
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
        logger.warning(f"{path}: unreadable ({reason}); starting anew")
        return None


def remove_state(folder: Path) -> None:
    """Remove the state of a training that is over; those of other settings stay."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # others are there
        folder.parent.rmdir()


def save(content: Any, path: Path) -> None:
    """Write tensors and plain containers; the same content gives the same bytes, whatever the name of the file.

    Raises:
        OSError: As the system words it, such as "No space left on device".
    """
    # A file object, because torch writes the name of a path into the file, and hides why one could not be written.
    with path.open("wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            # Torch's complaint about the half-written archive comes on top of what happened: an error of the system,
            # or a signal that ends the process.
            raise error.__context__ or error from None
