"""Photos with what a face detector of others finds in them: boxes, confidences and five landmarks."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from uncover.metrics.predictions import LANDMARKS
from uncover.report.figures.style import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
"""At most."""

WIDTH = 7.2
"""Of the figure, in inches."""

HIGHEST = 2.9
"""Of a row of photos, in inches: photos may be upright, and the last row may hold a single one."""

LETTERING, KEY = 0.45, 0.85
"""Of a row's titles, and of what stands below the photos, in inches."""

TRUE, FOUND, FALSE, UNKNOWN = "true face", "found", "no labelled face there", "detection"
BOXES: dict[str, dict[str, Any]] = {
    TRUE: {"color": "white", "linewidth": 1.2, "linestyle": (0, (4, 2))},
    FOUND: {"color": "#56B4E9", "linewidth": 1.4, "linestyle": "-"},
    FALSE: {"color": "#D55E00", "linewidth": 1.4, "linestyle": "-"},
    UNKNOWN: {"color": "#56B4E9", "linewidth": 1.4, "linestyle": "-"},
}
"""How a kind of box is drawn; where nobody labelled the photo, none is found or beside a face."""

POINTS: dict[str, dict[str, Any]] = {
    "right_eye": {"color": "#E69F00", "marker": "o"},
    "left_eye": {"color": "#F0E442", "marker": "s"},
    "nose": {"color": "#009E73", "marker": "^"},
    "right_mouth": {"color": "#CC79A7", "marker": "D"},
    "left_mouth": {"color": "#0072B2", "marker": "v"},
}
"""How a landmark is drawn: with the boxes, Okabe and Ito's colours, each once; the markers differ for print in grey."""

LABEL = 9.0
"""Height of a confidence, in points."""

EDGE = 1.2
"""Of black on both sides of a line together, in points, which keeps it visible on any photo."""


@dataclass(frozen=True)
class Detections:
    """What was found in a photo.

    Attributes:
        boxes: float32 (N, 4), x1 y1 x2 y2 in pixels of the photo, by falling confidence.
        confidence: float32 (N,).
        landmarks: float32 (N, 5, 2), x and y in pixels, in the order of `LANDMARKS`; NaN where the detector knows none.
        true: float64 (M, 4), the labelled faces; None where nobody labelled the photo.
        correct: bool (N,), whether the box is a labelled face, as evaluation counts it; False without labels.
    """

    boxes: NDArray[np.float32]
    confidence: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    true: NDArray[np.float64] | None
    correct: NDArray[np.bool_]

    @property
    def kinds(self) -> list[str]:
        """Of each box, how it is drawn."""
        if self.true is None:
            return [UNKNOWN] * len(self.boxes)
        return [FOUND if correct else FALSE for correct in self.correct]


@dataclass(frozen=True)
class Panel:
    """A photo: uint8 (H, W, 3), RGB, as it may be shown; its number in the set, from 1 on; what was found in it."""

    image: NDArray[np.uint8]
    number: int
    found: Detections


def rival_detections(panels: Sequence[Panel], told: str) -> Figure:
    """Draw the photos in rows in which all are equally high.

    Args:
        panels: Photos; without any, the sentence stands alone.
        told: Sentence below them.
    """
    if not panels:
        return words_alone(told)
    # As many in each row, or one less in the last.
    columns = -(-len(panels) // -(-len(panels) // COLUMNS))
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    shapes = [[panel.image.shape[1] / panel.image.shape[0] for panel in row] for row in rows]
    heights = [min(HIGHEST, WIDTH / sum(shape)) for shape in shapes]
    ratios = [*(height + LETTERING for height in heights), KEY]
    figure = new_figure(WIDTH, sum(ratios))
    *parts, key = np.ravel(figure.subfigures(len(ratios), 1, squeeze=False, height_ratios=ratios))
    for part, row, shape, height in zip(parts, rows, shapes, heights, strict=True):
        axes = np.ravel(part.subplots(1, len(row), squeeze=False, width_ratios=shape))
        for each, panel in zip(axes, row, strict=True):
            _draw(each, panel, 72 * height / panel.image.shape[0])
    key.suptitle(told, fontsize=8.5, y=1, va="top")
    for place, handles in zip((0.22, 0.0), _legends(panels), strict=True):
        key.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, place), ncols=len(handles), fontsize=8)
    return figure


def words_alone(text: str) -> Figure:
    """A figure without photos that says why."""
    lines = textwrap.wrap(text, 95)
    figure = new_figure(WIDTH, 0.8 + 0.17 * len(lines))
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(0.5, 0.5, "\n".join(lines), ha="center", va="center")
    return figure


def counted(number: int, what: str) -> str:
    """Such as "2 detections"."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _outlined(kind: str) -> dict[str, Any]:
    from matplotlib.patheffects import Normal, Stroke

    style = BOXES[kind]
    return {**style, "path_effects": [Stroke(linewidth=style["linewidth"] + EDGE, foreground="black"), Normal()]}


def _draw(axes: Axes, panel: Panel, scale: float) -> None:
    """Draw a photo; `scale` is the size of its pixels on paper, in points."""
    height, width = panel.image.shape[:2]
    found = panel.found
    axes.imshow(panel.image)
    axes.set_axis_off()
    axes.set_title(_title(panel), fontsize=8)
    if found.true is not None:
        for box in found.true:
            axes.plot(*_corners(box), **_outlined(TRUE))
    for box, sure, points, kind in zip(found.boxes, found.confidence, found.landmarks, found.kinds, strict=True):
        axes.plot(*_corners(box), **_outlined(kind))
        x, y = max(float(box[0]), 0.0), float(box[1])
        # Above the box, so that no small face is hidden, but for a box at the upper edge.
        axes.text(
            x,
            max(y, 0.0),
            f"{sure:.2f}",
            fontsize=6,
            va="bottom" if y * scale > LABEL else "top",
            clip_on=True,
            bbox={"facecolor": BOXES[kind]["color"], "edgecolor": "none", "pad": 0.8},
        )
        size = float(np.clip((box[2] - box[0]) * scale / 10, 2.5, 5.5))
        for name, point in zip(LANDMARKS, points, strict=True):
            axes.plot(*point, **_marked(name, size))
    # What a detector believes to be outside the photo must not shrink the photo.
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def _marked(name: str, size: float) -> dict[str, Any]:
    return {**POINTS[name], "linestyle": "none", "markersize": size, "mec": "black", "mew": 0.6}


def _corners(box: NDArray[np.floating]) -> tuple[list[float], list[float]]:
    x1, y1, x2, y2 = map(float, box)
    return [x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1]


def _title(panel: Panel) -> str:
    found, right = panel.found, int(panel.found.correct.sum())
    if found.true is None:
        return f"photo {panel.number}\n{counted(len(found.boxes), 'detection')}, no labels"
    return f"photo {panel.number}\n{right} of {len(found.true)} found, {len(found.boxes) - right} beside"


def _legends(panels: Sequence[Panel]) -> tuple[list[Any], list[Any]]:
    """The kinds of boxes that the panels may have, and all landmarks: that one is nowhere tells something, too."""
    from matplotlib.lines import Line2D

    known = [panel.found.true is not None for panel in panels]
    kinds = [*([TRUE, FOUND, FALSE] if any(known) else []), *([] if all(known) else [UNKNOWN])]
    titles = {"right_mouth": "right mouth corner", "left_mouth": "left mouth corner"}
    return (
        [Line2D([], [], label=kind, **_outlined(kind)) for kind in kinds],
        [Line2D([], [], label=titles.get(name, name.replace("_", " ")), **_marked(name, 5)) for name in LANDMARKS],
    )
