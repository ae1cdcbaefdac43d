"""State of an interrupted training, for an exact continuation."""

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
    """Everything that changes from epoch to epoch. Random numbers need no state: they depend on seed and epoch.

    Attributes:
        epoch: Completed epochs.
        batch: Images per step; stored because a new measurement of `auto` may give another number.
        network: Weights after the last step of the optimiser.
        ema: Moving average of the weights.
        updates: Steps in the moving average.
        optimizer: State dict of the optimiser.
        scaler: Scale of float16 gradients.
        last_step: Last step of the loop at which the optimiser updated the weights.
        rows: The record, one row per epoch.
        best: Weights of the moving average at the best epoch.
        best_epoch: Number of the best epoch.
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
    """Folder of the state of one training; any setting that changes the result gives another folder."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:16]
    return out / ".resume" / digest


def save_state(folder: Path, state: TrainingState) -> None:
    """Write the state atomically: if the process is killed, the previous state remains."""
    with new_file(folder / FILE) as path:
        save({name: getattr(state, name) for name in state.__dataclass_fields__}, path)


def load_state(folder: Path) -> TrainingState | None:
    """Read the state of an interrupted training, if there is a readable one."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return TrainingState(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch passes on any error of its unpickler and zip reader
        if is_out_of_memory(error):
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        logger.warning(f"{path}: unreadable ({reason}); starting from the first epoch")
        return None


def remove_state(folder: Path) -> None:
    """Remove the state of a finished training; states of other settings remain."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # the folder has further states
        folder.parent.rmdir()


def save(content: Any, path: Path) -> None:
    """Write tensors and plain containers. Equal content gives equal bytes, whatever the name of the file.

    Raises:
        OSError: Error of the system, such as "No space left on device".
    """
    # Pass a file object: torch writes a path's name into the file, and hides the reason if it cannot write.
    with path.open("wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            # Torch complains about the half-written archive on top of the actual cause: an error of the system, or a
            # signal that ends the process.
            raise error.__context__ or error from None
