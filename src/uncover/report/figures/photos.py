"""Photos in figures: rows that fill the width, boxes that are visible on any photo, and the key of heatmaps."""

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
"""Maximum height of a row of photos, in inches: for upright photos, and for a last row with a single photo."""

APART = 0.07
"""Space between photos, in inches."""

EDGE = 1.4
"""Total width of the black outline of a line, in points; it keeps the line visible on any photo."""

GREY = 128
"""Grey value of the photo under the colours of the heatmap key."""

KEY = 0.5
"""Space for the heatmap key and its text, in inches."""


def photo_rows(
    rows: Sequence[Sequence[NDArray[np.uint8]]], heads: Sequence[float], foot: float, beside: float = 0.0
) -> tuple[Figure, list[list[Axes]]]:
    """A figure with photos in rows. The photos of a row have equal height and fill the width if the height allows it.

    Args:
        rows: Photos, uint8 (H, W, 3), RGB.
        heads: Space above each row, in inches.
        foot: Space below the last row, in inches.
        beside: Space to the right of all rows, in inches.
    """
    heights: list[float] = []
    for row in rows:
        shapes = sum(photo.shape[1] / photo.shape[0] for photo in row)
        fit = (DOUBLE - beside - APART * (len(row) - 1)) / shapes
        # The last row may have fewer photos; they are not enlarged.
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
            # Elements outside the photo, such as a box beyond its edge, must not shrink the photo.
            each.set(xlim=(-0.5, photo.shape[1] - 0.5), ylim=(photo.shape[0] - 0.5, -0.5), autoscale_on=False)
            each.set_axis_off()
            own.append(each)
            left += width + APART
        axes.append(own)
    return figure, axes


def outlined(kind: str, width: float = 1.2) -> dict[str, Any]:
    """Line style of a kind of box (`BOX_STYLES`), with a black outline."""
    from matplotlib.patheffects import Normal, Stroke

    edge = [Stroke(linewidth=width + EDGE, foreground="black"), Normal()]
    return {**BOX_STYLES[kind], "linewidth": width, "path_effects": edge}


def draw_box(axes: Axes, box: Sequence[float] | NDArray[np.floating], kind: str, width: float = 1.2) -> None:
    """Draw a box, x1 y1 x2 y2 in pixels of the photo."""
    x1, y1, x2, y2 = map(float, box)
    axes.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], **outlined(kind, width))


def write_confidence(axes: Axes, box: Sequence[float] | NDArray[np.floating], confidence: float, kind: str) -> None:
    """Write a confidence above a box, so that no small face is hidden, or inside it at the top edge of the photo."""
    x1, y1, x2, _ = map(float, box)
    figure_high = axes.figure.get_size_inches()[1]  # type: ignore[union-attr]
    points = 72 * axes.get_position().height * figure_high / (axes.get_ylim()[0] + 0.5)
    above = y1 * points > FINE * 1.5
    wide = axes.get_xlim()[1]
    # At the right edge of the photo, align right.
    right = wide - max(x1, 0.0) < 4 * FINE / points
    axes.text(
        min(x2, wide) if right else max(x1, 0.0), max(y1, 0.0), f"{confidence:.2f}", fontsize=FINE,
        ha="right" if right else "left", va="bottom" if above else "top", clip_on=True,
        bbox={"facecolor": BOX_STYLES[kind]["color"], "edgecolor": "none", "pad": 0.8},
    )  # fmt: skip


def title_photo(axes: Axes, title: str) -> None:
    """Write a title above a photo."""
    axes.set_title(title, fontsize=SMALL, pad=3)


def key_of_maps(figure: Figure, axes: Axes) -> None:
    """Draw the colour key of heatmaps to the right of a photo, blended with grey like the overlays with the photo."""
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
