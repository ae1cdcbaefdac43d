"""Figures 18 to 20: confusion matrices of the ten-part RGB detector (thesis section 4.4)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from uncover.metrics.intervals import Rate
from uncover.report.evaluations import ConfusionTable, read_confusion, read_evaluation
from uncover.report.figures.style import new_figure
from uncover.report.published import load_text
from uncover.report.registry import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from uncover.workflow.targets import Run

FIGURES = {
    "figure_18": ("validation set", "val_accuracy"),
    "figure_19": ("MERL-RAV test set", "merl_accuracy"),
    "figure_20": ("WFLW test set", "wflw_accuracy"),
}
"""By figure: what the title calls the set, and the thesis's overall accuracy on it (a number of its text, percent)."""

DARK = 0.55
"""Share from which numbers are white."""


@figure(
    "figure_18",
    "18: confusion on val",
    caption="Confusion matrix of the ten-part RGB detector on val: share of each true class, counts of boxes below."
    " Boxes of confidence above 0.25, paired at IoU above 0.45. The overall accuracy is the mean of the classes' shares"
    " on the diagonal; table 4 says what its interval takes as independent.",
    inputs=lambda run: _records(run, "val"),
    fixed={"name": "figure_18"},
)
@figure(
    "figure_19",
    "19: confusion on MERL-RAV",
    caption="Confusion matrix of the ten-part RGB detector on the MERL-RAV test set.",
    inputs=lambda run: _records(run, "merl"),
    fixed={"name": "figure_19"},
)
@figure(
    "figure_20",
    "20: confusion on WFLW",
    caption="Confusion matrix of the ten-part RGB detector on the WFLW test set.",
    inputs=lambda run: _records(run, "wflw"),
    fixed={"name": "figure_20"},
)
def confusion_of_parts(confusion: Path, summary: Path, published: Path, *, name: str) -> Figure:
    """Draw one of `FIGURES` from an evaluation record.

    Args:
        confusion: confusion.csv of `uncover evaluate`.
        summary: summary.json beside it.
        published: The thesis's numbers (config/published.yaml).
        name: Which one.

    Raises:
        InputError: A file is not what it should be.
    """
    of_set, printed = FIGURES[name]
    accuracy, thesis = read_evaluation(summary).accuracy, load_text(published)[printed].value / 100
    return confusion_matrix(read_confusion(confusion), of_set, accuracy, thesis)


def _records(run: Run, name: str) -> dict[str, str] | None:
    record = run.paths.rgb_tables.metrics("rgb10", name, "all")
    return {"confusion": record.confusion, "summary": record.summary} if name in run.landmark_sets else None


def confusion_matrix(confusion: ConfusionTable, of_set: str, accuracy: Rate, published: float | None = None) -> Figure:
    """Draw a matrix: shares of each column as shades and numbers, counts below them.

    Args:
        confusion: Counts; rows predicted, columns true.
        of_set: What the title calls the set.
        accuracy: Overall, shares.
        published: The thesis's, a share.
    """
    counts, names = confusion.counts, confusion.names
    totals = counts.sum(axis=0)
    shares = np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    figure = new_figure(7.2, 6.4)
    axes = figure.subplots()
    picture = axes.imshow(np.ma.masked_invalid(shares), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_facecolor("#EEEEEE")
    for row, column in np.argwhere(counts > 0):
        share, own = shares[row, column], row == column
        colour = "white" if share > DARK else "black"
        style: dict[str, Any] = {"color": colour, "ha": "center", "va": "center"}
        # A share that would read 0.00 says less than its count alone.
        if own or share >= 0.005:
            weight: dict[str, Any] = {"fontsize": 8, "fontweight": "bold"} if own else {"fontsize": 7}
            axes.text(column, row - 0.08, f"{share:.2f}", **style, **weight)
        axes.text(column, row + 0.27, f"{counts[row, column]:,}", **style, fontsize=5.5)
    places = range(len(names))
    axes.set_xticks(places, [f"{name}\n({total:,})" for name, total in zip(names, totals, strict=True)], rotation=90)
    axes.set_yticks(places, names)
    axes.set(xlabel="true class (boxes in its column)", ylabel="predicted class")
    # The background is no class: a line sets its row and column apart.
    for line in (axes.axhline, axes.axvline):
        line(len(names) - 1.5, color="black", linewidth=0.8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(f"{of_set[0].upper()}{of_set[1:]}: overall accuracy {_told(accuracy, published)}")
    figure.colorbar(picture, ax=axes, label="share of the column's boxes", shrink=0.85)
    return figure


def _told(accuracy: Rate, published: float | None) -> str:
    if math.isnan(accuracy.value):
        return "n/a"
    beside = [] if math.isnan(accuracy.low) else [f"95 %: {100 * accuracy.low:.1f}–{100 * accuracy.high:.1f}"]
    beside += [] if published is None else [f"thesis: {100 * published:.1f}"]
    return f"{100 * accuracy.value:.1f} %" + (f" ({'; '.join(beside)})" if beside else "")
