"""Figure 31: F1 against confidence on missed frames, by grade of occlusion and heatmap detector (thesis appendix)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.metrics.predictions import Alike
from uncover.report.figures.style import new_figure
from uncover.report.models import THESIS_MODELS
from uncover.report.published import Cell
from uncover.report.records import MEAN, read_evaluation, read_f1_curves
from uncover.report.registry import figure
from uncover.report.tables.second_step import GRADES, thesis_layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVE = "#0072B2"
BEST: dict[str, Any] = {"marker": "o", "color": "white", "markeredgecolor": "black", "linestyle": "none"}
THESIS: dict[str, Any] = {"marker": "x", "markersize": 6, "color": "#777777", "linestyle": "none"}
ABSENT = "not in this run"


@dataclass(frozen=True)
class F1Curve:
    """The F1 of the whole face over confidence.

    Attributes:
        confidence: float64 (N,), rising.
        f1: float64 (N,).
        best: Confidence of the best F1.
        best_f1: The F1 there.
        photos: Scored.
        faces: True ones in them.
    """

    confidence: NDArray[np.float64]
    f1: NDArray[np.float64]
    best: float
    best_f1: float
    photos: int
    faces: int


Panels = Mapping[tuple[str, str], F1Curve | str]
"""By detector and set: a curve, or words that say why there is none."""


def read_panels(folders: Sequence[Path]) -> dict[tuple[str, str], F1Curve | str]:
    """Read the records behind the figure.

    Args:
        folders: Of evaluations, named `<model>/<set>/missed`.

    Raises:
        InputError: One is no evaluation, or of another detector or set, or its predictions were made otherwise.
    """
    panels: dict[tuple[str, str], F1Curve | str] = {}
    alike = Alike()
    for folder in folders:
        model, set_name, scope = folder.absolute().parts[-3:]
        if model not in THESIS_MODELS or set_name not in GRADES or scope != "missed":
            expected = f"{'|'.join(THESIS_MODELS)}/{'|'.join(GRADES)}/missed"
            raise InputError(f"{folder}: stands in {model}/{set_name}/{scope}; expected {expected}")
        record = read_evaluation(folder / "summary.json")
        alike.add(folder / "summary.json", record.settings, model)
        if record.images and record.labels:
            curves = read_f1_curves(folder / "curves.parquet")
            mean = curves[curves["class_id"] == MEAN]
            x, y = (mean[axis].to_numpy(np.float64) for axis in ("x", "y"))
            best_f1 = record.scores["F1"].value
            panels[model, set_name] = F1Curve(x, y, record.confidence, best_f1, record.images, record.labels)
        else:
            what = "no true face" if record.images else "no missed frame\nwith a heatmap"
            panels[model, set_name] = what
    return panels


@figure(
    "figure_31",
    "31: F1 against confidence by grade",
    caption="F1 against confidence of the four heatmap detectors on missed frames, by grade of occlusion. A circle"
    " marks the best F1, a cross the thesis's.",
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
        InputError: A file is not what it should be.
    """
    layout = thesis_layout("table_13", published)
    printed = {(model, name): layout.printed(names) for model, name, names in layout.rows()}
    return missed_f1(read_panels(evaluations), printed)


def missed_f1(panels: Panels, published: Mapping[tuple[str, str], Mapping[str, Cell]]) -> Figure:
    """Draw a panel per detector (rows) and grade (columns).

    Args:
        panels: What is at hand.
        published: Rows of the thesis's table 13 ("Conf", "F1"), by detector and set.
    """
    from matplotlib.lines import Line2D

    figure = new_figure(7.2, 8.2)
    grid = figure.subplots(len(THESIS_MODELS), len(GRADES), sharex=True, sharey=True)
    for row, (model, title) in zip(grid, THESIS_MODELS.items(), strict=True):
        for axes, (set_name, grade) in zip(row, GRADES.items(), strict=True):
            axes.set(xlim=(0, 1), ylim=(0, 1.03))
            panel = panels.get((model, set_name), ABSENT)
            if isinstance(panel, str):
                _say(axes, panel)
                told = "–"
            else:
                _draw(axes, panel)
                told = f"best {panel.best_f1:.2f} at {panel.best:.3f}"
            _mark_thesis(axes, published.get((model, set_name), {}))
            axes.set_title(f"{grade}: {told}", fontsize=8)
        row[0].set_ylabel(f"{title}\nF1", fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("confidence threshold", fontsize=8)
    marks = [Line2D([], [], **BEST, label="best F1"), Line2D([], [], **THESIS, label="thesis's best F1 (table 13)")]
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), fontsize=8)
    return figure


def _draw(axes: Axes, curve: F1Curve) -> None:
    axes.plot(curve.confidence, curve.f1, color=CURVE, linewidth=1.5)
    axes.axvline(curve.best, color="black", linewidth=0.8, linestyle=":")
    axes.plot([curve.best], [curve.best_f1], **BEST, clip_on=False)
    _say(axes, f"{curve.photos} frames, {curve.faces} faces")


def _say(axes: Axes, words: str) -> None:
    """In the corner where neither curves nor crosses are."""
    axes.text(0.97, 0.97, words, transform=axes.transAxes, ha="right", va="top", fontsize=7)


def _mark_thesis(axes: Axes, row: Mapping[str, Cell]) -> None:
    """The thesis's best F1 as a cross, as its table 13 prints it."""
    confidence, f1 = row.get("Conf"), row.get("F1")
    if isinstance(confidence, int | float) and isinstance(f1, int | float):
        axes.plot([confidence], [f1], **THESIS)
