"""Figure 17: F1 against confidence, per class and in the mean (thesis section 4.4)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from uncover.report.evaluations import MEAN, read_evaluation, read_f1_curves
from uncover.report.figures.style import PART_COLOURS, new_figure
from uncover.report.published import load_text
from uncover.report.registry import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "osD^v<>PXp"
"""By class, so that curves can be told apart without colour."""
MEAN_COLOUR = "#444444"
MARKS = 9
"""Markers along a curve."""


@figure(
    "figure_17",
    "17: F1 against confidence",
    caption="F1 against the confidence threshold on val, per class and in the mean; the best mean F1 is marked.",
    inputs=lambda run: {
        "curves": run.paths.rgb_tables.metrics("rgb10", "val", "all").curves,
        "summary": run.paths.rgb_tables.metrics("rgb10", "val", "all").summary,
    },
)
def f1_on_val(curves: Path, summary: Path, published: Path) -> Figure:
    """Draw figure 17 from an evaluation record.

    Args:
        curves: curves.parquet of `uncover evaluate`.
        summary: summary.json beside it.
        published: The thesis's numbers (config/published.yaml).

    Raises:
        InputError: A file is not what it should be.
    """
    record = read_evaluation(summary)
    printed = float(load_text(published)["best_f1_confidence"].value)
    return f1_confidence(read_f1_curves(curves), record.confidence, record.scores["F1"].value, printed)


def f1_confidence(curves: pd.DataFrame, confidence: float, f1: float, published: float | None = None) -> Figure:
    """Draw the curves.

    Args:
        curves: As `read_f1_curves` returns them.
        confidence: Where the mean F1 is best.
        f1: The mean F1 there.
        published: The thesis's best confidence.
    """
    figure = new_figure(7.2, 4.2)
    axes = figure.subplots()
    classes = [
        (int(str(class_id)), curve["x"].to_numpy(), curve["y"].to_numpy())
        for class_id, curve in curves.groupby("class_id", sort=True)
    ]
    names = curves.drop_duplicates("class_id").set_index("class_id")["class"]
    for number, (class_id, x, y) in enumerate(each for each in classes if each[0] != MEAN):
        name = str(names[class_id])
        # Markers of neighbouring classes stand apart, so that curves that coincide can still be counted.
        step = max(1, len(x) // MARKS)
        start = number * step // len(MARKERS)
        axes.plot(
            x, y, color=PART_COLOURS.get(name, "#555555"), linewidth=1, label=f"{name}  {_peak(x, y)}",
            marker=MARKERS[number % len(MARKERS)], markersize=4, markeredgewidth=0, markevery=(start, step),
        )  # fmt: skip
    x, y = next((x, y) for class_id, x, y in classes if class_id == MEAN)
    axes.plot(x, y, color=MEAN_COLOUR, linewidth=3.5, label=f"mean  {f1:.2f} at {confidence:.3f}", zorder=1)
    axes.axvline(confidence, color="black", linewidth=0.8, linestyle=":")
    axes.plot([confidence], [f1], marker="o", markersize=8, color="white", markeredgecolor="black", zorder=5)
    if published is not None:
        axes.axvline(
            published, color="#888888", linewidth=0.8, linestyle="--", label=f"thesis: best mean at {published:.3f}"
        )
    axes.set(xlabel="confidence threshold", ylabel="F1", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="best F1 at its confidence", fontsize=8)
    return figure


def _peak(x: np.ndarray, y: np.ndarray) -> str:
    best = int(np.argmax(y))
    return f"{y[best]:.2f} at {x[best]:.2f}"
