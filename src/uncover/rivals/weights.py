"""Weights of the other face detectors in files that run no code when they are opened: tensors, and what they are."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from uncover.atomic import new_file
from uncover.detector.checkpoint import save
from uncover.errors import InputError

FORMAT = "uncover rival"


@dataclass(frozen=True)
class RivalWeights:
    """A state dict and what it is.

    Attributes:
        state: Tensors on the CPU, by name.
        about: What it belongs to and how it came about: plain values; `source` and `sha256` for a third party's,
            `model`, `network`, `image_size` and `training` for one of our own training.
    """

    state: Mapping[str, Tensor]
    about: Mapping[str, Any] = field(default_factory=dict)


def save_rival(path: Path, weights: RivalWeights) -> None:
    """Write a weights file; the same weights give the same bytes."""
    state = {name: value.detach().cpu().contiguous().clone() for name, value in weights.state.items()}
    with new_file(path) as temporary:
        save({"format": FORMAT, "about": json.dumps(dict(weights.about), sort_keys=True), "state": state}, temporary)


def load_rival(path: Path) -> RivalWeights:
    """Read a weights file.

    Raises:
        InputError: It does not exist, or is none of `save_rival`.
    """
    expected = "expected a file of 'uncover fetch weights' or 'uncover train rival'"
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != FORMAT:
            raise KeyError("format")
        return RivalWeights(content["state"], json.loads(content["about"]))
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; {expected}") from None
    except (OSError, RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile, EOFError, KeyError, TypeError) as error:
        raise InputError(f"{path}: holds no weights ({type(error).__name__}); {expected}") from None
