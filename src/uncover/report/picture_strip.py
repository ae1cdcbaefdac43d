"""Example images at the top of the page: a missed photo that a heatmap detector rescued, and one that none rescued."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.cam.export import overlay
from uncover.data.parts import WHOLE_FACE
from uncover.data.photos import read_upright_rgb
from uncover.images.map_sets import MANIFEST
from uncover.images.maps import JOINT, read_maps, render
from uncover.images.privacy import are_left_out, has_patients, in_figure, left_out_words
from uncover.metrics.detections import box_iou
from uncover.metrics.predictions import CORNERS, Alike, read_predictions
from uncover.metrics.truth import read_truth
from uncover.report.rescue_names import SET_TITLES, method_title, set_title
from uncover.report.rescue_records import HEATMAPS, at_rate, ranked
from uncover.rescue.methods import Method
from uncover.rescue.missed import looked_at, read_missed
from uncover.rescue.trial_record import read_trial
from uncover.tables import read_table

SIDE = 360
"""Longest side of an image on the page, in pixels."""

QUALITY = 82
"""JPEG quality."""

NAMED = 3
"""Maximum number of methods named in a caption."""


@dataclass(frozen=True)
class StripParts:
    """Inputs of the example images, in addition to the trial.

    Attributes:
        datasets: Data sets, in folders named after their set.
        missed: Tables of `uncover missed` for these sets.
        predictions: Folder with <method>/<set>.parquet for all methods of the trial.
        heatmaps: Folder with the heatmaps, <kind>/<set>.
        methods: Methods as passed to `uncover rescue_trial`: a heatmap detector has no boxes for a blank heatmap.
        true_iou: Minimum IoU with a true face for a correct box.
        privacy: Value of `report.privacy`.
    """

    datasets: Sequence[Path]
    missed: Sequence[Path]
    predictions: Path
    heatmaps: Path
    methods: Sequence[Method]
    true_iou: float = 0.5
    privacy: str = "pixelate"


@dataclass(frozen=True)
class Rectangle:
    """A box on an image.

    Attributes:
        kind: "true" or the group of the method that found it.
        x: Left side, in pixels of the image.
        y: Top side, in pixels.
        width: Width, in pixels.
        height: Height, in pixels.
        label: Confidence; empty for a true face.
    """

    kind: str
    x: int
    y: int
    width: int
    height: int
    label: str = ""


@dataclass(frozen=True)
class Shot:
    """One image.

    Attributes:
        title: Title of two or three words.
        data: JPEG, base64.
        width: Pixels.
        height: Pixels.
        boxes: Boxes on the image.
    """

    title: str
    data: str = field(repr=False)
    width: int
    height: int
    boxes: tuple[Rectangle, ...] = ()


@dataclass(frozen=True)
class Case:
    """A missed photo, its heatmap and the detections.

    Attributes:
        title: Title of a few words.
        text: What was found, and by which methods.
        shots: Images, from left to right.
    """

    title: str
    text: str
    shots: tuple[Shot, ...]


@dataclass(frozen=True)
class Strip:
    """All example images.

    Attributes:
        cases: One or two photos.
        note: How the photos were chosen, and which sets are not shown.
    """

    cases: tuple[Case, ...]
    note: str


@dataclass(frozen=True)
class _Set:
    """A set with missed photos and the detections of all methods in them.

    Attributes:
        name: Name of the set.
        dataset: Folder of the set.
        rows: Rows of the trial, ranked by faces found.
        table: Table of missed photos.
        truth: float64 (N, 4) corners of the true whole faces, by photo.
        boxes: By method, then by photo: float64 (N, 5) corners and confidence of the whole-face boxes at or above the
            method's threshold, sorted by falling confidence.
    """

    name: str
    dataset: Path
    rows: pd.DataFrame
    table: pd.DataFrame
    truth: Mapping[str, NDArray[np.float64]]
    boxes: Mapping[str, Mapping[str, NDArray[np.float64]]]


def make_strip(trial: Path, parts: StripParts) -> Strip | None:
    """Choose the photos and make their images.

    Args:
        trial: rescue_trial.csv, which has the confidence threshold of each method.
        parts: Further inputs.

    Returns:
        The images, or None if there is no missed photo with a labelled face that may be shown.

    Raises:
        InputError: A file is not valid, or predictions were made with different settings.
    """
    rows = at_rate(read_trial(trial))
    lists = {path.stem: path for path in parts.missed}
    folders = {path.absolute().name: path for path in parts.datasets}
    names = [name for name in [*SET_TITLES, *sorted(folders.keys() - SET_TITLES.keys())] if name in folders]
    left_out = [name for name in names if are_left_out(parts.privacy) and has_patients(name)]
    wanted = [name for name in names if name in lists and name not in left_out and (rows["set"] == name).any()]
    alike = Alike()
    maps = {method.name: method.maps for method in parts.methods}
    photos: list[tuple[bool, bool, str, str]] = []
    sets = {}
    for name in wanted:
        own = _read_set(name, folders[name], lists[name], rows, parts, maps, alike)
        sets[name] = own
        thesis = own.rows.loc[own.rows["group"] == HEATMAPS, "method"]
        for image in own.table.loc[own.table["missed"] & own.table["image"].isin(list(own.truth)), "image"]:
            found = any(len(_hits(own, str(method), image, parts.true_iou)) for method in thesis)
            key = f"{name}/{image}"
            photos.append((not found, has_patients(name), hashlib.sha256(key.encode()).hexdigest(), key))
    photos.sort()
    # First photo of each outcome: public photos before those of patients, then in the order of a hash.
    first = {not_found: key for not_found, _, _, key in reversed(photos)}
    if not first:
        return None
    counts = {outcome: sum(not_found == outcome for not_found, *_ in photos) for outcome in (False, True)}
    cases = [
        _case(sets[first[outcome].partition("/")[0]], first[outcome].partition("/")[2], parts, maps)
        for outcome in sorted(first)
    ]
    note = (
        f"The thesis's four heatmap detectors found a face in {counts[False]} of {len(photos)} missed photos with a"
        f" labelled face, and none in {counts[True]}. One photo of each kind is shown, chosen by a hash of the file"
        " names, with public photos before frames of patients. The thresholds give all methods the same rate of false"
        " positives as in the chart."
    )
    if left_out:
        words = left_out_words([set_title(name) for name in left_out], parts.privacy)
        note += f" {words[:1].upper()}{words[1:]}."
    return Strip(tuple(cases), note)


def _read_set(
    name: str,
    dataset: Path,
    missed: Path,
    rows: pd.DataFrame,
    parts: StripParts,
    maps: Mapping[str, str | None],
    alike: Alike,
) -> _Set:
    own = ranked(rows[rows["set"] == name])
    table = read_missed(missed, sorted({each for each in maps.values() if each}))
    truth = read_truth(dataset, table[["image", "width", "height"]])
    boxes = {}
    for row in own.to_dict("records"):
        method = str(row["method"])
        path = parts.predictions / method / f"{name}.parquet"
        predictions = read_predictions(path)
        alike.add(path, predictions.settings, method)
        found = predictions.boxes
        # Stored confidences are float32, so compare in float32: a confidence equal to the threshold counts.
        sure = (found["class_id"] == WHOLE_FACE) & (found["confidence"] >= np.float32(row["confidence"]))
        looked = table.loc[looked_at(table, maps.get(method)), "image"]
        boxes[method] = _by_image(found[sure & found["image"].isin(looked)], [*CORNERS, "confidence"])
    return _Set(name, dataset, own, table, _by_image(truth[truth["class_id"] == WHOLE_FACE], CORNERS), boxes)


def _by_image(boxes: pd.DataFrame, columns: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    if "confidence" in columns:
        boxes = boxes.sort_values("confidence", ascending=False, kind="stable")
    return {str(name): own[list(columns)].to_numpy(np.float64) for name, own in boxes.groupby("image", sort=False)}


def _hits(own: _Set, method: str, image: str, true_iou: float) -> NDArray[np.float64]:
    """Boxes of a method that match a true face of a photo: float64 (N, 5), sorted by falling confidence."""
    boxes = own.boxes[method].get(image, np.zeros((0, 5)))
    # Single precision, as in the trial.
    iou = box_iou(own.truth[image], boxes[:, :4]).astype(np.float32)
    return boxes[iou.max(axis=0, initial=0) >= np.float32(true_iou)]


def _case(own: _Set, image: str, parts: StripParts, maps: Mapping[str, str | None]) -> Case:
    """Images of a photo. Shows the box of the best heatmap detector of the set that found the face."""
    found = [str(row["method"]) for row in own.rows.to_dict("records")]
    found = [method for method in found if len(_hits(own, method, image, parts.true_iou))]
    groups = {str(row["method"]): str(row["group"]) for row in own.rows.to_dict("records")}
    thesis = [method for method, group in groups.items() if group == HEATMAPS]
    rescuers = [method for method in found if method in thesis]
    shown_one = next(iter([*rescuers, *found]), None)
    mapped = next(iter([*rescuers, *thesis]), None)
    truth = own.truth[image]
    drawn = _hits(own, shown_one, image, parts.true_iou)[:1] if shown_one else np.zeros((0, 5))
    photo = read_upright_rgb(own.dataset / "images" / image)
    heat = _heat(parts.heatmaps, maps.get(mapped) if mapped else None, own.name, image)
    photo = in_figure(photo, np.concatenate([truth, drawn[:, :4]]), parts.privacy, has_patients(own.name))
    true = [("true", corners, "") for corners in truth]
    shots = [_shot("missed photo", photo, true)]
    if heat is not None and mapped is not None:
        kind = method_title(mapped).partition(" (")[0]
        shots.append(_shot(f"{kind} heatmap" if heat.any() else f"{kind} heatmap: blank", overlay(photo, heat), []))
    boxes = [(groups[str(shown_one)], box[:4], f"{box[4]:.2f}") for box in drawn]
    title = "nothing found" if shown_one is None else method_title(shown_one)
    shots.append(_shot(title, photo, [*true, *boxes]))
    others = [method_title(method) for method in found if method != shown_one]
    if len(others) > NAMED + 1:
        others = [*others[:NAMED], f"{len(others) - NAMED} more"]
    also = f" Also found by {_listed(others)}." if others else " No other method found it."
    where = set_title(own.name)
    if rescuers:
        return Case("Rescued from its heatmap", f"{where}: {title} found the face.{also}", tuple(shots))
    if shown_one is not None:
        text = f"{where}: none of the thesis's four found the face, but {title} did.{also if others else ''}"
        return Case("Not rescued from its heatmap", text, tuple(shots))
    return Case("Not rescued", f"{where}: no method found the face.", tuple(shots))


def _heat(folder: Path, maps: str | None, name: str, image: str) -> NDArray[np.uint8] | None:
    """Joint heatmap at photo size, blank if there was nothing to explain; None if the method uses no heatmap."""
    if maps is None:
        return None
    own = folder / maps.partition(":")[0] / name
    manifest = read_table(own / MANIFEST, ("image", "file"), "heatmaps")
    files = manifest.loc[manifest["image"] == image, "file"]
    if files.empty or not (own / JOINT / str(files.iloc[0])).is_file():
        return None
    return render(read_maps(own / JOINT / str(files.iloc[0]), 1), "original")[0]


def _shot(title: str, image: NDArray[np.uint8], boxes: Sequence[tuple[str, NDArray[np.float64], str]]) -> Shot:
    from PIL import Image

    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(width, height))
    size = max(1, round(scale * width)), max(1, round(scale * height))
    target = io.BytesIO()
    Image.fromarray(image).resize(size, Image.Resampling.LANCZOS).save(target, "JPEG", quality=QUALITY)
    rectangles = []
    for kind, corners, label in boxes:
        x1, y1, x2, y2 = np.clip(corners * scale, 1, [size[0] - 1, size[1] - 1] * 2).round().astype(int).tolist()
        rectangles.append(Rectangle(kind, x1, y1, x2 - x1, y2 - y1, label))
    return Shot(title, base64.b64encode(target.getvalue()).decode("ascii"), *size, tuple(rectangles))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
