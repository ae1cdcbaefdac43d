"""Photos in figures: in rows that fill the width, with boxes that stand out from any photo, and under heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from uncover.report.figures.style import BOX_STYLES, DOUBLE, FINE, SMALL, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HIGHEST = 2.6
"""Of a row of photos, in inches: photos may be upright, and the last row may hold a single one."""

APART = 0.07
"""Between photos, in inches."""

EDGE = 1.4
"""Of black on both sides of a line together, in points, which keeps it visible on any photo."""

GREY = 128
"""Of the photo that the colours of a map's key lie over."""

KEY = 0.5
"""Room for that key and its words, in inches."""


def photo_rows(
    rows: Sequence[Sequence[NDArray[np.uint8]]], heads: Sequence[float], foot: float, beside: float = 0.0
) -> tuple[Figure, list[list[Axes]]]:
    """A figure with photos in rows: those of a row are equally high, and fill the width where they may be as high.

    Args:
        rows: Photos, uint8 (H, W, 3), RGB.
        heads: Room above each row, in inches.
        foot: Room below the last one.
        beside: Room on the right of all.
    """
    heights: list[float] = []
    for row in rows:
        shapes = sum(photo.shape[1] / photo.shape[0] for photo in row)
        fit = (DOUBLE - beside - APART * (len(row) - 1)) / shapes
        # The last row may hold fewer photos, which need not be larger for it.
        fewer = heights[-1] if heights and len(row) < len(rows[0]) else HIGHEST
        heights.append(min(fit, fewer, HIGHEST))
    figure = new_figure(DOUBLE, sum(heights) + sum(heads) + foot)
    wide, high = figure.get_size_inches()
    top, axes = high, []
    for row, head, height in zip(rows, heads, heights, strict=True):
        top -= head + height
        left, own = 0.0, []
        for photo in row:
            width = height * photo.shape[1] / photo.shape[0]
            each = figure.add_axes((left / wide, top / high, width / wide, height / high))
            each.imshow(photo)
            # What lies outside of the photo, such as a box that a detector believes to be there, must not shrink it.
            each.set(xlim=(-0.5, photo.shape[1] - 0.5), ylim=(photo.shape[0] - 0.5, -0.5), autoscale_on=False)
            each.set_axis_off()
            own.append(each)
            left += width + APART
        axes.append(own)
    return figure, axes


def outlined(kind: str, width: float = 1.2) -> dict[str, Any]:
    """How a line of a kind (`BOX_STYLES`) is drawn, with black on both sides."""
    from matplotlib.patheffects import Normal, Stroke

    edge = [Stroke(linewidth=width + EDGE, foreground="black"), Normal()]
    return {**BOX_STYLES[kind], "linewidth": width, "path_effects": edge}


def draw_box(axes: Axes, box: Sequence[float] | NDArray[np.floating], kind: str, width: float = 1.2) -> None:
    """Draw a box, x1 y1 x2 y2 in pixels of the photo."""
    x1, y1, x2, y2 = map(float, box)
    axes.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], **outlined(kind, width))


def write_confidence(axes: Axes, box: Sequence[float] | NDArray[np.floating], confidence: float, kind: str) -> None:
    """Write a confidence above a box, so that no small face is hidden, but inside one at the upper edge."""
    x1, y1, x2, _ = map(float, box)
    figure_high = axes.figure.get_size_inches()[1]  # type: ignore[union-attr]
    points = 72 * axes.get_position().height * figure_high / (axes.get_ylim()[0] + 0.5)
    above = y1 * points > FINE * 1.5
    wide = axes.get_xlim()[1]
    # One at the right edge is written to the left.
    right = wide - max(x1, 0.0) < 4 * FINE / points
    axes.text(
        min(x2, wide) if right else max(x1, 0.0), max(y1, 0.0), f"{confidence:.2f}", fontsize=FINE,
        ha="right" if right else "left", va="bottom" if above else "top", clip_on=True,
        bbox={"facecolor": BOX_STYLES[kind]["color"], "edgecolor": "none", "pad": 0.8},
    )  # fmt: skip


def title_photo(axes: Axes, title: str) -> None:
    """Write above a photo what it is."""
    axes.set_title(title, fontsize=SMALL, pad=3)


def key_of_maps(figure: Figure, axes: Axes) -> None:
    """Draw right of a photo what the colours over it mean, mixed with a grey as they are with the photo."""
    from uncover.cam.export import overlay

    ramp = np.arange(256, dtype=np.uint8)[:, None]
    colours = overlay(np.full((256, 1, 3), GREY, np.uint8), ramp)
    wide, _ = figure.get_size_inches()
    box = axes.get_position()
    bar = figure.add_axes((box.x1 + 0.06 / wide, box.y0, 0.09 / wide, box.height))
    bar.imshow(colours, aspect="auto", origin="lower", extent=(0, 1, 0, 1))
    bar.spines[:].set_visible(False)
    bar.yaxis.tick_right()
    bar.tick_params(length=2)
    bar.set_xticks([])
    bar.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    bar.set_ylabel("share of map's range", fontsize=SMALL)
    bar.yaxis.set_label_position("right")
