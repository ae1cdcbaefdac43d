"""Weights files that run no code when opened: tensors, and a header that describes the network."""

from __future__ import annotations

import hashlib
import logging
import pickle
import textwrap
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError, model_validator
from torch import Tensor

from uncover.atomic import new_file
from uncover.config.detectors import MAP_INPUTS, Input
from uncover.errors import InputError
from uncover.image_files import RENDERED
from uncover.yolov5.checkpoint import save
from uncover.yolov5.network import Network, architecture, build_network, count_layers
from uncover.yolov5.third_party import LEGACY, ONNX, name_foreign
from uncover.yolov5.upstream_checkpoints import Checkpoint, read_checkpoint

logger = logging.getLogger(__name__)

FORMAT, VERSION = "uncover weights", 1
REASON = 200
"""Maximum length of torch's message in an error; it may list every layer."""

TRAINED_ON_RENDERED = "rendered"
"""Key in `Header.training`: whether all training photos were rendered."""

EXPECTED = "expected weights of 'uncover train' or 'uncover import_weights', or a YOLOv5 checkpoint such as best.pt"
IMAGE_SIZE = 640
"""Image size of upstream's own trainings in pixels; checkpoints do not store it."""


class ForeignWeights(InputError):
    """A file of torch is not a weights file of uncover; it was not opened if it may run code."""


class Header(BaseModel):
    """Description of a network in its weights file.

    Attributes:
        model: Architecture, such as "yolov5n".
        channels: Channels of an image.
        class_names: Names by the network's class number.
        class_ids: Ids of the same classes in label files.
        image_size: Longest side of the training input, in pixels.
        padding: Value around letterboxed images.
        input: Input of the network.
        maps: Settings of the heatmaps that it runs on, from their manifest; None for photos.
        training: Settings and data of its training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model: str
    channels: PositiveInt
    class_names: tuple[str, ...] = Field(min_length=1)
    class_ids: tuple[NonNegativeInt, ...]
    image_size: PositiveInt
    padding: int = Field(114, ge=0, le=255)
    input: Input = "photo"
    maps: dict[str, Any] | None = None
    training: dict[str, Any] = {}

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if len(self.class_ids) != len(self.class_names):
            raise ValueError("expected as many class ids as class names")
        if (self.input in MAP_INPUTS) != (self.maps is not None):
            raise ValueError("expected settings of heatmaps for a network that runs on heatmaps, and for no other")
        return self


def save_weights(path: Path, state: Mapping[str, Tensor], header: Header) -> None:
    """Write a weights file; equal weights and header give equal bytes.

    Args:
        path: File to write.
        state: State dict of a `Network`.
        header: Description of the network.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        "header": header.model_dump_json(),
        "state": {
            name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in state.items()
        },
    }
    with new_file(path) as temporary:
        save(content, temporary)


def load_weights(path: Path) -> tuple[Network, Header]:
    """Read a weights file.

    Returns:
        The network on the CPU, in evaluation mode, and its header.

    Raises:
        InputError: The file is missing, truncated, of another version or not ours, or its weights do not match.
    """
    header, state = read_weights(path)
    return assemble(header, state, str(path)), header


def read_weights(path: Path) -> tuple[Header, dict[str, Tensor]]:
    """Read a weights file without building its network.

    Returns:
        Its header, and the state dict on the CPU.

    Raises:
        InputError: The file is missing, truncated, of another version or not ours, or its weights do not match.
    """
    content = _read(path)
    try:
        header = Header.model_validate_json(content["header"])
    except (KeyError, ValidationError):
        raise InputError(f"{path}: invalid header; train or import the weights again") from None
    _check_ends(header, content["state"], str(path))
    _check_finite(content["state"], str(path))
    return header, content["state"]


def assemble(header: Header, state: Mapping[str, Tensor], name: str) -> Network:
    """Build the network that a header describes, with its weights.

    Args:
        header: Description of the network.
        state: State dict.
        name: Name of the source in messages.

    Returns:
        The network on the CPU, in evaluation mode.

    Raises:
        InputError: The weights do not match the header.
    """
    try:
        anchors = state.get(f"{_head(header.model)}anchors")
        per_level = None if anchors is None or anchors.ndim != 3 else anchors.shape[1]
        network = build_network(header.model, header.channels, len(header.class_names), per_level)
        network.load_state_dict(state)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except RuntimeError as error:
        raise _other(header, name, str(error).splitlines()[-1]) from None
    _check_finite(state, name)
    return network.eval()


def _check_ends(header: Header, state: Mapping[str, Tensor], name: str) -> None:
    """Check that the first and the last layer match the header; the layers between are checked on first use.

    Does not build the network: on torch's meta device that would import torch's compiler, which takes as long as
    importing torch itself.
    """
    try:
        head = _head(header.model)
        first, anchors, last = (state[key] for key in (_first(state), f"{head}anchors", f"{head}m.0.weight"))
        ends = (first.shape[1], last.shape[0])
        expected = (header.channels, anchors.shape[1] * (5 + len(header.class_names)))
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except (KeyError, IndexError) as error:
        raise _other(header, name, f"no matching {error}") from None
    if ends != expected:
        raise _other(
            header, name, f"{ends[0]} input and {ends[1]} output channels; expected {expected[0]} and {expected[1]}"
        )


def _head(model: str) -> str:
    """Prefix of the names of the last layer's weights."""
    return f"model.{count_layers(architecture(model)) - 1}."


def _first(state: Mapping[str, Tensor]) -> str:
    """Name of the weights of the input layer."""
    return next(
        (key for key, value in state.items() if key.startswith("model.0.") and value.ndim == 4), "model.0.weight"
    )


def _check_finite(state: Mapping[str, Tensor], name: str) -> None:
    if not all(value.isfinite().all() for value in state.values()):
        raise InputError(f"{name}: has weights that are not finite; train or import them again")


def _other(header: Header, name: str, reason: str) -> InputError:
    return InputError(
        f"{name}: does not match a {header.model} with {header.channels} channels and"
        f" {len(header.class_names)} classes ({textwrap.shorten(reason, REASON)})"
    )


def _read(path: Path) -> dict[str, Any]:
    damaged = f"{path}: truncated, damaged or not a weights file; {EXPECTED}"
    try:
        with path.open("rb") as file:
            foreign = name_foreign(file)
            file.seek(0)
            legacy = file.read(len(LEGACY)) == LEGACY
        if foreign and foreign != ONNX:
            raise InputError(f"{path}: {foreign}")
        if legacy or foreign:
            raise ForeignWeights(f"{path}: a pickle that may run code when opened; {EXPECTED}")
        # torch detects a file that ends early, but not wrong bytes in the middle.
        with zipfile.ZipFile(path) as archive:
            whole = archive.testzip() is None
        content = torch.load(path, map_location="cpu", weights_only=True) if whole else None
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; {EXPECTED}") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; {EXPECTED}") from None
    except pickle.UnpicklingError:
        raise ForeignWeights(f"{path}: a pickle that may run code when opened; {EXPECTED}") from None
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError, KeyError, NotImplementedError):
        raise InputError(damaged) from None
    if not whole:
        raise InputError(damaged)
    other = f"{path}: not a weights file of uncover; {EXPECTED}"
    if not (isinstance(content, dict) and content.get("format") == FORMAT):
        raise ForeignWeights(other)
    if not _is_state(content.get("state")):
        raise InputError(other)
    if content.get("version") != VERSION:
        raise InputError(
            f"{path}: has format version {content.get('version')}; this uncover reads version {VERSION},"
            " so update uncover or train again"
        )
    return content


def _is_state(given: object) -> bool:
    return isinstance(given, dict) and all(isinstance(value, Tensor) for value in given.values())


def initialise(network: Network, state: Mapping[str, Tensor], name: str = "initial weights") -> list[str]:
    """Copy weights of another network of the same architecture into a network, as far as they match.

    The first layer is adapted if the number of channels differs, so that a grey image gives the same response. The head
    is not copied if the number of classes or anchors differs.

    Args:
        network: Network to change in place.
        state: State dict to copy from.
        name: Name of the source in messages.

    Returns:
        Layers of `network` that were not copied.

    Raises:
        InputError: `state` has another architecture.
    """
    own = network.state_dict()
    taken: dict[str, Tensor] = {}
    left = []
    first, head = _first(own), f"model.{len(network.model) - 1}."
    for key, value in own.items():
        given = state.get(key)
        if given is not None and key == first and given.shape[1] != value.shape[1]:
            given = adapt_channels(given, value.shape[1])
        if given is not None and given.shape == value.shape:
            taken[key] = given
        elif key.startswith(head):
            left.append(key)
        else:
            there = "no such layer" if given is None else tuple(given.shape)
            raise InputError(
                f"{name}: weights of another network ({key}: {there} there, {tuple(value.shape)} here);"
                " expected weights of the same model"
            )
    network.load_state_dict(taken, strict=False)
    return [key.removesuffix(".weight") for key in left if not key.endswith(".bias")]


def adapt_channels(weight: Tensor, channels: int) -> Tensor:
    """Adapt the weights of a convolution to another number of input channels.

    Args:
        weight: (outputs, inputs, height, width).
        channels: Number of inputs.

    Returns:
        (outputs, channels, height, width). If all channels are equal, the response is the same as that of `weight` for
        such an image.
    """
    inputs = weight.shape[1]
    if channels < inputs:
        return weight.sum(1, keepdim=True).expand(-1, channels, -1, -1) / channels
    source = torch.arange(channels) % inputs
    return weight[:, source] / torch.bincount(source)[source].view(1, -1, 1, 1)


def open_weights(path: Path) -> tuple[Network, Header, str]:
    """Open a weights file of uncover, a checkpoint of upstream YOLOv5, or SCRFD-2.5G's ONNX file.

    Returns:
        The network on the CPU, in evaluation mode; its header; the sha256 of the file.

    Raises:
        InputError: The file is none of these, or is damaged.
    """
    header, state, digest = read_any_weights(path)
    return assemble(header, state, str(path)), header, digest


def read_any_weights(path: Path, tell: bool = True) -> tuple[Header, dict[str, Tensor], str]:
    """Read a weights file of uncover, or a third-party file that can be imported, without building its network.

    No code in a file is run: only tensors and plain values of a checkpoint are read (see `upstream_checkpoints`).

    Args:
        path: The file.
        tell: Log a line for a checkpoint.

    Returns:
        Header; state dict on the CPU; sha256 of the file.

    Raises:
        InputError: The file is none of these, or is damaged.
    """
    try:
        header, state = read_weights(path)
        with path.open("rb") as file:
            return header, state, hashlib.file_digest(file, "sha256").hexdigest()
    except ForeignWeights:
        content = path.read_bytes()
    checkpoint = read_checkpoint(content, str(path))
    if tell:
        logger.info(f"{path}: third-party checkpoint ({checkpoint.model}): tensors are read, no code is run")
    return describe(checkpoint, path.name), checkpoint.state, checkpoint.sha256


def is_of_rendered(training: Mapping[str, Any], path: Path) -> bool:
    """Whether weights were trained on rendered faces only.

    Weights of earlier versions do not record it; for those in a run, the raw data of the run decide.

    Args:
        training: `Header.training` of the weights.
        path: Weights file.
    """
    above = path.absolute().parents
    # models/NAME/weights.pt of a run.
    of_run = len(above) > 2 and above[1].name == "models" and any(above[2].glob(f"raw/*/{RENDERED}"))
    return bool(training.get(TRAINED_ON_RENDERED)) or of_run


def note_on_rendered(names: Sequence[str]) -> str:
    """Warning for weights that were trained on rendered faces only, if they run on other images."""
    return (
        f"{' and '.join(names)}: trained on rendered faces only; on images of people, most faces may be missed and most"
        " boxes may be false positives; `--weights general` was trained on photos"
    )


def describe(checkpoint: Checkpoint, name: str) -> Header:
    """Header of an imported checkpoint.

    Args:
        checkpoint: Upstream checkpoint.
        name: Name of its file.
    """
    return Header(
        model=checkpoint.model,
        channels=checkpoint.channels,
        class_names=checkpoint.class_names,
        class_ids=tuple(range(len(checkpoint.class_names))),
        image_size=IMAGE_SIZE,
        training={"imported_from": name, "sha256": checkpoint.sha256},
    )
