"""Read a training job from paths and options: network, data and initial weights."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from uncover.config.detectors import MAP_INPUTS, UPSTREAM, Detector, Hyperparameters, Input
from uncover.config.finetune import TunedDetector
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
"""Folder of a data set, or its YAML file with the entry to use if it has several."""


@dataclass(frozen=True)
class Job:
    """A training.

    Attributes:
        training: Labelled photos or heatmaps to train on.
        validation: Those used for early stopping and the choice of the best epoch.
        settings: Network and recipe.
        start: Weights file or checkpoint of upstream YOLOv5 to start from; None trains from scratch.
        channels: Channels of the images.
        padding: Value around letterboxed images.
        input: Input of the network. For heatmaps, the sets have the photos' labels and sizes, and paths of heatmaps.
        maps: Settings of the heatmaps, from the manifest of the training set; None for photos.
        maps_digest: Digest of the manifests of both sets.
        frames: For picked frames, the number of reviewed ones, from `summary.json` of the data set.
        composed: Sources of composed training images; `training` has the photos of it.
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
        """Everything that changes the result; a training is resumed only from a state of the same identity."""
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
        data: A data set; a folder with the sets `train` and `val` (or `valid`); or the YAML file that lists both.
        val: Data set to validate on.
        pairs: Settings as `key=value`.
        start: Initial weights.
        hyperparameters: Record of an evolution's best generation; uses its hyperparameters.
        channels: Channels of the images; None uses those of the input.
        padding: Value around letterboxed images; None uses grey for photos and 0 for heatmaps.
        heatmaps: Folder with the heatmap sets `train` and `val` of the same photos, or one heatmap set of all photos.
        input: Input of the network.
        chosen: Names of the classes to train on; for a whole-face detector, of those that are faces.
        settings: Checked settings, which replace `pairs`.

    Raises:
        InputError: A set is missing, empty or damaged, a setting is unknown, or options contradict each other.
    """
    if start is not None and not start.is_file():
        raise InputError(f"{start}: no such file; {EXPECTED}")
    settings = settings or _read_settings(pairs, hyperparameters, start)
    if settings.freeze and start is None:
        raise InputError(f"freeze={settings.freeze}: frozen layers require initial weights; pass --weights WEIGHTS")
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
    # Each error names its set; a set with several problems has already printed them.
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
        validation: Data sets to validate on, such as the folders `test`.
        pairs: Settings as `key=value`.
        start: Initial weights.
        covers: Folder of images with an alpha channel to put on faces.

    Raises:
        InputError: A folder is missing or damaged, a setting is unknown, or a source of composed images is missing.
    """
    if start is not None and not start.is_file():
        raise InputError(f"{start}: no such file; {EXPECTED}")
    settings = check_section(ComposedDetector, read_pairs(pairs), "--set")
    composed = ComposedImages.read(photos, covers, settings.composed)
    return Job(composed.labelled, read_joined(validation), settings, start, composed=composed)


def _read_settings(pairs: Sequence[str], hyperparameters: Path | None, start: Path | None) -> Detector:
    values = read_pairs(pairs)
    model = None if start is None else read_any_weights(start, tell=False)[0].model
    if model is not None and "model" not in values:
        values["model"] = model
        logger.info(f"network: {model}, as in {start}")
    # The pretrained networks cannot start from scratch, so only initial weights select them.
    settings = check_section(Detector if model is None or model in UPSTREAM else TunedDetector, values, "--set")
    if hyperparameters is None:
        return settings
    from uncover.tables import read_summary

    evolved = read_summary(hyperparameters, ("hyperparameters",), "evolution_history")["hyperparameters"]
    checked = check_section(Hyperparameters, evolved, str(hyperparameters))
    return settings.model_copy(update={"hyperparameters": checked})


def _read_maps(heatmaps: Path | None, input: Input, one_folder: bool) -> list[MapSet]:
    """The heatmap sets to train and to validate on; none for photos.

    If one data set has all photos, one heatmap set may have all heatmaps.
    """
    if input not in MAP_INPUTS:
        if heatmaps is not None:
            raise InputError(f"--heatmaps {heatmaps}: --input {input} uses no heatmaps; pass --input joint or classes")
        return []
    if heatmaps is None:
        raise InputError(
            f"--input {input}: requires heatmaps; pass --heatmaps DIR, a folder with the sets train and val, or one set"
            "  of all photos"
        )
    whole = one_folder and (heatmaps / MANIFEST).is_file()
    maps = [read_map_set(heatmaps if whole else heatmaps / name) for name in ("train", "val")]
    check_alike(maps)
    return maps


def _channels(input: Input, asked: int | None, maps: Sequence[MapSet]) -> int:
    """Number of input channels of the network."""
    if input == "photo":
        return COLOURS if asked is None else asked
    channels = len(maps[0].settings["class_names"]) if input == "classes" else 1
    if asked not in (None, channels):
        raise InputError(f"--channels {asked}: --input {input} has {channels} channels; remove the option")
    return channels


def find_inside(data: Path) -> tuple[SetPlace, SetPlace] | None:
    """The sets to train and to validate on if a folder or a YAML file has both, otherwise None."""
    path = data if data.is_file() else find_data_yaml(data, above=False)
    entries = read_data_yaml(path).entries if path is not None else {}
    if {"train", "val"} <= entries.keys() and entries["train"] != entries["val"]:
        return (data, "train"), (data, "val")
    if (data / "train" / IMAGES).is_dir():
        validating = next((data / name for name in SETS["val"] if (data / name / IMAGES).is_dir()), None)
        return None if validating is None else ((data / "train", None), (validating, None))
    return None


def _find_sets(data: Path, val: Path | None) -> tuple[SetPlace, SetPlace]:
    """Folder or YAML file, with the entry to use, of the sets to train and to validate on."""
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
        f"{data}: no validation set; expected sets `train` and `val` in it, a set `val` next to it, or --val DATA{hint}"
    )


def _place_of(given: Path, subset: str) -> SetPlace:
    """A given set; of a YAML file that lists several, the entry for this subset."""
    if given.is_dir():
        return given, None
    entries = read_data_yaml(given).entries
    alone = entries.get("train") == entries.get("val")
    return (given.parent, None) if alone or subset not in entries else (given, subset)


def build_start(settings: Detector, labelled: LabelledImages, channels: int, start: Path | None) -> Network:
    """Build a network with its initial weights and anchors.

    Args:
        settings: Network, seed, whether to fit anchors.
        labelled: Training set: classes, and boxes to fit anchors to.
        channels: Channels of its images.
        start: Weights file or checkpoint of upstream YOLOv5; None initialises the network.

    Raises:
        InputError: The file has no weights of this network.
    """
    anchors = settings.hyperparameters.anchors
    if start is None and settings.weights == "coco":
        logger.info("note: no initial weights given; training from scratch (weights=scratch)")
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
                f"{start}: has weights of {header.model}, not of {settings.model}; pass other weights, or --set"
                f" model={header.model}"
            )
        if anchors is not None:
            state = {name: value for name, value in state.items() if not name.endswith(".anchors")}
        left_out = initialise(network, state, str(start))
        logger.info(f"initial weights: {start}" + (f"; newly initialised: {', '.join(left_out)}" if left_out else ""))
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
