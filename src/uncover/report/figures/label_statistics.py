"""Figure 16: labels of the training set: counts, boxes, centres and sizes (thesis section 4.3)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from uncover.datasets.boxes_table import read_kept_boxes
from uncover.datasets.manifest import read_manifest
from uncover.parts.classes import CLASS_NAMES
from uncover.report.figures.style import PART_COLOURS, new_figure
from uncover.report.registry import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BOXES = 1500
"""Boxes drawn over each other; more only blacken the panel."""
BINS = 50


@figure(
    "figure_16",
    "16: label statistics",
    caption="Labels of the training set: counts, boxes, centres and sizes.",
    inputs=lambda run: {
        "manifest": run.paths.dataset("train").manifest,
        "boxes": run.paths.dataset("train").boxes,
    },
    mem_mb=2000,
)
def labels_of_train(manifest: Path, boxes: Path) -> Figure:
    """Draw figure 16 from files.

    Args:
        manifest: manifest.parquet of the data set.
        boxes: boxes.parquet of the data set.

    Raises:
        InputError: A file is not what it should be.
    """
    return label_statistics(read_kept_boxes(boxes), read_manifest(manifest), CLASS_NAMES)


def label_statistics(boxes: pd.DataFrame, sizes: pd.DataFrame, class_names: tuple[str, ...]) -> Figure:
    """Draw the four panels.

    Args:
        boxes: Kept boxes of the set, in pixels.
        sizes: Manifest of the set, for `width` and `height` of each photo in pixels.
        class_names: By class id.
    """
    from matplotlib.collections import LineCollection

    with_sizes = boxes.merge(sizes[["source", "photo", "width", "height"]], on=["source", "photo"])
    scale = with_sizes[["width", "height"]].to_numpy(float)
    corners = with_sizes[["x1", "y1", "x2", "y2"]].to_numpy(float) / np.hstack([scale, scale])
    centre, extent = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    figure = new_figure(7.2, 6.6)
    (counts, overlay), (centres, extents) = figure.subplots(2, 2)

    numbers = with_sizes["class_id"].value_counts().reindex(range(len(class_names)), fill_value=0)
    counts.barh(class_names, numbers, color=[PART_COLOURS[name] for name in class_names])
    counts.invert_yaxis()
    counts.bar_label(counts.containers[0], fmt="{:,.0f}", padding=2, fontsize=7)
    counts.margins(x=0.15)
    counts.set(title="labels per class", xlabel="boxes")

    order = np.random.default_rng(0).permutation(len(corners))[:MOST_BOXES]
    half = extent[order] / 2
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    outlines = 0.5 + signs[None] * half[:, None]
    colours = [PART_COLOURS[class_names[class_id]] for class_id in with_sizes["class_id"].to_numpy()[order]]
    overlay.add_collection(LineCollection(list(outlines), colors=colours, linewidths=0.4, alpha=0.35))
    overlay.set(
        title="boxes, centres moved together", xlim=(0, 1), ylim=(1, 0), aspect="equal", xlabel="width", ylabel="height"
    )

    for axes, values, names, title in (
        (centres, centre, ("x centre", "y centre"), "box centres"),
        (extents, extent, ("width", "height"), "box sizes"),
    ):
        *_, picture = axes.hist2d(*values.T, bins=BINS, range=[[0, 1], [0, 1]], cmap="Blues", cmin=1)
        axes.set(title=title, xlabel=f"{names[0]} / image width", ylabel=f"{names[1]} / image height", aspect="equal")
        figure.colorbar(picture, ax=axes, label="boxes", shrink=0.85)
    centres.invert_yaxis()
    return figure
