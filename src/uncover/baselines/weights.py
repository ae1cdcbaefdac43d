"""Weights of baseline detectors: fetched, read, kept and given to networks, as tensors alone.

Files that are opened here run no code: a third party's is read inertly, and ours hold tensors and what they are.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from uncover.atomic import new_file
from uncover.baselines.fetched import WEIGHTS, Fetched, state_of_file, write_fetched
from uncover.config.baselines import PackagedFile
from uncover.errors import InputError
from uncover.yolov5.checkpoint import save
from uncover.yolov5.third_party import HEAD, check_content, check_trusted, is_onnx, read_or_fetch
from uncover.yolov5.upstream_checkpoints import Record, load_inert, state_of

logger = logging.getLogger(__name__)

FORMAT = "uncover baseline"

MODEL = "model"
"""Name of the one tensor of weights that are a whole file, uint8: an ONNX or TensorFlow Lite model is data and no code,
and goes to its runtime as it is."""

LEAST = 0.5
"""Share of a network's tensors that start weights must fill, or they are those of another network."""


@dataclass(frozen=True)
class BaselineWeights:
    """A state dict and what it is.

    Attributes:
        state: Tensors on the CPU, by name; of a model file, its bytes under `MODEL`.
        about: What it belongs to and how it came about: plain values; `source` and `sha256` for a third party's,
            `model`, `network`, `image_size` and `training` for one of our own training.
    """

    state: Mapping[str, Tensor]
    about: Mapping[str, Any] = field(default_factory=dict)


def save_baseline(path: Path, weights: BaselineWeights) -> None:
    """Write a weights file; the same weights give the same bytes."""
    state = {name: value.detach().cpu().contiguous().clone() for name, value in weights.state.items()}
    with new_file(path) as temporary:
        save({"format": FORMAT, "about": json.dumps(dict(weights.about), sort_keys=True), "state": state}, temporary)


def load_baseline(path: Path) -> BaselineWeights:
    """Read a weights file.

    Raises:
        InputError: It does not exist, or is none of `save_baseline`.
    """
    expected = "expected a file of 'uncover fetch weights' or 'uncover train baseline'"
    try:
        with path.open("rb") as file:
            is_model = is_onnx(file.read(HEAD))
        if is_model:
            return as_model(path.read_bytes(), path.name)
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != FORMAT:
            raise KeyError("format")
        return BaselineWeights(content["state"], json.loads(content["about"]))
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; {expected}") from None
    except Exception as error:  # what is no weights can fail in any way
        raise InputError(f"{path}: holds no weights ({type(error).__name__}); {expected}") from None


def fetch_weights(folder: Path, place: str, url: str | None, sha256: str | None, attempt: int = 1) -> Fetched:
    """Read or fetch weights, and leave them and a record of what came of it.

    Args:
        folder: Gets `state.json` and, where all went well, `weights.pt`.
        place: File, or address.
        url: Where to fetch the file from if there is none.
        sha256: Hash that it must have: no file is opened without one.
        attempt: Number of the attempt, for the record.

    Returns:
        The record; `why` names the file, where it comes from and its hash.
    """
    why, seen = "", state_of_file(place)
    try:
        check_trusted(place, sha256)
        content, name = read_or_fetch(place, url)
        digest = check_content(content, name, sha256)
        about = {"source": name.rpartition("/")[2], "sha256": digest}
        state = as_model(content, name).state if is_onnx(content) else read_state_dict(content, name)
        save_baseline(folder / WEIGHTS, BaselineWeights(state, about))
    except InputError as error:
        (folder / WEIGHTS).unlink(missing_ok=True)
        wanted = f"wanted: {place}" + (f", else {url}" if url else "") + f", sha256 {sha256 or 'not stated'}"
        why = f"{folder.name}: no weights: {error} ({wanted})"
    fetched = Fetched(why, attempt, seen if why else "")
    write_fetched(folder, fetched)
    return fetched


def as_model(content: bytes, name: str) -> BaselineWeights:
    """A model file as weights.

    Args:
        content: The file.
        name: Of the file.
    """
    tensor = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    return BaselineWeights({MODEL: tensor}, {"source": name, "sha256": hashlib.sha256(content).hexdigest()})


def packaged_model(model: PackagedFile, install: str) -> BaselineWeights:
    """A model file out of an installed package, none of whose code runs.

    Args:
        model: Which.
        install: Words for pip that get the package.

    Raises:
        InputError: The file is not there, or is another one.
    """
    path = Path(str(metadata.distribution(model.package).locate_file(model.file)))
    remedy = f"run: pip install --force-reinstall {install}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {remedy}") from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != model.sha256:
        raise InputError(f"{path}: has sha256 {digest}; expected {model.sha256}; {remedy}")
    return as_model(content, path.name)


def model_file(weights: BaselineWeights | None, expected: str) -> NDArray[np.uint8]:
    """The bytes of weights that are a model file, uint8 (N,).

    Args:
        weights: Those that somebody gave.
        expected: What they should be, for messages.

    Raises:
        InputError: There are none, or they are a state dict.
    """
    if weights is None:
        raise InputError(f"there are no weights; expected {expected}")
    if MODEL not in weights.state:
        raise InputError(f"{weights.about.get('source', 'weights')}: is a state dict; expected {expected}")
    return np.asarray(weights.state[MODEL].numpy(), np.uint8)


def read_state_dict(content: bytes, name: str) -> dict[str, Tensor]:
    """Tensors by name, of a file of `torch.save` that holds a state dict, alone or under a key, or a whole module.

    No code of the file runs. A prefix that every name has, as data parallel training leaves it, is taken off.

    Args:
        content: The file.
        name: What to call it in messages.

    Raises:
        InputError: It holds nothing of the kind.
    """
    try:
        saved: Any = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:  # likewise
        saved = load_inert(content, name)
    for key in ("ema", "model", "state_dict"):
        if isinstance(saved, dict) and isinstance(saved.get(key), dict | Record):
            saved = saved[key]
            break
    if isinstance(saved, Record):
        saved = dict(state_of(saved))
    named = saved if isinstance(saved, dict) else {}
    tensors = {str(key): value for key, value in named.items() if isinstance(value, Tensor)}
    if not tensors:
        raise InputError(f"{name}: holds no tensors by name; expected a state dict, or a network that was saved whole")
    prefix = "module."
    if all(key.startswith(prefix) for key in tensors):
        tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors


def start_from(network: nn.Module, start: BaselineWeights, name: str) -> None:
    """Give a network what fits of third party's weights; layers for other classes stay as they are.

    Args:
        network: To fill, on the CPU.
        start: Whose tensors are taken where name and shape are those of the network's.
        name: Of the network, for messages.

    Raises:
        InputError: Fewer than half of the network's tensors are in it.
    """
    source = str(start.about.get("source", "start weights"))
    own = network.state_dict()
    fits = {key: value.to(own[key].dtype) for key, value in fitting(own, start.state).items()}
    if len(fits) < LEAST * len(own):
        raise InputError(
            f"{source}: fits {len(fits)} of the {len(own)} tensors of {name}; expected weights of this network"
        )
    with torch.no_grad():
        network.load_state_dict({**own, **fits})
    logger.info(f"start weights {source}: {len(fits)} of the {len(own)} tensors of {name}; the others begin anew")


def fitting(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those of the given tensors that have name and shape of one's own."""
    return {key: value for key, value in given.items() if key in own and own[key].shape == value.shape}
