"""A contact sheet of photos with their boxes drawn: the quickest way to see whether labels are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.report.figures.style import PART_COLOURS, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
