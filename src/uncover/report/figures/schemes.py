"""The two landmark schemes and the parts made of them, side by side on one drawn face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from uncover.parts.boxes import corrected_boxes, part_indices
from uncover.parts.classes import CLASS_NAMES, CLASS_OF_PART, PARTS
from uncover.report.figures.style import PART_COLOURS, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
