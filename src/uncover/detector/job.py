"""What to train, on what: read from the paths and words that a command is given."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from uncover.config.detectors import Detector, Hyperparameters
from uncover.config.load import check_section, read_pairs
from uncover.console import say
from uncover.datasets.yolo import IMAGES
from uncover.errors import InputError
from uncover.images.data_yaml import read_data_yaml
from uncover.images.labelled import LabelledImages, read_labelled_images
from uncover.parts.classes import CLASS_NAMES, WHOLE_FACE


@dataclass(frozen=True)
class Job:
    """A training.

    Attributes:
        training: Labelled photos or maps to train on.
        validation: Those that early stopping and the choice of the best epoch look at.
        settings: Network and recipe.
        start: Safe weights file to start from; None starts anew.
        channels: Channels of the images.
        padding: Value around letterboxed images.
    """

    training: LabelledImages
    validation: LabelledImages
    settings: Detector
    start: Path | None = None
    channels: int = 3
    padding: int = 114

    def identity(self) -> dict[str, object]:
        """All that changes the result; a training goes on only from the state of the very same one."""
        start = hashlib.sha256(self.start.read_bytes()).hexdigest() if self.start else None
        return {
            "settings": self.settings.model_dump(mode="json"),
            "start": start,
            "channels": self.channels,
            "padding": self.padding,
            "training": _digest(self.training),
            "validation": _digest(self.validation),
        }


def read_job(
    data: Path,
    val: Path | None,
    pairs: Sequence[str],
    start: Path | None = None,
    hyperparameters: Path | None = None,
    channels: int = 3,
    padding: int = 114,
) -> Job:
    """Read data sets and settings.

    Args:
        data: A data set, or a folder with the sets `train` and `val`; the data.yaml in it will do.
        val: The data set to validate on.
        pairs: Settings as `key=value`.
        start: Weights to start from.
        hyperparameters: Record of an evolution's best generation, to train with its hyperparameters.
        channels: Channels of the images.
        padding: Value around letterboxed images.

    Raises:
        InputError: A set is missing, empty or spoilt, or a setting is unknown.
    """
    settings = check_section(Detector, read_pairs(pairs), "--set")
    if hyperparameters is not None:
        from uncover.datasets.records import read_summary

        evolved = read_summary(hyperparameters, ("hyperparameters",), "evolution_history")["hyperparameters"]
        settings = settings.model_copy(
            update={"hyperparameters": check_section(Hyperparameters, evolved, str(hyperparameters))}
        )
    training, validation = _find_sets(data, val)
    classes = None if settings.classes == "parts" else (CLASS_NAMES[WHOLE_FACE],)
    if start is not None and not start.is_file():
        raise InputError(f"{start}: is no file; expected weights that 'uncover import_weights' or 'train' wrote")
    sets = [read_labelled_images(folder, classes, channels, subset) for folder, subset in (training, validation)]
    if sets[0].class_names != sets[1].class_names:
        raise InputError(
            f"{sets[1].folder}: its classes are not those of {sets[0].folder}; expected the same names in data.yaml"
        )
    return Job(sets[0], sets[1], settings, start, channels, padding)


def _find_sets(data: Path, val: Path | None) -> tuple[tuple[Path, str | None], tuple[Path, str | None]]:
    """Folder, and entry of its data.yaml, of the sets to train and to validate on."""
    data = _folder(data)
    val = None if val is None else _folder(val)
    for folder in (data, val or data):
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; expected a data set as `uncover labels` makes it")
    if val is not None:
        return (data, None), (val, None)
    if (data / "train" / IMAGES).is_dir() and (data / "val" / IMAGES).is_dir():
        return (data / "train", None), (data / "val", None)
    if (data / "data.yaml").is_file():
        described = read_data_yaml(data)
        if described.get("train") != described.get("val"):
            return (data, "train"), (data, "val")
    beside = data.resolve().parent / "val"
    if (beside / IMAGES).is_dir() and beside != data.resolve():
        say(f"validating on {beside}")
        return (data, None), (beside, None)
    raise InputError(
        f"{data}: does not say what to validate on; expected sets `train` and `val` in it, a set `val` beside it, or"
        " --val DATA"
    )


def _folder(given: Path) -> Path:
    return given.parent if given.name == "data.yaml" else given


def _digest(labelled: LabelledImages) -> str:
    digest = hashlib.sha256(repr((labelled.class_ids, labelled.class_names)).encode())
    for path, size, labels in zip(labelled.paths, labelled.sizes, labelled.labels, strict=True):
        digest.update(repr((path.name, size.tolist(), path.stat().st_size)).encode())
        digest.update(labels.tobytes())
    return digest.hexdigest()
