"""Figures of labels: 15 (landmarks and boxes), 16 (statistics), a contact sheet, and the schemes of landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.data.faces import Visibility, attribute, landmark_arrays, read_faces_table
from uncover.data.parts import CLASS_NAMES, CLASS_OF_PART, PARTS, corrected_boxes, part_indices
from uncover.data.photos import read_upright_rgb
from uncover.data.sets import read_kept_boxes, read_manifest
from uncover.errors import InputError
from uncover.images.privacy import may_show_patients, shown
from uncover.report.figures.style import PART_COLOURS, new_figure
from uncover.report.registry import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARGIN = 0.35
"""Of the face's size, shown around it."""

KINDS = {
    Visibility.VISIBLE: ("visible", "#2CA02C"),
    Visibility.EXTERNALLY_OCCLUDED: ("externally occluded", "#FF7F0E"),
}


@figure(
    "figure_15",
    "15: landmarks and boxes",
    caption="Landmarks of one face, and the boxes of facial parts made from them.",
    inputs=lambda run: {
        "faces": [run.paths.faces(source) for source in run.landmark_sources],
        "boxes": run.paths.dataset("train").boxes,
    },
    options=lambda run: {"photo": run.config.report.figure_15_photo},
)
def landmarks_of_photo(faces: Sequence[Path], boxes: Path, photo: str | None = None) -> Figure:
    """Draw figure 15 from files.

    Args:
        faces: Tables of `uncover read_faces`; the first is shown, of those without patients if there is one.
        boxes: boxes.parquet of a data set made of them.
        photo: Id of the photo to show.

    Raises:
        InputError: There is no such photo.
    """
    all_kept = read_kept_boxes(boxes)
    used = set(all_kept["source"])
    tables = [table for path in faces if set((table := read_faces_table(path))["source"]) & used]
    table = min(tables, key=lambda table: may_show_patients(table["source"].iloc[0]))
    all_kept = all_kept[all_kept["source"] == table["source"].iloc[0]]
    photo = photo or choose_photo(table, all_kept)
    of_photo, kept = table[table["photo"] == photo], all_kept[all_kept["photo"] == photo]
    if of_photo.empty or kept.empty:
        raise InputError(f"{boxes}: no photo '{photo}' in it; name another one (report.figure_15_photo)")
    landmarks, visibility = landmark_arrays(of_photo)
    image = read_upright_rgb(Path(of_photo["image"].iloc[0]))
    if may_show_patients(table["source"].iloc[0]):
        image = shown(image, np.empty((0, 4)), "whole-frame")
    return landmarks_and_boxes(image, landmarks, visibility, kept, CLASS_NAMES)


def choose_photo(faces: pd.DataFrame, boxes: pd.DataFrame) -> str:
    """Id of the photo that shows the parts best: one face with all its boxes, uncovered where one is, and large."""
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
    """Draw both panels.

    Args:
        image: uint8 (height, width, 3), RGB.
        landmarks: float64 (F, N, 2), pixels of that image, NaN where self-occluded.
        visibility: uint8 (F, N), values of `Visibility`.
        boxes: Kept boxes of the photo.
        class_names: By class id.
    """
    figure = new_figure(7.2, 4.1)
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        axes.imshow(image)
        axes.set_axis_off()
        _zoom(axes, boxes, image.shape[1], image.shape[0])
    size = float(np.clip(900 / max(1.0, (boxes["x2"] - boxes["x1"]).max()), 5, 14))
    for kind, (name, colour) in KINDS.items():
        points = landmarks[visibility == kind]
        if len(points):
            left.scatter(*points.T, s=size, color=colour, edgecolors="white", linewidths=0.3, label=name)
    left.set_title(f"landmarks ({landmarks.shape[1]} points)")
    # WFLW says nothing of visibility, so there a legend would claim too much.
    if visibility.any():
        left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=2, handletextpad=0.2)
    drawn = set()
    for class_id, x1, y1, x2, y2 in boxes[["class_id", "x1", "y1", "x2", "y2"]].itertuples(index=False):
        name = class_names[class_id]
        label = None if name in drawn else name
        drawn.add(name)
        xs, ys = [x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1]
        right.plot(xs, ys, color="white", linewidth=2.2, alpha=0.6)
        right.plot(xs, ys, color=PART_COLOURS[name], linewidth=1.3, label=label)
    right.set_title("boxes of facial parts")
    right.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=4, columnspacing=0.9, handlelength=1.1, fontsize=7.5
    )
    return figure


def _zoom(axes: Axes, boxes: pd.DataFrame, width: int, height: int) -> None:
    x1, y1, x2, y2 = boxes["x1"].min(), boxes["y1"].min(), boxes["x2"].max(), boxes["y2"].max()
    half = (0.5 + MARGIN) * max(x2 - x1, y2 - y1)
    centre_x, centre_y = (x1 + x2) / 2, (y1 + y2) / 2
    axes.set_xlim(max(-0.5, centre_x - half), min(width - 0.5, centre_x + half))
    axes.set_ylim(min(height - 0.5, centre_y + half), max(-0.5, centre_y - half))


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


COLUMNS = 4
INCHES = 3.2


@dataclass(frozen=True)
class Labelled:
    """A photo, uint8 (height, width, 3) RGB, with its boxes in pixels and a title."""

    image: NDArray[np.uint8]
    boxes: pd.DataFrame
    title: str


def contact_sheet(photos: Sequence[Labelled], class_names: tuple[str, ...]) -> Figure:
    """Draw photos side by side.

    Args:
        photos: What to show.
        class_names: By class id.
    """
    from matplotlib.lines import Line2D

    columns = min(COLUMNS, len(photos))
    rows = -(-len(photos) // columns)
    figure = new_figure(INCHES * columns, INCHES * rows + 0.5)
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.set_axis_off()
    for axes, photo in zip(figure.axes, photos, strict=False):
        axes.imshow(photo.image)
        axes.set_title(photo.title, fontsize=7)
        for class_id, x1, y1, x2, y2 in photo.boxes[["class_id", "x1", "y1", "x2", "y2"]].itertuples(index=False):
            axes.plot(
                [x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], color=PART_COLOURS[class_names[class_id]], linewidth=1
            )
    lines = [Line2D([], [], color=PART_COLOURS[name], label=name) for name in class_names]
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), fontsize=7, columnspacing=0.9)
    return figure


SINGLE_PARTS = ("right face", "left face", "brows", "nose", "right eye", "left eye", "mouth")
"""Parts that share no landmark; the others are unions of them, or the whole face."""
CHIN = "#777777"


def schemes_figure(points_by_title: dict[str, NDArray[np.float64]]) -> Figure:
    """Draw numbered landmarks with the boxes of their parts.

    Args:
        points_by_title: float64 (N, 2) per panel, N = 68 or 98, x right and y down, of one frontal face.
    """
    from matplotlib.lines import Line2D

    figure = new_figure(5.4 * len(points_by_title), 6.4)
    panels = figure.subplots(1, len(points_by_title), squeeze=False)[0]
    for axes, (title, points) in zip(panels, points_by_title.items(), strict=True):
        _draw(axes, points)
        axes.set_title(title)
    lines = [Line2D([], [], color=PART_COLOURS[name], label=name) for name in CLASS_NAMES]
    lines.append(Line2D([], [], color=CHIN, marker="o", linestyle="", markersize=4, label="in no single part"))
    figure.legend(handles=lines, loc="outside lower center", ncols=6, fontsize=8)
    return figure


def _draw(axes: Axes, points: NDArray[np.float64]) -> None:
    indices = part_indices(len(points))
    colours = [CHIN] * len(points)
    for part in SINGLE_PARTS:
        for index in indices[part]:
            colours[index] = PART_COLOURS[CLASS_NAMES[CLASS_OF_PART[PARTS.index(part)]]]
    boxes = corrected_boxes(points[None]).xyxy[0]
    for part, class_id, (x1, y1, x2, y2) in zip(PARTS, CLASS_OF_PART, boxes, strict=True):
        # Unions share sides with their members; a hair's breadth more keeps both to be seen.
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
