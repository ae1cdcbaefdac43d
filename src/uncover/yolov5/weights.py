"""Weights of a network in a file that runs no code when it is opened: tensors, and a header that says what they are."""

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
"""Letters of torch's own words in a message; it may name every layer."""

TRAINED_ON_RENDERED = "rendered"
"""Key in `Header.training`: whether all photos of the training were rendered."""

EXPECTED = (
    "expected weights that 'uncover train' or 'uncover import_weights' wrote, or a checkpoint of YOLOv5 such as best.pt"
)
IMAGE_SIZE = 640
"""Of upstream's own trainings, in pixels; a checkpoint does not say."""


class ForeignWeights(InputError):
    """A file of torch is not one of uncover's; where it may run code, it was not opened."""


class Header(BaseModel):
    """What a weights file says of its network.

    Attributes:
        model: Architecture, such as "yolov5n".
        channels: Channels of an image.
        class_names: By the network's class number.
        class_ids: Ids of the same classes in label files.
        image_size: Longest side of the input that it was trained with, in pixels.
        padding: Value around letterboxed images.
        input: What it looks at.
        maps: How the heatmaps that it looks at were made, as their manifest says; None for photos.
        training: How it came about.
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
            raise ValueError("expected settings of heatmaps for a network that looks at them, and for no other")
        return self


def save_weights(path: Path, state: Mapping[str, Tensor], header: Header) -> None:
    """Write a weights file; the same weights and header give the same bytes.

    Args:
        path: The file.
        state: State dict of a `Network`.
        header: What it is.
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
        InputError: The file is missing, truncated, of another version or not ours, or its weights do not fit.
    """
    header, state = read_weights(path)
    return assemble(header, state, str(path)), header


def read_weights(path: Path) -> tuple[Header, dict[str, Tensor]]:
    """Read a weights file without building its network.

    Returns:
        Its header, and the state dict on the CPU.

    Raises:
        InputError: The file is missing, truncated, of another version or not ours, or its weights do not fit.
    """
    content = _read(path)
    try:
        header = Header.model_validate_json(content["header"])
    except (KeyError, ValidationError):
        raise InputError(f"{path}: its header is spoilt; train or import the weights again") from None
    _check_ends(header, content["state"], str(path))
    _check_finite(content["state"], str(path))
    return header, content["state"]


def assemble(header: Header, state: Mapping[str, Tensor], name: str) -> Network:
    """Build the network that a header describes and give it its weights.

    Args:
        header: What the network is.
        state: Its state dict.
        name: Where that comes from, for messages.

    Returns:
        The network on the CPU, in evaluation mode.

    Raises:
        InputError: The weights do not fit the header.
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
    """Check that the first and the last layer are as the header has them; what is between them shows when it is used.

    The network is not made: on torch's device without memory that would import torch's compiler, which takes as long as
    torch itself.
    """
    try:
        head = _head(header.model)
        first, anchors, last = (state[key] for key in (_first(state), f"{head}anchors", f"{head}m.0.weight"))
        ends = (first.shape[1], last.shape[0])
        expected = (header.channels, anchors.shape[1] * (5 + len(header.class_names)))
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except (KeyError, IndexError) as error:
        raise _other(header, name, f"no fitting {error}") from None
    if ends != expected:
        raise _other(
            header, name, f"{ends[0]} channels enter and {ends[1]} leave; expected {expected[0]}, {expected[1]}"
        )


def _head(model: str) -> str:
    """Names of the last layer's weights begin so."""
    return f"model.{count_layers(architecture(model)) - 1}."


def _first(state: Mapping[str, Tensor]) -> str:
    """Name of the weights that see the image."""
    return next(
        (key for key, value in state.items() if key.startswith("model.0.") and value.ndim == 4), "model.0.weight"
    )


def _check_finite(state: Mapping[str, Tensor], name: str) -> None:
    if not all(value.isfinite().all() for value in state.values()):
        raise InputError(f"{name}: holds weights that are no finite numbers; train or import them again")


def _other(header: Header, name: str, reason: str) -> InputError:
    return InputError(
        f"{name}: its weights are not those of a {header.model} with {header.channels} channels and"
        f" {len(header.class_names)} classes ({textwrap.shorten(reason, REASON)})"
    )


def _read(path: Path) -> dict[str, Any]:
    damaged = f"{path}: is truncated, damaged or no weights file; {EXPECTED}"
    try:
        with path.open("rb") as file:
            foreign = name_foreign(file)
            file.seek(0)
            legacy = file.read(len(LEGACY)) == LEGACY
        if foreign and foreign != ONNX:
            raise InputError(f"{path}: {foreign}")
        if legacy or foreign:
            raise ForeignWeights(f"{path}: is a pickle that may run code when opened; {EXPECTED}")
        # torch notices a file that ends early, but not one with wrong bytes in the middle.
        with zipfile.ZipFile(path) as archive:
            whole = archive.testzip() is None
        content = torch.load(path, map_location="cpu", weights_only=True) if whole else None
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; {EXPECTED}") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; {EXPECTED}") from None
    except pickle.UnpicklingError:
        raise ForeignWeights(f"{path}: is a pickle that may run code when opened; {EXPECTED}") from None
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError, KeyError, NotImplementedError):
        raise InputError(damaged) from None
    if not whole:
        raise InputError(damaged)
    other = f"{path}: is no weights file of uncover; {EXPECTED}"
    if not (isinstance(content, dict) and content.get("format") == FORMAT):
        raise ForeignWeights(other)
    if not _is_state(content.get("state")):
        raise InputError(other)
    if content.get("version") != VERSION:
        raise InputError(
            f"{path}: has version {content.get('version')} of the format; this uncover reads version {VERSION},"
            " so update uncover or train again"
        )
    return content


def _is_state(given: object) -> bool:
    return isinstance(given, dict) and all(isinstance(value, Tensor) for value in given.values())


def initialise(network: Network, state: Mapping[str, Tensor], name: str = "start weights") -> list[str]:
    """Give a network the weights of another one of the same architecture, as far as they fit.

    A first layer of another number of channels is adapted so that a grey image gives the same response. The head of
    another number of classes or anchors stays as it is.

    Args:
        network: Changed in place.
        state: State dict to take from.
        name: What to call it in messages.

    Returns:
        Layers of `network` that took nothing.

    Raises:
        InputError: `state` is that of another architecture.
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
                f"{name}: are of another network ({key}: {there} there, {tuple(value.shape)} here);"
                " expected weights of the same model"
            )
    network.load_state_dict(taken, strict=False)
    return [key.removesuffix(".weight") for key in left if not key.endswith(".bias")]


def adapt_channels(weight: Tensor, channels: int) -> Tensor:
    """Make the weights of a convolution fit another number of input channels.

    Args:
        weight: (outputs, inputs, height, width).
        channels: Inputs wanted.

    Returns:
        (outputs, channels, height, width). Where all channels hold the same image, the response is the one that
        `weight` gives to that image in all of its channels.
    """
    inputs = weight.shape[1]
    if channels < inputs:
        return weight.sum(1, keepdim=True).expand(-1, channels, -1, -1) / channels
    source = torch.arange(channels) % inputs
    return weight[:, source] / torch.bincount(source)[source].view(1, -1, 1, 1)


def open_weights(path: Path) -> tuple[Network, Header, str]:
    """Open a weights file of uncover, a checkpoint of upstream's YOLOv5, or SCRFD-2.5G's ONNX file.

    Returns:
        The network on the CPU, in evaluation mode; what it is; the sha256 of the file.

    Raises:
        InputError: It is neither, or is damaged.
    """
    header, state, digest = read_any_weights(path)
    return assemble(header, state, str(path)), header, digest


def read_any_weights(path: Path, tell: bool = True) -> tuple[Header, dict[str, Tensor], str]:
    """Read a weights file of uncover, or a third party's that can be imported, without building its network.

    No file runs code: of a checkpoint only tensors and plain values are taken (see `upstream_checkpoints`).

    Args:
        path: The file.
        tell: Say where it is a checkpoint.

    Returns:
        What the network is; its state dict on the CPU; the sha256 of the file.

    Raises:
        InputError: It is neither, or is damaged.
    """
    try:
        header, state = read_weights(path)
        with path.open("rb") as file:
            return header, state, hashlib.file_digest(file, "sha256").hexdigest()
    except ForeignWeights:
        content = path.read_bytes()
    checkpoint = read_checkpoint(content, str(path))
    if tell:
        logger.info(f"{path}: published weights ({checkpoint.model}); its tensors are read, nothing in it is run")
    return describe(checkpoint, path.name), checkpoint.state, checkpoint.sha256


def is_of_rendered(training: Mapping[str, Any], path: Path) -> bool:
    """Whether weights learnt from rendered faces alone.

    Those of earlier versions do not say; where they are of a run, its raw data tell.

    Args:
        training: What the weights say of it.
        path: Their file.
    """
    above = path.absolute().parents
    # models/NAME/weights.pt of a run.
    of_run = len(above) > 2 and above[1].name == "models" and any(above[2].glob(f"raw/*/{RENDERED}"))
    return bool(training.get(TRAINED_ON_RENDERED)) or of_run


def note_on_rendered(names: Sequence[str]) -> str:
    """A line on weights that learnt from rendered faces alone, for where they look at other pictures."""
    return (
        f"{' and '.join(names)} learnt from rendered faces alone: in pictures of people most faces may be missed and"
        " most boxes wrong; `--weights general` has seen photos"
    )


def describe(checkpoint: Checkpoint, name: str) -> Header:
    """The header of an imported checkpoint.

    Args:
        checkpoint: Of upstream.
        name: Of its file.
    """
    return Header(
        model=checkpoint.model,
        channels=checkpoint.channels,
        class_names=checkpoint.class_names,
        class_ids=tuple(range(len(checkpoint.class_names))),
        image_size=IMAGE_SIZE,
        training={"imported_from": name, "sha256": checkpoint.sha256},
    )
