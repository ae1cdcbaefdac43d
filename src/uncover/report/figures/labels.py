"""Figures of labels: 15 (landmarks and boxes), 16 (statistics), a contact sheet, and the landmark schemes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.config.catalogue import FigurePrivacy
from uncover.data.faces import Visibility, attribute, landmark_arrays, read_faces_table
from uncover.data.parts import CLASS_NAMES, CLASS_OF_PART, PARTS, corrected_boxes, part_indices
from uncover.data.photos import read_upright_rgb
from uncover.data.sets import read_kept_boxes, read_manifest
from uncover.errors import InputError
from uncover.images.privacy import are_left_out, in_figure, left_out_words, may_show_patients
from uncover.report.figures.photos import photo_rows, title_photo
from uncover.report.figures.style import (
    DOUBLE,
    GREEN,
    GREY,
    ORANGE,
    PART_COLOURS,
    SMALL,
    TEXT,
    letter,
    n_of,
    new_figure,
    not_run,
    panels,
    place_colour_bar,
)
from uncover.report.registry import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARGIN = 0.35
"""Margin around the face, in face sizes."""

KINDS = {
    Visibility.VISIBLE: ("visible", GREEN, "o"),
    Visibility.EXTERNALLY_OCCLUDED: ("hidden by an object", ORANGE, "D"),
}

PANELS = {
    "boxes of features": ("brows", "eyes", "nose", "mouth"),
    "boxes of the face and its sides": ("whole face", "right face", "left face"),
    "boxes of eyes and more": ("right eye face", "left eye face", "eyes nose"),
}
"""Classes by panel: boxes with common sides would hide each other."""

DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (5, 1.5, 1, 1.5)))
"""Line width of the boxes of a panel."""


@figure(
    "figure_15",
    "15: landmarks and boxes",
    caption="Landmarks of one face, and the boxes of facial parts made from them, on three copies of the photo because"
    " they would hide each other. Right and left are the subject's.",
    inputs=lambda run: {
        "faces": [run.paths.faces(source) for source in run.landmark_sources],
        "boxes": run.paths.dataset("train").boxes,
    },
    options=lambda run: {"photo": run.config.report.figure_15_photo, "privacy": run.config.report.privacy},
)
def landmarks_of_photo(
    faces: Sequence[Path], boxes: Path, photo: str | None = None, privacy: FigurePrivacy = "pixelate"
) -> Figure:
    """Draw figure 15 from files.

    Args:
        faces: Tables of `uncover read_faces`; shows a photo of the first one that has no patients, if there is any.
        boxes: boxes.parquet of a data set made of them.
        photo: Id of the photo to show; chosen automatically if empty.
        privacy: Treatment of photos of patients, as `report.privacy`; if shown, they are pixelated completely.

    Raises:
        InputError: There is no such photo.
    """
    all_kept = read_kept_boxes(boxes)
    used = set(all_kept["source"])
    tables = [table for path in faces if set((table := read_faces_table(path))["source"]) & used]
    table = min(tables, key=lambda table: may_show_patients(table["source"].iloc[0]))
    source = str(table["source"].iloc[0])
    all_kept = all_kept[all_kept["source"] == source]
    photo = photo or choose_photo(table, all_kept)
    of_photo, kept = table[table["photo"] == photo], all_kept[all_kept["photo"] == photo]
    if of_photo.empty or kept.empty:
        raise InputError(f"{boxes}: no photo '{photo}'; set report.figure_15_photo to another id")
    if may_show_patients(source) and are_left_out(privacy):
        return not_run("landmarks and boxes", left_out_words([source], privacy))
    landmarks, visibility = landmark_arrays(of_photo)
    image = read_upright_rgb(Path(of_photo["image"].iloc[0]))
    image = in_figure(image, np.empty((0, 4)), privacy, may_show_patients(source))
    return landmarks_and_boxes(image, landmarks, visibility, kept, CLASS_NAMES)


def choose_photo(faces: pd.DataFrame, boxes: pd.DataFrame) -> str:
    """Id of the photo that shows the parts best: one large face with all its boxes, uncovered if possible."""
    complete = boxes.groupby("photo").size().pipe(lambda sizes: sizes[sizes == boxes["part"].nunique()].index)
    single = faces.groupby("photo").size().pipe(lambda sizes: sizes[sizes == 1].index)
    uncovered = set(faces.loc[attribute(faces, "occlusion").isin(["", "0"]), "photo"])
    whole = boxes[(boxes["part"] == "whole face") & boxes["photo"].isin(complete.intersection(single))]
    if whole.empty:
        return str(boxes["photo"].iloc[0])
    whole = whole.assign(
        area=(whole["x2"] - whole["x1"]) * (whole["y2"] - whole["y1"]), clear=whole["photo"].isin(uncovered)
    )
    return str(whole.sort_values(["clear", "area", "photo"], ascending=[False, False, True])["photo"].iloc[0])


def landmarks_and_boxes(
    image: NDArray[np.uint8],
    landmarks: NDArray[np.float64],
    visibility: NDArray[np.uint8],
    boxes: pd.DataFrame,
    class_names: tuple[str, ...],
) -> Figure:
    """Draw all panels.

    Args:
        image: uint8 (height, width, 3), RGB.
        landmarks: float64 (F, N, 2), pixels of that image, NaN for self-occluded points.
        visibility: uint8 (F, N), values of `Visibility`.
        boxes: Kept boxes of the photo.
        class_names: By class id.
    """
    # Crop to the shown part, at the resolution of the photo.
    left, top, right, bottom = _around(boxes, image.shape[1], image.shape[0])
    part = np.ascontiguousarray(image[top:bottom, left:right])
    figure, ((points_on, *boxes_on),) = photo_rows([[part] * (1 + len(PANELS))], [0.2], 0.72)
    size = 0.5 * DOUBLE / (1 + len(PANELS))
    title_photo(points_on, f"{landmarks.shape[1]} landmarks, {n_of((len(landmarks), 'face'))}")
    for kind, (name, colour, marker) in KINDS.items():
        points = landmarks[visibility == kind] - [left, top]
        if len(points):
            style: dict[str, Any] = {"color": colour, "marker": marker, "edgecolors": "black", "linewidths": 0.3}
            points_on.scatter(points[:, 0], points[:, 1], s=4 * size, label=name, **style)
    # WFLW has no visibility of landmarks, so it gets no legend for it.
    if visibility.any():
        points_on.legend(**BELOW)
    for axes, (title, names) in zip(boxes_on, PANELS.items(), strict=True):
        title_photo(axes, title)
        for dashes, name in zip(DASHES, names, strict=False):
            own = boxes[boxes["class_id"] == class_names.index(name)]
            for number, (x1, y1, x2, y2) in enumerate(own[["x1", "y1", "x2", "y2"]].itertuples(index=False)):
                xs, ys = np.array([x1, x2, x2, x1, x1]) - left, np.array([y1, y1, y2, y2, y1]) - top
                axes.plot(xs, ys, color="white", linewidth=2.6)
                axes.plot(
                    xs, ys, color=PART_COLOURS[name], linewidth=1.4, linestyle=dashes, label=None if number else name
                )
        axes.legend(**BELOW)
    return figure


BELOW: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0, -0.03), "labelspacing": 0.25, "handletextpad": 0.5}
"""Position of the legend of a photo."""


def _around(boxes: pd.DataFrame, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the shown part of a photo: a square around all boxes, if the photo allows it."""
    x1, y1, x2, y2 = boxes["x1"].min(), boxes["y1"].min(), boxes["x2"].max(), boxes["y2"].max()
    half = (0.5 + MARGIN) * max(x2 - x1, y2 - y1)
    centre_x, centre_y = (x1 + x2) / 2, (y1 + y2) / 2
    left, top = max(0, math.floor(centre_x - half)), max(0, math.floor(centre_y - half))
    return left, top, min(width, math.ceil(centre_x + half)), min(height, math.ceil(centre_y + half))


MOST_BOXES = 1500
"""Maximum number of boxes drawn over each other; more would only blacken the panel."""
BINS = 50
SHADES = "cividis_r"
"""A perceptually uniform colour map, also for colour-blind readers."""


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
        InputError: A file is not valid.
    """
    return label_statistics(read_kept_boxes(boxes), read_manifest(manifest), CLASS_NAMES)


def label_statistics(boxes: pd.DataFrame, sizes: pd.DataFrame, class_names: tuple[str, ...]) -> Figure:
    """Draw the four panels.

    Args:
        boxes: Kept boxes of the set, in pixels.
        sizes: Manifest of the set, with `width` and `height` of each photo in pixels.
        class_names: By class id.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

    with_sizes = boxes.merge(sizes[["source", "photo", "width", "height"]], on=["source", "photo"])
    scale = with_sizes[["width", "height"]].to_numpy(float)
    corners = with_sizes[["x1", "y1", "x2", "y2"]].to_numpy(float) / np.hstack([scale, scale])
    centre, extent = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    figure = new_figure(DOUBLE, 5.6)
    # All panels but the bar chart are square.
    (counts, overlay), (centres, extents) = panels(
        figure, 2, 2, left=0.95, right=0.72, bottom=0.42, top=0.42, apart=(1.16, 0.62)
    )
    figure.suptitle(
        f"training set, {n_of((len(sizes), 'photo'), (len(with_sizes), 'box'))}",
        y=1 - 0.06 / 5.6,
        fontsize=TEXT,
        va="top",
    )
    numbers = with_sizes["class_id"].value_counts().reindex(range(len(class_names)), fill_value=0)
    counts.barh(class_names, numbers, color=[PART_COLOURS[name] for name in class_names])
    counts.invert_yaxis()
    counts.bar_label(counts.containers[0], fmt="{:,.0f}", padding=2, fontsize=SMALL)
    counts.margins(x=0.22)
    counts.tick_params(axis="y", length=0)
    counts.xaxis.set_major_locator(MaxNLocator(4))
    counts.set_xlabel("boxes")
    letter(counts, 0, "labels by class")

    order = np.random.default_rng(0).permutation(len(corners))[:MOST_BOXES]
    half = extent[order] / 2
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    outlines = 0.5 + signs[None] * half[:, None]
    colours = [PART_COLOURS[class_names[class_id]] for class_id in with_sizes["class_id"].to_numpy()[order]]
    overlay.add_collection(LineCollection(list(outlines), colors=colours, linewidths=0.4, alpha=0.35, rasterized=True))
    overlay.set(xlim=(0, 1), ylim=(1, 0), xlabel="width / photo's width", ylabel="height / photo's height")
    shown = f"{len(order):,} of them" if len(order) < len(corners) else ""
    letter(overlay, 1, f"boxes, moved to one centre{f', {shown}' if shown else ''}")

    for number, (axes, values, names, title) in enumerate(
        (
            (centres, centre, ("x centre", "y centre"), "centres of boxes"),
            (extents, extent, ("width", "height"), "sizes of boxes"),
        ),
        start=2,
    ):
        # Most boxes are small: with a linear scale, a single cell would stand out.
        *_, picture = axes.hist2d(
            *values.T, bins=BINS, range=[[0, 1], [0, 1]], cmap=SHADES, norm=LogNorm(vmin=1), cmin=1, rasterized=True
        )
        axes.set(xlabel=f"{names[0]} / photo's width", ylabel=f"{names[1]} / photo's height")
        bar = place_colour_bar(figure, picture, axes, "boxes")
        bar.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        bar.yaxis.set_minor_formatter(NullFormatter())
        letter(axes, number, title)
    centres.invert_yaxis()
    return figure


COLUMNS = 3
"""Maximum number of photos on a contact sheet."""

LETTER = 0.62
"""Width of a letter relative to the font size."""


@dataclass(frozen=True)
class Labelled:
    """A photo, uint8 (height, width, 3) RGB, with its boxes in pixels and a title."""

    image: NDArray[np.uint8]
    boxes: pd.DataFrame
    title: str


def contact_sheet(photos: Sequence[Labelled], class_names: tuple[str, ...]) -> Figure:
    """Draw photos side by side.

    Args:
        photos: Photos to show.
        class_names: By class id.
    """
    from matplotlib.lines import Line2D

    rows = [photos[start : start + COLUMNS] for start in range(0, len(photos), COLUMNS)]
    figure, grid = photo_rows([[photo.image for photo in row] for row in rows], [0.24] * len(rows), 0.5)
    for axes, photo in zip(itertools.chain(*grid), photos, strict=True):
        room = int(axes.get_position().width * DOUBLE * 72 / (LETTER * SMALL))
        # File names differ at their end, so the start is cut off.
        title_photo(axes, photo.title if len(photo.title) <= room else f"…{photo.title[1 - room :]}")
        for class_id, x1, y1, x2, y2 in photo.boxes[["class_id", "x1", "y1", "x2", "y2"]].itertuples(index=False):
            colour = PART_COLOURS[class_names[class_id]]
            axes.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], color="white", linewidth=1.8)
            axes.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], color=colour, linewidth=1)
    lines = [Line2D([], [], color=PART_COLOURS[name], label=name) for name in class_names]
    figure.legend(handles=lines, loc="lower center", bbox_to_anchor=(0.5, 0.01), ncols=5)
    return figure


SINGLE_PARTS = ("right face", "left face", "brows", "nose", "right eye", "left eye", "mouth")
"""Parts that share no landmark; the other parts are unions of these, or the whole face."""
CHIN = GREY


def schemes_figure(points_by_title: dict[str, NDArray[np.float64]]) -> Figure:
    """Draw numbered landmarks with the boxes of their parts.

    Args:
        points_by_title: float64 (N, 2) per panel, N = 68 or 98, x right and y down, of one frontal face.
    """
    from matplotlib.lines import Line2D

    # Full-page size, so that the numbers of up to 98 points are readable.
    figure = new_figure(5.4 * len(points_by_title), 6.4)
    grid = panels(figure, 1, len(points_by_title), left=0.1, right=0.1, bottom=0.75, top=0.3, apart=(0.1, 0))[0]
    for axes, (title, points) in zip(grid, points_by_title.items(), strict=True):
        _draw(axes, points)
        axes.set_title(title)
    lines = [Line2D([], [], color=PART_COLOURS[name], label=name) for name in CLASS_NAMES]
    lines.append(Line2D([], [], color=CHIN, marker="o", linestyle="", markersize=4, label="in no single part"))
    figure.legend(handles=lines, loc="lower center", bbox_to_anchor=(0.5, 0.01), ncols=6)
    return figure


def _draw(axes: Axes, points: NDArray[np.float64]) -> None:
    indices = part_indices(len(points))
    colours = [CHIN] * len(points)
    for part in SINGLE_PARTS:
        for index in indices[part]:
            colours[index] = PART_COLOURS[CLASS_NAMES[CLASS_OF_PART[PARTS.index(part)]]]
    boxes = corrected_boxes(points[None]).xyxy[0]
    for part, class_id, (x1, y1, x2, y2) in zip(PARTS, CLASS_OF_PART, boxes, strict=True):
        # Unions share sides with their parts; a small margin keeps both visible.
        grow = 0.012 * (boxes[:, 2].max() - boxes[:, 0].min()) * (part not in SINGLE_PARTS)
        xs = np.array([x1, x2, x2, x1, x1]) + grow * np.array([-1, 1, 1, -1, -1])
        ys = np.array([y1, y1, y2, y2, y1]) + grow * np.array([-1, -1, 1, 1, -1])
        axes.plot(xs, ys, color=PART_COLOURS[CLASS_NAMES[class_id]], linewidth=1, alpha=0.9)
    axes.scatter(points[:, 0], points[:, 1], s=9, color=colours, zorder=3)
    for index, (x, y) in enumerate(points):
        axes.annotate(str(index), (x, y), (2, 2), textcoords="offset points", fontsize=5.5, color=colours[index])
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.set_axis_off()
    low, high = points.min(axis=0), points.max(axis=0)
    for x, side in ((low[0], "subject's right"), (high[0], "subject's left")):
        axes.annotate(
            side, (x, high[1]), (0, -14), textcoords="offset points", fontsize=7, ha="center", color="#555555"
        )
