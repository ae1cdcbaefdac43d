"""What to train, on what, from where: read from the paths and words that a command is given."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from uncover.config.detectors import MAP_INPUTS, Detector, Hyperparameters, Input
from uncover.config.packaged import ComposedDetector
from uncover.config.values import check_section, read_pairs
from uncover.data.data_yaml import SETS, YAML_SUFFIXES, find_data_yaml, hint_at_others, read_data_yaml
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.data.yolo import IMAGES
from uncover.errors import InputError
from uncover.images.composed import ComposedImages, read_joined
from uncover.images.grouped import read_annotated_images
from uncover.images.labelled import LabelledImages
from uncover.images.letterbox import GREY
from uncover.images.map_sets import MANIFEST, MapSet, check_alike, explain, read_map_set
from uncover.images.reading import COLOURS, channels_of_file
from uncover.yolov5.anchors import check_anchors
from uncover.yolov5.network import Network, build_network
from uncover.yolov5.weights import EXPECTED, initialise, read_any_weights

logger = logging.getLogger(__name__)

SetPlace = tuple[Path, str | None]
"""Folder of a data set, or its YAML file, and the entry of that where it has several."""


@dataclass(frozen=True)
class Job:
    """A training.

    Attributes:
        training: Labelled photos or maps to train on.
        validation: Those that early stopping and the choice of the best epoch look at.
        settings: Network and recipe.
        start: Weights file, or checkpoint of upstream's YOLOv5, to start from; None starts anew.
        channels: Channels of the images.
        padding: Value around letterboxed images.
        input: What the network looks at. For heatmaps, the sets have the photos' labels and sizes, and paths of maps.
        maps: How the heatmaps were made, as the manifest of the training set says; None for photos.
        maps_digest: Of the manifests of both sets.
        frames: Of frames that were picked, how many somebody has reviewed, as the data set's `summary.json` says.
        composed: What training images are composed of, where they are; `training` are then its photos.
    """

    training: LabelledImages
    validation: LabelledImages
    settings: Detector
    start: Path | None = None
    channels: int = COLOURS
    padding: int = GREY
    input: Input = "photo"
    maps: dict[str, Any] | None = None
    maps_digest: tuple[str, ...] = ()
    frames: dict[str, int] | None = None
    composed: ComposedImages | None = None

    def identity(self) -> dict[str, object]:
        """All that changes the result; a training goes on only from the state of the very same one."""
        start = hashlib.sha256(self.start.read_bytes()).hexdigest() if self.start else None
        return {
            "settings": self.settings.model_dump(mode="json"),
            "start": start,
            "channels": self.channels,
            "padding": self.padding,
            "input": self.input,
            "maps": self.maps_digest,
            "training": self.composed.digest() if self.composed else self.training.digest(),
            "validation": self.validation.digest(),
        }


def read_job(
    data: Path,
    val: Path | None,
    pairs: Sequence[str],
    start: Path | None = None,
    hyperparameters: Path | None = None,
    channels: int | None = None,
    padding: int | None = None,
    heatmaps: Path | None = None,
    input: Input = "photo",
    chosen: Sequence[str] = (),
    settings: Detector | None = None,
) -> Job:
    """Read data sets and settings.

    Args:
        data: A data set, or a folder with the sets `train` and `val` (or `valid`); or the YAML file that lists both.
        val: The data set to validate on.
        pairs: Settings as `key=value`.
        start: Weights to start from.
        hyperparameters: Record of an evolution's best generation, to train with its hyperparameters.
        channels: Channels of the images; None takes those of the input.
        padding: Value around letterboxed images; None takes grey for photos and 0 for heatmaps.
        heatmaps: Folder with the heatmap sets `train` and `val` of the same photos, or a heatmap set of all of them,
            for an input of heatmaps.
        input: What the network looks at.
        chosen: Names of the data set's classes to learn; for a detector of whole faces, of those that are faces.
        settings: Checked settings, which replace `pairs`.

    Raises:
        InputError: A set is missing, empty or spoilt, a setting is unknown, or options contradict each other.
    """
    if start is not None and not start.is_file():
        raise InputError(f"{start}: is no file; {EXPECTED}")
    settings = settings or _read_settings(pairs, hyperparameters, start)
    if settings.freeze and start is None:
        raise InputError(f"freeze={settings.freeze}: keeps start weights as they are; give them with --start WEIGHTS")
    places = _find_sets(data, val)
    maps = _read_maps(heatmaps, input, places[0][0] == places[1][0])
    seen = _channels(input, channels, maps)
    classes = None if settings.classes == "parts" else (CLASS_NAMES[WHOLE_FACE],)
    of_photos = COLOURS if maps else channels_of_file(seen, input)
    sets, errors = [], dict[str, None]()
    for folder, subset in places:
        try:
            sets.append(read_annotated_images(folder, classes, of_photos, subset, chosen))
        except InputError as error:
            errors[str(error)] = None
    # Each names its set, and has printed its own lines where it has several problems.
    if errors:
        raise InputError("; ".join(errors))
    if sets[0].class_names != sets[1].class_names:
        raise InputError(
            f"{sets[1].folder}: its classes are not those of {sets[0].folder}; expected the same names in data.yaml"
        )
    if maps:
        sets = [explain(labelled, own, input) for labelled, own in zip(sets, maps, strict=True)]
    return Job(
        sets[0],
        sets[1],
        settings,
        start,
        seen,
        (0 if maps else GREY) if padding is None else padding,
        input,
        maps[0].settings if maps else None,
        tuple(own.digest for own in maps),
    )


def read_composed_job(
    photos: Sequence[Path],
    validation: Sequence[Path],
    pairs: Sequence[str],
    start: Path | None = None,
    covers: Path | None = None,
) -> Job:
    """Read photos and settings of a training on composed images.

    Args:
        photos: Folders `train` of `uncover face_photos`.
        validation: Data sets to validate on, such as their folders `test`.
        pairs: Settings as `key=value`.
        start: Weights to start from.
        covers: Folder of pictures with alpha to lay on faces.

    Raises:
        InputError: A folder is missing or spoilt, a setting is unknown, or images are composed of what is not there.
    """
    if start is not None and not start.is_file():
        raise InputError(f"{start}: is no file; {EXPECTED}")
    settings = check_section(ComposedDetector, read_pairs(pairs), "--set")
    composed = ComposedImages.read(photos, covers, settings.composed)
    return Job(composed.labelled, read_joined(validation), settings, start, composed=composed)


def _read_settings(pairs: Sequence[str], hyperparameters: Path | None, start: Path | None) -> Detector:
    values = read_pairs(pairs)
    if start is not None and "model" not in values:
        values["model"] = read_any_weights(start, tell=False)[0].model
        logger.info(f"network: {values['model']}, that of {start}")
    settings = check_section(Detector, values, "--set")
    if hyperparameters is None:
        return settings
    from uncover.tables import read_summary

    evolved = read_summary(hyperparameters, ("hyperparameters",), "evolution_history")["hyperparameters"]
    checked = check_section(Hyperparameters, evolved, str(hyperparameters))
    return settings.model_copy(update={"hyperparameters": checked})


def _read_maps(heatmaps: Path | None, input: Input, one_folder: bool) -> list[MapSet]:
    """The heatmap sets to train and to validate on; none for photos.

    Where one data set has the photos of both, one heatmap set may have the maps of both.
    """
    if input not in MAP_INPUTS:
        if heatmaps is not None:
            raise InputError(f"--heatmaps {heatmaps}: --input {input} looks at none; give --input joint or classes")
        return []
    if heatmaps is None:
        raise InputError(
            f"--input {input}: looks at heatmaps; give --heatmaps DIR, a folder with the sets train, val, or one set"
            " of all the photos"
        )
    whole = one_folder and (heatmaps / MANIFEST).is_file()
    maps = [read_map_set(heatmaps if whole else heatmaps / name) for name in ("train", "val")]
    check_alike(maps)
    return maps


def _channels(input: Input, asked: int | None, maps: Sequence[MapSet]) -> int:
    """Channels that the network sees."""
    if input == "photo":
        return COLOURS if asked is None else asked
    channels = len(maps[0].settings["class_names"]) if input == "classes" else 1
    if asked not in (None, channels):
        raise InputError(f"--channels {asked}: --input {input} has {channels}; leave the option out")
    return channels


def find_inside(data: Path) -> tuple[SetPlace, SetPlace] | None:
    """The sets to train and to validate on where a folder, or a YAML file, holds both; None where it does not."""
    path = data if data.is_file() else find_data_yaml(data, above=False)
    entries = read_data_yaml(path).entries if path is not None else {}
    if {"train", "val"} <= entries.keys() and entries["train"] != entries["val"]:
        return (data, "train"), (data, "val")
    if (data / "train" / IMAGES).is_dir():
        validating = next((data / name for name in SETS["val"] if (data / name / IMAGES).is_dir()), None)
        return None if validating is None else ((data / "train", None), (validating, None))
    return None


def _find_sets(data: Path, val: Path | None) -> tuple[SetPlace, SetPlace]:
    """Folder or YAML file, and entry of it, of the sets to train and to validate on."""
    for given in (data, val or data):
        if not given.is_dir() and not (given.is_file() and given.suffix.lower() in YAML_SUFFIXES):
            raise InputError(
                f"{given}: no such folder; expected a data set as `uncover labels` makes it, or its YAML file"
            )
    if val is not None:
        return _place_of(data, "train"), _place_of(val, "val")
    inside = find_inside(data)
    if inside is not None:
        return inside
    folder = data if data.is_dir() else data.parent
    for name in SETS["val"]:
        beside = folder.resolve().parent / name
        if (beside / IMAGES).is_dir() and beside != folder.resolve():
            logger.info(f"validating on {beside}")
            return (folder, None), (beside, None)
    hint = hint_at_others(data) if find_data_yaml(folder) is None else ""
    raise InputError(
        f"{data}: does not say what to validate on; expected sets `train` and `val` in it, a set `val` beside it, or"
        f" --val DATA{hint}"
    )


def _place_of(given: Path, subset: str) -> SetPlace:
    """A set that somebody gave; of a YAML file that lists several, the one that is meant."""
    if given.is_dir():
        return given, None
    entries = read_data_yaml(given).entries
    alone = entries.get("train") == entries.get("val")
    return (given.parent, None) if alone or subset not in entries else (given, subset)


def build_start(settings: Detector, labelled: LabelledImages, channels: int, start: Path | None) -> Network:
    """Build a network and give it its start weights and anchors.

    Args:
        settings: Network, seed, whether to fit anchors.
        labelled: Training set: classes, and boxes to fit anchors to.
        channels: Channels of its images.
        start: Weights file, or checkpoint of upstream's YOLOv5; None starts anew.

    Raises:
        InputError: The file holds no weights of this network.
    """
    anchors = settings.hyperparameters.anchors
    if start is None and settings.weights == "coco":
        logger.info("note: no start weights were given; starting anew (settings: weights=scratch)")
    network = build_network(
        settings.model,
        channels,
        len(labelled.class_names),
        anchors=None if anchors is None else round(anchors),
        seed=settings.seed,
    )
    if start is not None:
        header, state, _ = read_any_weights(start)
        if header.model != settings.model:
            raise InputError(
                f"{start}: holds weights of {header.model}; expected those of {settings.model}, or model={header.model}"
            )
        if anchors is not None:
            state = {name: value for name, value in state.items() if not name.endswith(".anchors")}
        left_out = initialise(network, state, str(start))
        logger.info(f"start weights: {start}" + (f"; initialised anew: {', '.join(left_out)}" if left_out else ""))
    if settings.autoanchor:
        head = network.head
        strides = head.stride.view(-1, 1, 1)
        fitted = check_anchors(
            labelled,
            (head.anchors * strides).numpy(),
            settings.image_size,
            settings.hyperparameters.anchor_t,
            settings.seed,
        )
        if fitted is not None:
            head.anchors.copy_(torch.from_numpy(fitted) / strides)
    return network
