"""Opening weights, whoever made them: the one way for everything that looks, explains or learns."""

from __future__ import annotations

import hashlib
from pathlib import Path

from torch import Tensor

from uncover.console import say
from uncover.detector.network import Network
from uncover.detector.upstream import Checkpoint, read_checkpoint
from uncover.detector.weights import Foreign, Header, assemble, read_weights

IMAGE_SIZE = 640
"""Of upstream's own trainings, in pixels; a checkpoint does not say."""


def open_weights(path: Path) -> tuple[Network, Header, str]:
    """Open a weights file of uncover, or a checkpoint of upstream's YOLOv5.

    Returns:
        The network on the CPU, in evaluation mode; what it is; the sha256 of the file.

    Raises:
        InputError: It is neither, or is damaged.
    """
    header, state, digest = read_any_weights(path)
    return assemble(header, state, str(path)), header, digest


def read_any_weights(path: Path, tell: bool = True) -> tuple[Header, dict[str, Tensor], str]:
    """Read a weights file of uncover, or a checkpoint of upstream's YOLOv5, without building its network.

    No file runs code: of a checkpoint only tensors and plain values are taken (see `inert_pickle`).

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
    except Foreign:
        content = path.read_bytes()
    checkpoint = read_checkpoint(content, str(path))
    if tell:
        say(f"{path}: a checkpoint of upstream ({checkpoint.model}); its tensors are read, nothing in it is run")
    return describe(checkpoint, path.name), checkpoint.state, checkpoint.sha256


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
