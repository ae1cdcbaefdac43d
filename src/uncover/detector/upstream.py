"""All contact with upstream's `yolov5` package and with files that it made; the package itself is never imported.

A checkpoint of upstream is a pickle of whole Python objects. None of its classes comes to life when it is read: all but
tensors and plain containers become inert records.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from uncover.detector.foreign import name_foreign, name_object
from uncover.detector.inert_pickle import Record, load_inert, state_of
from uncover.errors import InputError

MODELS = ("yolov5n", "yolov5s", "yolov5m", "yolov5l", "yolov5x")
DETECTORS = ("models.yolo.Model", "models.yolo.DetectionModel")
DESIGN_KEYS = ("depth_multiple", "width_multiple", "backbone", "head")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint of upstream holds.

    Attributes:
        model: One of `MODELS`.
        channels: Channels of an image.
        class_names: By class number.
        state: State dict, float32.
        sha256: Of the file.
    """

    model: str
    channels: int
    class_names: tuple[str, ...]
    state: dict[str, Tensor]
    sha256: str


def architecture(model: str) -> dict[str, Any]:
    """The description of a network, as the package ships it.

    Args:
        model: One of `MODELS`.

    Returns:
        `depth_multiple`, `width_multiple`, `anchors` (pixels, a list per level), `backbone` and `head`; rows of the
        last two are [from, number, module, arguments].

    Raises:
        InputError: There is no such network, or the package is not installed.
    """
    if model not in MODELS:
        raise InputError(f"network {model}: unknown; expected one of {', '.join(MODELS)}")
    package = importlib.util.find_spec("yolov5")
    if package is None or not package.submodule_search_locations:
        raise InputError("the package yolov5 is not installed; its files describe the networks (pip install yolov5)")
    file = Path(package.submodule_search_locations[0]) / "models" / f"{model}.yaml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def read_checkpoint(content: bytes, name: str, sha256: str | None = None) -> Checkpoint:
    """Take the network out of a checkpoint.

    Args:
        content: The file.
        name: What to call it in messages.
        sha256: Hash that `content` must have; None takes any.

    Raises:
        InputError: It has another hash, or is no detector of `MODELS`; the message says what it is.
    """
    digest = check_content(content, name, sha256) if sha256 is not None else hashlib.sha256(content).hexdigest()
    foreign = name_foreign(io.BytesIO(content))
    if foreign:
        raise InputError(f"{name}: {foreign}")
    saved = load_inert(content, name)
    network: Any = (saved.get("ema") or saved.get("model")) if isinstance(saved, dict) else saved
    if not (isinstance(network, Record) and network.origin.endswith(DETECTORS)):
        raise InputError(
            f"{name}: holds no detector of YOLOv5 but {name_object(saved)}; expected one of {', '.join(MODELS)}"
        )
    design, names = network.fields.get("yaml"), network.fields.get("names")
    if not (isinstance(design, dict) and isinstance(names, list | tuple | dict)):
        raise InputError(f"{name}: its network has no description (yaml) or no class names")
    return Checkpoint(
        model=_recognise(design, name),
        channels=design.get("ch", 3),
        class_names=tuple(map(str, names.values() if isinstance(names, dict) else names)),
        state=dict(state_of(network)),
        sha256=digest,
    )


def check_content(content: bytes, name: str, sha256: str | None) -> str:
    """Make sure that a file is the one that somebody stated, and return its sha256.

    Raises:
        InputError: No hash is stated, or it is another one.
    """
    check_trusted(name, sha256)
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise InputError(f"{name}: not opened, because its sha256 is {digest} and not {sha256} as stated")
    return digest


def check_trusted(name: str, sha256: str | None) -> None:
    """Make sure that somebody stated which file is meant.

    Raises:
        InputError: Nobody did.
    """
    if sha256 is None:
        raise InputError(
            f"{name}: not opened, because nobody says which file it must be; state the sha256 of the one that you trust"
            " (sha256sum FILE) with --sha256, or in the config under weights"
        )


def _recognise(design: dict[str, Any], name: str) -> str:
    for model in MODELS:
        known = architecture(model)
        if not design.get("activation") and all(design.get(key) == known[key] for key in DESIGN_KEYS):
            return model
    raise InputError(
        f"{name}: its architecture, of depth {design.get('depth_multiple')} and width {design.get('width_multiple')},"
        f" is none of {', '.join(MODELS)} (v6.0 or later)"
    )
