"""Proposals of all strategies on sets, stored like the predictions of a detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.errors import InputError
from uncover.images.map_sets import JointMaps, MapSet, read_map_set
from uncover.metrics.predictions import (
    CAP,
    IMAGE_SIZE,
    MOST_BOXES,
    NMS_IOU,
    PRECISION,
    Alike,
    Predictions,
    read_predictions,
    write_predictions,
)
from uncover.rescue.evidence import Anatomy, Evidence, learn_anatomy
from uncover.rescue.methods import by_set
from uncover.rescue.strategies import STRATEGIES


def write_proposals(
    out: Path,
    train: Path,
    rgb10: Sequence[Path],
    rgb1: Sequence[Path],
    scales: Sequence[Path] = (),
    nms_iou: float | None = None,
    heatmaps: Path | None = None,
) -> dict[str, list[str]]:
    """Write `<strategy>/<set>.parquet` for every strategy and set.

    Args:
        out: Folder of predictions, which may have others.
        train: Training data set, whose true boxes give the anatomy.
        rgb10: Predictions `<set>.parquet` of the ten-part detector.
        rgb1: Predictions of the whole-face detector, on the same sets.
        scales: Folders with predictions of each set at further input sizes; strategies that need them are skipped if
            there are none.
        nms_iou: IoU above which a proposed box of lower confidence is dropped; None uses that of the predictions, which
            it must equal.
        heatmaps: Folder with a heatmap set `<set>/` of each set; strategies that need heatmaps are skipped without it.

    Returns:
        Written sets, by strategy.

    Raises:
        InputError: A file is missing or not valid, or files are of different images or have different settings.
    """
    sets, others = by_set(rgb10, "--rgb10"), by_set(rgb1, "--rgb1")
    if sets.keys() != others.keys():
        lacking = sorted(sets.keys() ^ others.keys())[0]
        raise InputError(f"{lacking}.parquet: given for only one of --rgb10 and --rgb1; pass the same sets for both")
    for folder in scales:
        if not folder.is_dir():
            raise InputError(f"{folder}: not a folder; expected one with predictions <set>.parquet")
    if len({folder.absolute().name for folder in scales}) < len(scales):
        raise InputError(f"--scales {' '.join(map(str, scales))}: two folders with the same name; pass each scale once")
    if heatmaps is not None and not heatmaps.is_dir():
        raise InputError(f"{heatmaps}: not a folder; expected one with a heatmap set <set>/ of each set")
    anatomy = learn_anatomy(train)
    written: dict[str, list[str]] = {name: [] for name in STRATEGIES}
    alike = Alike()
    for name, path in sets.items():
        evidence = _evidence(path, others[name], [folder / path.name for folder in scales], anatomy, nms_iou, alike)
        recipe: Mapping[str, Any] | None = None
        if heatmaps is not None:
            maps = read_map_set(heatmaps / name)
            _check_covers(maps, evidence.images, path)
            evidence, recipe = replace(evidence, maps=JointMaps(maps)), maps.recipe
        for strategy, proposals in propose_all(evidence, recipe).items():
            write_predictions(out / strategy / path.name, proposals)
            written[strategy].append(name)
    return written


def propose_all(evidence: Evidence, heatmaps: Mapping[str, Any] | None = None) -> dict[str, Predictions]:
    """Proposals by strategy; strategies that need missing input sizes or heatmaps are skipped.

    Args:
        evidence: Evidence on a set.
        heatmaps: Settings of its heatmaps, for the record.
    """
    able = [name for name, strategy in STRATEGIES.items() if strategy.can_propose(evidence)]
    return {name: _stored(name, evidence, heatmaps if STRATEGIES[name].needs_maps else None) for name in able}


def _stored(name: str, evidence: Evidence, heatmaps: Mapping[str, Any] | None) -> Predictions:
    inputs = {"rgb10": evidence.rgb10.settings, "rgb1": evidence.rgb1.settings}
    inputs |= {scale: predictions.settings for scale, predictions in evidence.scales.items()}
    settings: dict[str, Any] = {
        "model": name,
        "strategy": name,
        "classes": {str(WHOLE_FACE): CLASS_NAMES[WHOLE_FACE]},
        "nms_iou": evidence.nms_iou,
        CAP: MOST_BOXES,
        PRECISION: evidence.rgb10.settings.get(PRECISION),
        IMAGE_SIZE: {source: each.get(IMAGE_SIZE) for source, each in inputs.items()},
        "inputs": inputs,
    }
    if heatmaps is not None:
        settings["heatmaps"] = dict(heatmaps)
    boxes = STRATEGIES[name].propose(evidence).to_pandas(evidence.images["image"].tolist())
    return Predictions(boxes, evidence.images, settings)


def _evidence(
    rgb10: Path, rgb1: Path, scales: Sequence[Path], anatomy: Anatomy, nms_iou: float | None, alike: Alike
) -> Evidence:
    found = [read_predictions(path) for path in (rgb10, rgb1, *scales)]
    names = ["rgb10", "rgb1", *(path.absolute().parent.name for path in scales)]
    for name, path, predictions in zip(names, (rgb10, rgb1, *scales), found, strict=True):
        alike.add(path, predictions.settings, name)
    stored = float(found[0].settings[NMS_IOU])
    if nms_iou is not None and nms_iou != stored:
        raise InputError(
            f"--nms-iou {nms_iou}: {rgb10} was stored at {stored}; pass the same value, or leave out the option"
        )
    further = {path.absolute().parent.name: scaled for path, scaled in zip(scales, found[2:], strict=True)}
    try:
        return Evidence(found[0], found[1], anatomy, further, stored)
    except InputError as error:
        raise InputError(f"{rgb10}: {error}") from None


def _check_covers(maps: MapSet, images: pd.DataFrame, predictions: Path) -> None:
    """Check that a heatmap set has maps of these images; it may have more."""
    sizes = dict(zip(maps.table["image"], zip(maps.table["width"], maps.table["height"], strict=True), strict=True))
    for image, *size in images[["image", "width", "height"]].itertuples(index=False):
        own = sizes.get(image)
        if own != tuple(size):
            found = "no heatmaps" if own is None else f"heatmaps of {own[0]} x {own[1]} pixels"
            raise InputError(
                f"{maps.folder}: has {found} of image {image}, which is {size[0]} x {size[1]} in {predictions};"
                " make both from the same images"
            )
