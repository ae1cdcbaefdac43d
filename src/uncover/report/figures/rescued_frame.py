"""Figure 21: a missed frame of Hand Over Face, both joint maps of it, and what is found in them (section 4.5.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.datasets.photos import read_upright_rgb
from uncover.datasets.records import read_table
from uncover.errors import InputError
from uncover.heatmaps.export import overlay
from uncover.images.maps import read_maps
from uncover.images.render import render
from uncover.metrics.alike import Alike
from uncover.metrics.predictions import CORNERS, Predictions, read_predictions
from uncover.parts.classes import WHOLE_FACE
from uncover.report.figures.style import new_figure
from uncover.report.models import METHOD_TITLES
from uncover.report.registry import figure
from uncover.rescue.missed import check_same_images, read_missed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METHODS = ("gradcampp", "hirescam")
WIDTH = 7.2
"""Of the figure, in inches."""

HIGHEST = 6.0
"""Of the figure, in inches: a frame may be upright."""

BOX = "#56B4E9"
"""Stands out from the maps' colours, from grey, and to colour-blind readers."""


@figure(
    "figure_21",
    "21: a missed frame and its heatmaps",
    caption="A frame of Hand Over Face in which the ten-part RGB detector found no face, its two joint heatmaps, and"
    " what the averaged-map detectors find in them.\n"
    "Chosen is the frame that both are surest of; where there is none, one that a single detector or none finds.",
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
    },
)
def draw_rescued_frame(
    missed: Path,
    predictions: tuple[Path, Path],
    heatmaps: tuple[Path, Path],
    dataset: Path,
    confidence: float = 0.4,
) -> Figure:
    """Draw figure 21 from files.

    Args:
        missed: Table of `uncover missed` of Hand Over Face.
        predictions: On the same frames, in folders named gradcampp_avg and hirescam_avg.
        heatmaps: Folders of the frames' heatmaps, in folders named gradcampp and hirescam.
        dataset: Folder of the frames' data set.
        confidence: Lowest confidence of a detection.

    Raises:
        InputError: A file is not what it should be, or predictions were not made alike.
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
        return no_frame(f"No missed frame of {dataset.name} has a heatmap of both kinds.")
    photo = read_upright_rgb(dataset / "images" / chosen)
    panels = []
    for method in METHODS:
        manifest = read_table(folders[method] / "manifest.parquet", ("image", "file"), "heatmaps")
        file = manifest.loc[manifest["image"] == chosen, "file"]
        if file.empty:
            raise InputError(f"{folders[method]}: no heatmap of {chosen}; make it with 'uncover heatmaps'")
        stored = read_maps(folders[method] / "joint" / file.iloc[0], 1)
        own = boxes[method]
        panels.append((METHOD_TITLES[method], render(stored, "original")[0], own[own["image"] == chosen]))
    return rescued_frame(photo, panels, confidence)


def choose_frame(frames: pd.DataFrame, boxes: Mapping[str, pd.DataFrame]) -> str | None:
    """Name of the missed frame that shows most: found in both maps, or in one, or in none, and the surer the better.

    Args:
        frames: As `read_missed` returns them.
        boxes: Detections (image, confidence) by method.

    Returns:
        The one whose less sure detection is surest; None where no missed frame has both maps.
    """
    fitting = frames["missed"] & frames[[f"{method}:joint" for method in boxes]].all(axis=1)
    table = pd.DataFrame({"image": frames.loc[fitting, "image"]})
    best = {method: own.groupby("image")["confidence"].max() for method, own in boxes.items()}
    sure = pd.DataFrame({method: table["image"].map(own) for method, own in best.items()}).astype(np.float64)
    table = table.assign(found=sure.notna().sum(axis=1), lowest=sure.min(axis=1).fillna(0))
    ordered = table.sort_values(["found", "lowest", "image"], ascending=[False, False, True])
    return None if ordered.empty else str(ordered["image"].iloc[0])


def rescued_frame(
    photo: NDArray[np.uint8], panels: Sequence[tuple[str, NDArray[np.uint8], pd.DataFrame]], confidence: float
) -> Figure:
    """Draw the frame, and beside it each map over it with the boxes found in the map.

    Args:
        photo: uint8 (H, W, 3), RGB.
        panels: Title, uint8 (H, W) map, and boxes (confidence, x1 y1 x2 y2 in pixels of the frame) of each method.
        confidence: Lowest of a detection.
    """
    high = WIDTH / (1 + len(panels)) * photo.shape[0] / photo.shape[1] + 0.45
    figure = new_figure(WIDTH, min(high, HIGHEST))
    first, *others = np.ravel(figure.subplots(1, 1 + len(panels), squeeze=False))
    _show(first, photo, "frame")
    for axes, (title, heat, boxes) in zip(others, panels, strict=True):
        # Short, so that the titles of neighbours do not meet.
        found = f"{len(boxes)} found" if len(boxes) else f"none from {confidence:g} on"
        _show(axes, overlay(photo, heat), f"{title}: {found}")
        for x1, y1, x2, y2 in boxes[list(CORNERS)].itertuples(index=False):
            axes.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], color="black", linewidth=3)
            axes.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], color=BOX, linewidth=1.5)
        for sure, x1, y1 in boxes[["confidence", "x1", "y1"]].itertuples(index=False):
            axes.text(
                max(x1, 0), max(y1, 0), f"{sure:.2f}", fontsize=8, color="black", va="top", clip_on=True,
                bbox={"facecolor": BOX, "edgecolor": "none", "pad": 1},
            )  # fmt: skip
    return figure


def no_frame(why: str) -> Figure:
    """A figure that says why there is none."""
    figure = new_figure(WIDTH, 1.2)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(0.5, 0.5, why, ha="center", va="center")
    return figure


def _show(axes: Axes, image: NDArray[np.uint8], title: str) -> None:
    axes.imshow(image)
    axes.set_title(title, fontsize=8)
    axes.set_xlim(-0.5, image.shape[1] - 0.5)
    axes.set_ylim(image.shape[0] - 0.5, -0.5)
    axes.set_axis_off()


def _named(paths: Sequence[Path], name: str) -> Path:
    """The path that stands in a folder of this name."""
    named = [path for path in paths if path.absolute().parent.name == name]
    if len(named) != 1:
        raise InputError(f"{', '.join(map(str, paths))}: expected one path in a folder named {name}")
    return named[0]


def _sure(predictions: Predictions, confidence: float) -> pd.DataFrame:
    """Whole faces that are sure enough; both sides in single precision, in which confidences are stored."""
    boxes = predictions.boxes
    sure = boxes["confidence"].to_numpy(np.float32) >= np.float32(confidence)
    return boxes[sure & (boxes["class_id"] == WHOLE_FACE).to_numpy()]
