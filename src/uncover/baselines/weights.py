"""Weights of baseline detectors: download, read, store and load them into networks, as tensors only.

No code in a file is run: third-party files are read inertly, and our own contain tensors and metadata.
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
"""Name of the only tensor of weights that are a complete model file, uint8: an ONNX or TensorFlow Lite model is data,
not code, and is passed to its runtime unchanged."""

LEAST = 0.5
"""Minimum share of a network's tensors that initial weights must match; otherwise they are of another network."""


@dataclass(frozen=True)
class BaselineWeights:
    """A state dict and its metadata.

    Attributes:
        state: Tensors on the CPU, by name; for a model file, its bytes under `MODEL`.
        about: Metadata as plain values: `source` and `sha256` of third-party weights; `model`, `network`, `image_size`
            and `training` of our own.
    """

    state: Mapping[str, Tensor]
    about: Mapping[str, Any] = field(default_factory=dict)


def save_baseline(path: Path, weights: BaselineWeights) -> None:
    """Write a weights file; equal weights give equal bytes."""
    state = {name: value.detach().cpu().contiguous().clone() for name, value in weights.state.items()}
    with new_file(path) as temporary:
        save({"format": FORMAT, "about": json.dumps(dict(weights.about), sort_keys=True), "state": state}, temporary)


def load_baseline(path: Path) -> BaselineWeights:
    """Read a weights file.

    Raises:
        InputError: The file does not exist, or is not a file of `save_baseline`.
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
    except Exception as error:  # an invalid file can raise anything
        raise InputError(f"{path}: no weights in it ({type(error).__name__}); {expected}") from None


def fetch_weights(folder: Path, place: str, url: str | None, sha256: str | None, attempt: int = 1) -> Fetched:
    """Read or download weights; write them and a record of the result.

    Args:
        folder: Output folder for `state.json` and, after success, `weights.pt`.
        place: File, or address.
        url: Address to download from if there is no such file.
        sha256: Expected hash; no file is opened without one.
        attempt: Number of the attempt, for the record.

    Returns:
        The record; after a failure `why` names the file, its source and its hash.
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
        wanted = f"expected: {place}" + (f", or {url}" if url else "") + f", sha256 {sha256 or 'not stated'}"
        why = f"{folder.name}: no weights: {error} ({wanted})"
    fetched = Fetched(why, attempt, seen if why else "")
    write_fetched(folder, fetched)
    return fetched


def as_model(content: bytes, name: str) -> BaselineWeights:
    """A model file as weights.

    Args:
        content: Content of the file.
        name: Name of the file.
    """
    tensor = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    return BaselineWeights({MODEL: tensor}, {"source": name, "sha256": hashlib.sha256(content).hexdigest()})


def packaged_model(model: PackagedFile, install: str) -> BaselineWeights:
    """A model file of an installed package; no code of the package is run.

    Args:
        model: The file.
        install: Arguments of pip that install the package.

    Raises:
        InputError: The file is missing, or has another content.
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
        weights: Given weights.
        expected: Description of the expected file, for messages.

    Raises:
        InputError: There are no weights, or they are a state dict.
    """
    if weights is None:
        raise InputError(f"no weights; expected {expected}")
    if MODEL not in weights.state:
        raise InputError(f"{weights.about.get('source', 'weights')}: is a state dict; expected {expected}")
    return np.asarray(weights.state[MODEL].numpy(), np.uint8)


def read_state_dict(content: bytes, name: str) -> dict[str, Tensor]:
    """Tensors by name, from a file of `torch.save` with a state dict (directly or under a key) or a whole module.

    No code of the file is run. A prefix that all names share, as from data parallel training, is removed.

    Args:
        content: Content of the file.
        name: Name of the file in messages.

    Raises:
        InputError: The file has no state dict.
    """
    try:
        saved: Any = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:  # an invalid file can raise anything
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
        raise InputError(f"{name}: no named tensors in it; expected a state dict or a saved network")
    prefix = "module."
    if all(key.startswith(prefix) for key in tensors):
        tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors


def start_from(network: nn.Module, start: BaselineWeights, name: str) -> None:
    """Copy matching tensors of third-party weights into a network; layers for other classes are unchanged.

    Args:
        network: Network on the CPU.
        start: Weights whose tensors are copied if name and shape match.
        name: Name of the network in messages.

    Raises:
        InputError: Fewer than half of the network's tensors match.
    """
    source = str(start.about.get("source", "initial weights"))
    own = network.state_dict()
    fits = {key: value.to(own[key].dtype) for key, value in fitting(own, start.state).items()}
    if len(fits) < LEAST * len(own):
        raise InputError(
            f"{source}: matches {len(fits)} of {len(own)} tensors of {name}; expected weights of this network"
        )
    with torch.no_grad():
        network.load_state_dict({**own, **fits})
    logger.info(f"initial weights {source}: {len(fits)} of {len(own)} tensors of {name}; others newly initialised")


def fitting(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Given tensors whose name and shape match the own ones."""
    return {key: value for key, value in given.items() if key in own and own[key].shape == value.shape}
