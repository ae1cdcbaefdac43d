"""Figure 15: the landmarks of a face beside the boxes made from them (thesis section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.datasets.boxes_table import read_kept_boxes
from uncover.datasets.faces_table import attribute, landmark_arrays, read_faces_table
from uncover.datasets.photos import read_upright_rgb
from uncover.errors import InputError
from uncover.faces.face import Visibility
from uncover.images.privacy import may_show_patients, shown
from uncover.parts.classes import CLASS_NAMES
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
