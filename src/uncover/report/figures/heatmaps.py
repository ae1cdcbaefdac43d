"""Figures of heatmaps: 21 (a missed frame) and 26 (a training photo), each with its heatmaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.cam.export import overlay
from uncover.config.catalogue import FigurePrivacy
from uncover.data.parts import WHOLE_FACE
from uncover.data.photos import read_upright_rgb
from uncover.data.sets import read_kept_boxes, read_manifest
from uncover.errors import InputError
from uncover.images.maps import read_maps, render
from uncover.images.privacy import are_left_out, in_figure, left_out_words, may_show_patients
from uncover.metrics.predictions import CORNERS, Alike, Predictions, read_predictions
from uncover.report.figures.photos import KEY, draw_box, key_of_maps, photo_rows, title_photo, write_confidence
from uncover.report.figures.style import FOUND, not_run
from uncover.report.registry import figure
from uncover.report.titles import METHOD_TITLES
from uncover.rescue.missed import check_same_images, read_missed
from uncover.tables import read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

USUAL_LAYERS = [-2]
"""Layers of the thesis; the title names any other layers."""

ROOM = 0.25
"""Margin on each side of the chosen face, in face sizes, so that wrong activations beside it are visible."""

TITLE, FOOT = 0.22, 0.08
"""Space for the title of a photo, and below all photos, in inches."""


@figure(
    "figure_26",
    "26: a photo and its heatmaps",
    caption="A training photo, and its joint heatmaps of all detected classes as overlays: the brighter the colour, the"
    " more the pixels contribute to the detections.\n"
    "Unless the config names a photo, it is one with a single face whose joint heatmaps are not brighter beside the"
    " face than on it, with a large share of the face and its parts detected.",
    inputs=lambda run: {
        "manifests": run.heatmaps(run.shown_heatmap_kinds, ["train"]),
        "boxes": run.paths.dataset("train").boxes,
    },
    options=lambda run: {
        "heatmaps": [run.paths.heatmaps(kind, "train") for kind in run.shown_heatmap_kinds],
        "dataset": run.paths.dataset("train"),
        "photo": run.config.report.figure_26_photo,
        "privacy": run.config.report.privacy,
    },
)
def draw_heatmap_overlays(
    heatmaps: Sequence[Path], dataset: Path, photo: str | None = None, privacy: FigurePrivacy = "pixelate"
) -> Figure:
    """Draw figure 26 from files.

    Args:
        heatmaps: Folders of `uncover heatmaps` for the data set, one for each panel.
        dataset: Data set of the photo.
        photo: Id of the photo to show; chosen automatically if empty.
        privacy: Treatment of photos of patients, as `report.privacy`; if shown, they are pixelated completely.

    Raises:
        InputError: A file is not valid, there is no such photo, or a photo has no heatmap.
    """
    photos = read_manifest(dataset / "manifest.parquet")
    photos = photos.assign(name=photos["image"].str.removeprefix("images/"))
    explained = [
        read_table(folder / "manifest.parquet", ("image", "file", "detections", "inverted"), "heatmaps")
        for folder in heatmaps
    ]
    for folder, table in zip(heatmaps, explained, strict=True):
        if not set(photos["name"]) <= set(table["image"]):
            raise InputError(f"{folder}: lacks heatmaps of photos of {dataset}; run 'uncover heatmaps'")
    if photo is None:
        public = photos[~photos["source"].map(may_show_patients)]
        name = choose_photo(photos if public.empty else public, read_kept_boxes(dataset / "boxes.parquet"), explained)
    elif (photos["photo"] == photo).any():
        name = photos.loc[photos["photo"] == photo, "name"].iloc[0]
    else:
        raise InputError(f"{dataset}: no photo '{photo}'; set report.figure_26_photo to another id")
    patients = may_show_patients(str(photos.loc[photos["name"] == name, "source"].iloc[0]))
    if patients and are_left_out(privacy):
        return not_run("a photo and its heatmaps", left_out_words([dataset.name], privacy))
    heats = []
    for folder, table in zip(heatmaps, explained, strict=True):
        stored = read_maps(folder / "joint" / table.loc[table["image"] == name, "file"].iloc[0], 1)
        heats.append((_title(stored.about), render(stored, "original")[0]))
    image = in_figure(read_upright_rgb(dataset / "images" / name), np.empty((0, 4)), privacy, patients)
    return heatmap_overlays(image, heats, len(photos))


def choose_photo(photos: pd.DataFrame, boxes: pd.DataFrame, explained: Sequence[pd.DataFrame]) -> str:
    """Name of the image that shows heatmaps best: one large face, most of it detected, with space around it.

    Its joint heatmaps exist and are not inverted, like nearly all; the lint table counts the others.

    Args:
        photos: Manifest of the data set, with the `name` of each image.
        boxes: Kept boxes of the data set.
        explained: Manifests of its heatmaps.
    """
    whole = boxes[boxes["class_id"] == WHOLE_FACE].drop_duplicates(["source", "photo"])
    sides = whole[["source", "photo", "x1", "y1", "x2", "y2"]]
    table = photos.merge(sides, on=["source", "photo"], how="left").set_index("name")
    wide, high = table["x2"] - table["x1"], table["y2"] - table["y1"]
    left, right = table["x1"], table["width"] - table["x2"]
    above, below = table["y1"], table["height"] - table["y2"]
    maps = [each.set_index("image").loc[table.index] for each in explained]
    found = np.stack(maps[0]["detections"].to_list())
    # False, that is, neither true (inverted) nor missing (blank).
    usual = [each["inverted"].str[-1].eq(False) for each in maps]
    table = table.assign(
        fits=np.all(usual, axis=0) & (found[:, WHOLE_FACE] == 1) & (table["faces"] == 1),
        room=(np.minimum(left, right) > ROOM * wide) & (np.minimum(above, below) > ROOM * high),
        classes=(found > 0).sum(1),
        share=wide * high / table[["width", "height"]].max(axis=1) ** 2,
    )
    order = ["fits", "room", "classes", "share", "name"]
    return str(table.reset_index().sort_values(order, ascending=[False] * 4 + [True])["name"].iloc[0])


def heatmap_overlays(photo: NDArray[np.uint8], heats: Sequence[tuple[str, NDArray[np.uint8]]], count: int) -> Figure:
    """Draw the photo, and each heatmap over it.

    Args:
        photo: uint8 (H, W, 3), RGB.
        heats: Title and uint8 (H, W) map of each panel.
        count: Number of photos it was chosen from.
    """
    row = [photo, *(overlay(photo, heat) for _, heat in heats)]
    figure, (axes,) = photo_rows([row], [TITLE], FOOT, KEY)
    titles = [f"photo (1 of n = {count:,})", *(title for title, _ in heats)]
    for each, title in zip(axes, titles, strict=True):
        title_photo(each, title)
    key_of_maps(figure, axes[-1])
    return figure


def _title(about: Mapping[str, Any]) -> str:
    title = METHOD_TITLES.get(about["method"], about["method"])
    return title if about["layers"] == USUAL_LAYERS else f"{title}, layers {', '.join(map(str, about['layers']))}"


METHODS = ("gradcampp", "hirescam")


@figure(
    "figure_21",
    "21: a missed frame and its heatmaps",
    caption="A frame of Hand Over Face in which the ten-part RGB detector found no face, its two joint heatmaps, and"
    " the detections of the avg heatmap detectors.\n"
    "The frame is the one that both detectors find with the highest confidence; if there is none, one that a single"
    " detector finds, or none.",
    inputs=lambda run: (
        {
            "missed": run.paths.missed("hof"),
            "predictions": run.predictions([f"{method}_avg" for method in METHODS], ["hof"]),
            "manifests": run.heatmaps(METHODS, ["hof"]),
        }
        if "hof" in run.frame_sets and run.heatmap_kinds.keys() >= set(METHODS)
        else None
    ),
    options=lambda run: {
        "heatmaps": [run.paths.heatmaps(method, "hof") for method in METHODS],
        "dataset": run.paths.dataset("hof"),
        "confidence": run.config.rescue.missed_confidence,
        "privacy": run.config.report.privacy,
    },
)
def draw_rescued_frame(
    missed: Path,
    predictions: tuple[Path, Path],
    heatmaps: tuple[Path, Path],
    dataset: Path,
    confidence: float = 0.4,
    privacy: FigurePrivacy = "pixelate",
) -> Figure:
    """Draw figure 21 from files.

        missed: Table of `uncover missed` of Hand Over Face.
        predictions: Predictions on the same frames, in folders named gradcampp_avg and hirescam_avg.
        heatmaps: Heatmaps of the frames, in folders named gradcampp and hirescam.
        dataset: Folder of the frames' data set.
        confidence: Confidence threshold.
        privacy: Hides the photo if it is hide-all; other values have no effect, as Hand Over Face shows no patients.

    Raises:
        InputError: A file is not valid, or predictions were made with different settings.
    """
    folders = {method: _named(heatmaps, method) for method in METHODS}
    frames = read_missed(missed, [f"{method}:joint" for method in METHODS])
    boxes, alike = {}, Alike()
    for method in METHODS:
        path = _named(predictions, f"{method}_avg")
        found = read_predictions(path)
        alike.add(path, found.settings, method)
        check_same_images(path, found.images["image"], frames["image"], missed)
        boxes[method] = _sure(found, confidence)
    chosen = choose_frame(frames, boxes)
    if chosen is None:
        return not_run(
            "a missed frame and its heatmaps", f"no missed frame of {dataset.name} has a heatmap of both kinds"
        )
    photo = read_upright_rgb(dataset / "images" / chosen)
    panels = []
    for method in METHODS:
        manifest = read_table(folders[method] / "manifest.parquet", ("image", "file"), "heatmaps")
        file = manifest.loc[manifest["image"] == chosen, "file"]
        if file.empty:
            raise InputError(f"{folders[method]}: no heatmap of {chosen}; run 'uncover heatmaps'")
        stored = read_maps(folders[method] / "joint" / file.iloc[0], 1)
        own = boxes[method]
        panels.append((METHOD_TITLES[method], render(stored, "original")[0], own[own["image"] == chosen]))
    photo = in_figure(photo, np.empty((0, 4)), privacy, patients=False)
    return rescued_frame(photo, panels, confidence, int(frames["missed"].sum()))


def choose_frame(frames: pd.DataFrame, boxes: Mapping[str, pd.DataFrame]) -> str | None:
    """Name of the missed frame to show: found in both maps, or in one, or in none; then by confidence.

    Args:
        frames: As `read_missed` returns them.
        boxes: Detections (image, confidence) by method.

    Returns:
        The frame whose lower confidence is highest; None if no missed frame has both maps.
    """
    fitting = frames["missed"] & frames[[f"{method}:joint" for method in boxes]].all(axis=1)
    table = pd.DataFrame({"image": frames.loc[fitting, "image"]})
    best = {method: own.groupby("image")["confidence"].max() for method, own in boxes.items()}
    sure = pd.DataFrame({method: table["image"].map(own) for method, own in best.items()}).astype(np.float64)
    table = table.assign(found=sure.notna().sum(axis=1), lowest=sure.min(axis=1).fillna(0))
    ordered = table.sort_values(["found", "lowest", "image"], ascending=[False, False, True])
    return None if ordered.empty else str(ordered["image"].iloc[0])


def rescued_frame(
    photo: NDArray[np.uint8],
    panels: Sequence[tuple[str, NDArray[np.uint8], pd.DataFrame]],
    confidence: float,
    count: int,
) -> Figure:
    """Draw the frame, and each heatmap over it with the boxes found in it.

    Args:
        photo: uint8 (H, W, 3), RGB.
        panels: Title, uint8 (H, W) map, and boxes (confidence, x1 y1 x2 y2 in pixels of the frame) of each method.
        confidence: Confidence threshold.
        count: Number of missed frames it was chosen from.
    """
    row = [photo, *(overlay(photo, heat) for _, heat, _ in panels)]
    figure, ((first, *others),) = photo_rows([row], [TITLE], FOOT, KEY)
    title_photo(first, f"missed frame (1 of n = {count:,})")
    for axes, (title, _, boxes) in zip(others, panels, strict=True):
        # Short, so that neighbouring titles do not overlap.
        found = f"{len(boxes)} found" if len(boxes) else f"none at {confidence:g}"
        title_photo(axes, f"{title}: {found}")
        for box, sure in zip(boxes[list(CORNERS)].to_numpy(), boxes["confidence"], strict=True):
            draw_box(axes, box, FOUND, 1.6)
            write_confidence(axes, box, sure, FOUND)
    key_of_maps(figure, others[-1])
    return figure


def _named(paths: Sequence[Path], name: str) -> Path:
    """The path in a folder of this name."""
    named = [path for path in paths if path.absolute().parent.name == name]
    if len(named) != 1:
        raise InputError(f"{', '.join(map(str, paths))}: expected one path in a folder named {name}")
    return named[0]


def _sure(predictions: Predictions, confidence: float) -> pd.DataFrame:
    """Whole-face boxes at or above the threshold, compared in single precision, in which confidences are stored."""
    boxes = predictions.boxes
    sure = boxes["confidence"].to_numpy(np.float32) >= np.float32(confidence)
    return boxes[sure & (boxes["class_id"] == WHOLE_FACE).to_numpy()]
