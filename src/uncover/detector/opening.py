"""Opening weights, whoever made them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from uncover.console import say
from uncover.detector.network import Network
from uncover.detector.upstream import Checkpoint, read_checkpoint
from uncover.detector.weights import Header, Pickled, assemble, load_weights

IMAGE_SIZE = 640
"""Of upstream's own trainings, in pixels; a checkpoint does not say."""


def open_weights(path: Path) -> tuple[Network, Header, str]:
    """Open a weights file of uncover, or a checkpoint of upstream's YOLOv5.

    No file runs code: of a checkpoint only tensors and plain values are taken (see `inert_pickle`). Where it matters
    which checkpoint it is, `uncover import_weights` demands its hash.

    Returns:
        The network on the CPU, in evaluation mode; what it is; the sha256 of the file.

    Raises:
        InputError: It is neither, or is damaged.
    """
    try:
        network, header = load_weights(path)
        with path.open("rb") as file:
            return network, header, hashlib.file_digest(file, "sha256").hexdigest()
    except Pickled:
        content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    checkpoint = read_checkpoint(content, str(path), digest)
    say(f"{path}: a checkpoint of upstream ({checkpoint.model}); its tensors are read, nothing in it is run")
    header = describe(checkpoint, path.name)
    return assemble(header, checkpoint.state, str(path)), header, digest


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
