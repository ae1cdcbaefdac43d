"""Figures 17 to 20 and 31: curves, confusion matrices, and F1 on missed photos."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.metrics.intervals import Rate
from uncover.metrics.predictions import Alike
from uncover.report.figures.style import (
    BLUE,
    DOUBLE,
    FINE,
    GREY,
    PART_COLOURS,
    PART_MARKERS,
    SINGLE,
    SMALL,
    TEXT,
    THESIS,
    interval,
    n_of,
    new_figure,
    not_run,
    panels,
    place_colour_bar,
)
from uncover.report.published import Cell, load_text
from uncover.report.records import MEAN, ConfusionTable, read_confusion, read_evaluation, read_f1_curves
from uncover.report.registry import figure
from uncover.report.tables.second_step import GRADES, thesis_layout
from uncover.report.titles import THESIS_MODELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from uncover.workflow.targets import Run

OTHER_MARKER = "P"
"""Colour of a class that the thesis does not have."""

MEAN_COLOUR = "#444444"
MARKS = 9
"""Spacing of markers along a curve."""

CURVE = BLUE
BEST: dict[str, Any] = {"marker": "o", "color": "white", "markeredgecolor": "black", "linestyle": "none"}
PRINTED: dict[str, Any] = {**THESIS, "marker": "x", "markersize": 5, "markeredgewidth": 1.2, "linestyle": "none"}
ABSENT = "not in this run"


@figure(
    "figure_17",
    "17: F1 against confidence",
    caption="F1 against the confidence threshold on val, per class and on average; the best mean F1 is marked.",
    inputs=lambda run: {
        "curves": run.paths.rgb_tables.metrics("rgb10", "val", "all").curves,
        "summary": run.paths.rgb_tables.metrics("rgb10", "val", "all").summary,
    },
)
def f1_on_val(curves: Path, summary: Path, published: Path) -> Figure:
    """Draw figure 17 from an evaluation.

    Args:
        curves: curves.parquet of `uncover evaluate`.
        summary: summary.json of the same evaluation.
        published: The thesis's numbers (config/published.yaml).

    Raises:
        InputError: A file is not valid.
    """
    record = read_evaluation(summary)
    printed = float(load_text(published)["best_f1_confidence"].value)
    count = n_of((record.images, "photo"), (record.labels, "box"))
    return f1_confidence(read_f1_curves(curves), record.confidence, record.scores["F1"].value, printed, count)


def f1_confidence(
    curves: pd.DataFrame, confidence: float, f1: float, published: float | None = None, count: str = ""
) -> Figure:
    """Draw the curves.

    Args:
        curves: As `read_f1_curves` returns them.
        confidence: Confidence of the best mean F1.
        f1: The best mean F1.
        published: The thesis's best confidence.
        count: Number of photos and labels, as text.
    """
    figure = new_figure(SINGLE, 3.74)
    ((axes,),) = panels(figure, 1, 1, left=0.42, right=0.1, bottom=1.4, top=0.1)
    classes = [
        (int(str(class_id)), curve["x"].to_numpy(), curve["y"].to_numpy())
        for class_id, curve in curves.groupby("class_id", sort=True)
    ]
    names = curves.drop_duplicates("class_id").set_index("class_id")["class"]
    for number, (class_id, x, y) in enumerate(each for each in classes if each[0] != MEAN):
        name = str(names[class_id])
        # Offset the markers of neighbouring classes, so that coinciding curves can be told apart.
        step = max(1, len(x) // MARKS)
        start = number * step // len(PART_MARKERS)
        axes.plot(
            x, y, color=PART_COLOURS.get(name, GREY), linewidth=1, label=f"{name} {_peak(x, y)}",
            marker=PART_MARKERS.get(name, OTHER_MARKER), markeredgewidth=0, markevery=(start, step),
        )  # fmt: skip
    x, y = next((x, y) for class_id, x, y in classes if class_id == MEAN)
    axes.plot(x, y, color=MEAN_COLOUR, linewidth=3.2, label=f"mean {f1:.2f} at {confidence:.3f}", zorder=1)
    axes.axvline(confidence, color="black", linewidth=0.8, linestyle=":")
    axes.plot([confidence], [f1], marker="o", markersize=6, color="white", markeredgecolor="black", zorder=5)
    if published is not None:
        axes.axvline(published, **THESIS, linewidth=0.9, linestyle="--", label=f"thesis: mean at {published:.3f}")
    axes.set(xlabel="confidence threshold", ylabel="F1 (share)", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.45, -0.18), title=f"best F1 at its confidence{count and f', {count}'}",
        ncols=2, labelspacing=0.25, columnspacing=1.0, handletextpad=0.4,
    )  # fmt: skip
    return figure


def _peak(x: np.ndarray, y: np.ndarray) -> str:
    best = int(np.argmax(y))
    return f"{y[best]:.2f} at {x[best]:.2f}"


FIGURES = {
    "figure_18": ("validation set", "val_accuracy"),
    "figure_19": ("MERL-RAV test set", "merl_accuracy"),
    "figure_20": ("WFLW test set", "wflw_accuracy"),
}
"""By figure: display name of the set, and name of the thesis's overall accuracy on it (percent) in its text."""


DARK = 0.55
"""Minimum share for which a cell has white text."""


@figure(
    "figure_18",
    "18: confusion on val",
    caption="Confusion matrix of the ten-part RGB detector on val: share of each true class, counts of boxes below."
    " Boxes with confidence above 0.25, matched at IoU above 0.45. The overall accuracy is the mean of the classes'"
    " shares on the diagonal; the notes of table 4 state what its interval treats as independent.",
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
    """Draw one of `FIGURES` from an evaluation.

    Args:
        confusion: confusion.csv of `uncover evaluate`.
        summary: summary.json of the same evaluation.
        published: The thesis's numbers (config/published.yaml).
        name: Name of the figure.

    Raises:
        InputError: A file is not valid.
    """
    of_set, printed = FIGURES[name]
    record, thesis = read_evaluation(summary), load_text(published)[printed].value / 100
    return confusion_matrix(read_confusion(confusion), of_set, record.accuracy, thesis, record.images)


def _records(run: Run, name: str) -> dict[str, str] | None:
    record = run.paths.rgb_tables.metrics("rgb10", name, "all")
    return {"confusion": record.confusion, "summary": record.summary} if name in run.landmark_sets else None


def confusion_matrix(
    confusion: ConfusionTable, of_set: str, accuracy: Rate, published: float | None = None, photos: int | None = None
) -> Figure:
    """Draw a matrix: shares of each column as shades and numbers, counts below them.

    Args:
        confusion: Counts; rows are predicted, columns true classes.
        of_set: Display name of the set.
        accuracy: Overall accuracy, as a share.
        published: The thesis's overall accuracy, as a share.
        photos: Number of photos scored.
    """
    counts, names = confusion.counts, confusion.names
    totals = counts.sum(axis=0)
    shares = np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    figure = new_figure(DOUBLE, 5.5)
    ((axes,),) = panels(figure, 1, 1, left=1.1, right=0.62, bottom=1.04, top=0.26)
    picture = axes.imshow(np.ma.masked_invalid(shares), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_facecolor("#EEEEEE")
    for row, column in np.argwhere(counts > 0):
        share, own = shares[row, column], row == column
        colour = "white" if share > DARK else "black"
        style: dict[str, Any] = {"color": colour, "ha": "center", "va": "center"}
        # A share that would be printed as 0.00 is left out; its count stays.
        if own or share >= 0.005:
            weight: dict[str, Any] = {"fontsize": TEXT, "fontweight": "bold"} if own else {"fontsize": SMALL}
            axes.text(column, row - 0.17, f"{share:.2f}", **style, **weight)
        axes.text(column, row + 0.24, f"{counts[row, column]:,}", **style, fontsize=FINE)
    places = range(len(names))
    axes.set_xticks(places, [f"{name}\n({total:,})" for name, total in zip(names, totals, strict=True)], rotation=90)
    axes.set_yticks(places, names)
    axes.set(xlabel="true class (boxes in its column)", ylabel="predicted class")
    # The background is not a class: a line separates its row and column.
    for line in (axes.axhline, axes.axvline):
        line(len(names) - 1.5, color="black", linewidth=0.8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    known = "" if photos is None else f", {n_of((photos, 'photo'), (int(totals[:-1].sum()), 'box'))}"
    axes.set_title(f"{of_set[0].upper()}{of_set[1:]}{known}: overall accuracy {_told(accuracy, published)}")
    place_colour_bar(figure, picture, axes, "share of the column's boxes")
    return figure


def _told(accuracy: Rate, published: float | None) -> str:
    if math.isnan(accuracy.value):
        return "n/a"
    beside = [] if math.isnan(accuracy.low) else [f"95 %: {interval(100 * accuracy.low, 100 * accuracy.high, 1)}"]
    beside += [] if published is None else [f"thesis: {100 * published:.1f}"]
    return f"{100 * accuracy.value:.1f} %" + (f" ({'; '.join(beside)})" if beside else "")


@dataclass(frozen=True)
class F1Curve:
    """F1 of the whole face against confidence.

    Attributes:
        confidence: float64 (N,), ascending.
        f1: float64 (N,).
        best: Confidence of the best F1.
        best_f1: The best F1.
        photos: Photos scored.
        faces: True faces in these photos.
    """

    confidence: NDArray[np.float64]
    f1: NDArray[np.float64]
    best: float
    best_f1: float
    photos: int
    faces: int


Panels = Mapping[tuple[str, str], F1Curve | str]
"""By detector and set: a curve, or the reason why there is none."""


def read_panels(folders: Sequence[Path]) -> dict[tuple[str, str], F1Curve | str]:
    """Read the inputs of the figure.

    Args:
        folders: Evaluations, in folders named `<model>/<set>/missed`.

    Raises:
        InputError: A folder is not an evaluation, is of another detector or set, or settings of predictions differ.
    """
    found: dict[tuple[str, str], F1Curve | str] = {}
    alike = Alike()
    for folder in folders:
        model, set_name, scope = folder.absolute().parts[-3:]
        if model not in THESIS_MODELS or set_name not in GRADES or scope != "missed":
            expected = f"{'|'.join(THESIS_MODELS)}/{'|'.join(GRADES)}/missed"
            raise InputError(f"{folder}: is in folder {model}/{set_name}/{scope}; expected {expected}")
        record = read_evaluation(folder / "summary.json")
        alike.add(folder / "summary.json", record.settings, model)
        if record.images and record.labels:
            curves = read_f1_curves(folder / "curves.parquet")
            mean = curves[curves["class_id"] == MEAN]
            x, y = (mean[axis].to_numpy(np.float64) for axis in ("x", "y"))
            best_f1 = record.scores["F1"].value
            found[model, set_name] = F1Curve(x, y, record.confidence, best_f1, record.images, record.labels)
        else:
            what = "no true face" if record.images else "no missed frame\nwith a heatmap"
            found[model, set_name] = what
    return found


@figure(
    "figure_31",
    "31: F1 against confidence by grade",
    caption="F1 against confidence of the four heatmap detectors on missed frames, by grade of occlusion. A circle"
    " marks the value of tables 12 and 13, the best of the curve as smoothed by upstream YOLOv5; a cross the thesis's.",
    inputs=lambda run: (
        {"summaries": run.summaries(run.thesis_models, run.occluded_sets, "missed")} if run.occluded_sets else None
    ),
    options=lambda run: {
        "evaluations": [
            run.paths.metrics(model, name, "missed") for model in run.thesis_models for name in run.occluded_sets
        ]
    },
)
def draw_missed_f1(evaluations: Sequence[Path] = (), *, published: Path) -> Figure:
    """Draw figure 31 from files.

    Args:
        evaluations: Folders named <model>/slapi_<grade>/missed, with summary.json and curves.parquet.
        published: The thesis's numbers (config/published.yaml).

    Raises:
        InputError: A file is not valid.
    """
    layout = thesis_layout("table_13", published)
    printed = {(model, name): layout.printed(names) for model, name, names in layout.rows()}
    read = read_panels(evaluations)
    if read and all(isinstance(panel, str) for panel in read.values()):
        return not_run("F1 on missed frames", "no missed frame of any grade has a heatmap and a true face")
    return missed_f1(read, printed)


def missed_f1(curves: Panels, published: Mapping[tuple[str, str], Mapping[str, Cell]]) -> Figure:
    """Draw a panel per detector (rows) and grade (columns).

    Args:
        curves: Curves by detector and set.
        published: Rows of the thesis's table 13 ("Conf", "F1"), by detector and set.
    """
    from matplotlib.lines import Line2D

    figure = new_figure(DOUBLE, 7.2)
    grid = panels(
        figure, len(THESIS_MODELS), len(GRADES), left=0.62, right=0.1, bottom=0.62, top=0.34, apart=(0.24, 0.44),
        sharex=True, sharey=True,
    )  # fmt: skip
    for row, (model, title) in zip(grid, THESIS_MODELS.items(), strict=True):
        for axes, (set_name, grade) in zip(row, GRADES.items(), strict=True):
            axes.set(xlim=(0, 1), ylim=(0, 1.03))
            panel = curves.get((model, set_name), ABSENT)
            if isinstance(panel, str):
                _say(axes, panel)
                told = f"\n{grade}"
            else:
                _draw(axes, panel)
                count = n_of((panel.photos, "frame"), (panel.faces, "face"))
                told = f"{grade}, {count}\nbest {panel.best_f1:.2f} at {panel.best:.3f}"
            _mark_thesis(axes, published.get((model, set_name), {}))
            axes.set_title(told, fontsize=SMALL)
        row[0].set_ylabel(f"{title}\nF1 (share)")
    for axes in grid[-1]:
        axes.set_xlabel("confidence threshold")
    marks = [
        Line2D([], [], color=CURVE, label="F1"),
        Line2D([], [], **BEST, label="best F1"),
        Line2D([], [], **PRINTED, label="thesis's best F1 (table 13)"),
    ]
    figure.legend(handles=marks, loc="lower center", bbox_to_anchor=(0.5, 0.008), ncols=len(marks))
    return figure


def _draw(axes: Axes, curve: F1Curve) -> None:
    axes.plot(curve.confidence, curve.f1, color=CURVE, linewidth=1.5)
    axes.axvline(curve.best, color="black", linewidth=0.8, linestyle=":")
    axes.plot([curve.best], [curve.best_f1], **BEST, markersize=5, clip_on=False)


def _say(axes: Axes, words: str) -> None:
    """Write text into the corner that has no cross: the thesis's best F1 are at confidences below 0.6."""
    axes.text(0.97, 0.06, words, transform=axes.transAxes, ha="right", va="bottom", fontsize=SMALL)


def _mark_thesis(axes: Axes, row: Mapping[str, Cell]) -> None:
    """Mark the thesis's best F1 of its table 13 with a cross."""
    confidence, f1 = row.get("Conf"), row.get("F1")
    if isinstance(confidence, int | float) and isinstance(f1, int | float):
        axes.plot([confidence], [f1], **PRINTED)
