"""Figures 24, 25 and 27 to 30: losses and metrics of a training, epoch by epoch (thesis appendix)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from uncover.report.figures.style import new_figure
from uncover.report.registry import figure
from uncover.report.training_record import LOSSES, best_row, read_training_record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from uncover.workflow.targets import Run

LOSS_NAMES = dict(zip(LOSSES, ("box loss", "objectness loss", "class loss"), strict=True))
METRICS = {
    "metrics/precision": "precision",
    "metrics/recall": "recall",
    "metrics/mAP_0.5": "mAP50",
    "metrics/mAP_0.5:0.95": "mAP50-95",
}
TRAIN: dict[str, Any] = {"color": "#0072B2", "linewidth": 1.3, "marker": "s", "markersize": 2}
VAL: dict[str, Any] = {"color": "#D55E00", "linewidth": 1.3, "marker": "o", "markersize": 3}
MARKS = 8
"""Markers along a curve, so that val can be told from train without colour."""
RELEASED: dict[str, Any] = {"color": "#777777", "linewidth": 0.8}
DASHES = {"train": "--", "val": ":"}
"""Of the thesis's curves."""


@figure(
    "figure_24",
    "24: training of rgb10",
    caption="Training of the ten-part RGB detector, epoch by epoch; the thesis's own record stands beside it"
    " where it is at hand.",
    inputs=lambda run: _records(run, "rgb10", "10classes_rgb_results.csv"),
)
@figure(
    "figure_25",
    "25: training of rgb1",
    caption="Training of the RGB detector of the whole face only, epoch by epoch.",
    inputs=lambda run: _records(run, "rgb1"),
    fixed={"released": None},
)
@figure(
    "figure_27",
    "27: training of gradcampp_avg",
    caption="Training of the detector on averaged GradCAM++ maps, epoch by epoch.",
    inputs=lambda run: _records(run, "gradcampp_avg"),
    fixed={"released": None},
)
@figure(
    "figure_28",
    "28: training of hirescam_avg",
    caption="Training of the detector on averaged HiResCAM maps, epoch by epoch; the thesis's own record stands"
    " beside it where it is at hand.",
    inputs=lambda run: _records(run, "hirescam_avg", "hirescam_results.csv"),
)
@figure(
    "figure_29",
    "29: training of gradcampp_10",
    caption="Training of the detector on GradCAM++ maps of each class, epoch by epoch.",
    inputs=lambda run: _records(run, "gradcampp_10"),
    fixed={"released": None},
)
@figure(
    "figure_30",
    "30: training of hirescam_10",
    caption="Training of the detector on HiResCAM maps of each class, epoch by epoch; the thesis's own record"
    " stands beside it where it is at hand.",
    inputs=lambda run: _records(run, "hirescam_10", "hirescam_perclass_results.csv"),
)
def training(record: Path, released: Path | None = None) -> Figure:
    """Draw a training from files.

    Args:
        record: results.csv of the training.
        released: results.csv of the thesis's own training, to draw beside it.

    Raises:
        InputError: A file is no record.
    """
    theirs = read_training_record(released) if released else None
    return training_record(read_training_record(record), theirs)


def _records(run: Run, model: str, released: str = "") -> dict[str, str | list[str]]:
    """The record of a training, and the one that the thesis released, if it did."""
    folder = run.config.report.released
    return {
        "record": run.paths.model(model).record,
        "released": [f"{folder}/{released}"] if folder and released else [],
    }


def training_record(record: pd.DataFrame, released: pd.DataFrame | None = None) -> Figure:
    """Draw a panel per loss and metric.

    Args:
        record: As `read_training_record` returns it.
        released: The thesis's, drawn thin and grey.
    """
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(7.2, 4.2)
    panels = figure.subplots(2, 4, sharex=True)
    best = best_row(record)
    for axes, (loss, title) in zip(panels[0], LOSS_NAMES.items(), strict=False):
        columns = {part: f"{part}/{loss}_loss" for part in ("train", "val")}
        axes.set(title=title, ylabel="loss (no unit)")
        ours, theirs = (
            each is not None and each[list(columns.values())].to_numpy().any() for each in (record, released)
        )
        if ours or theirs:
            _draw(axes, columns, record, released)
            axes.set_ylim(bottom=0)
        else:
            axes.set_yticks([])
        if not ours:
            words = "ours: none\nwith one class" if theirs else "none with one class"
            place: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "va": "center", "zorder": 4}
            axes.text(0.6, 0.6, words, **place, fontsize=7, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    for axes, (column, title) in zip(panels[1], METRICS.items(), strict=True):
        axes.set(title=f"{title} ({best[column]:.3f})", ylabel="share", xlabel="epoch, from 0", ylim=(0, 1))
        _draw(axes, {"val": column}, record, released)
    for axes in (*panels[0, :3], *panels[1]):
        axes.axvline(best["epoch"], color="black", linewidth=0.7, linestyle="-.", label="best epoch")
        axes.yaxis.label.set_size(7)
    panels[0, 0].xaxis.set_major_locator(MaxNLocator(4, integer=True))
    told = f"best epoch {best['epoch']:.0f}, {len(record)} run\n(in brackets: its values)"
    if released is not None:
        told += f"\nthesis: {best_row(released)['epoch']:.0f}, {len(released)} run"
    panels[0, 3].set_axis_off()
    panels[0, 3].legend(
        handles=panels[0, 0].get_lines(), title=told, loc="center left", bbox_to_anchor=(-0.15, 0.5), fontsize=8,
        title_fontsize=8, alignment="left",
    )  # fmt: skip
    return figure


def _draw(axes: Axes, columns: dict[str, str], record: pd.DataFrame, released: pd.DataFrame | None) -> None:
    """Draw the curves of one panel, by part ("train", "val")."""
    for part, column in columns.items():
        style = TRAIN if part == "train" else VAL
        every = max(1, len(record) // MARKS)
        axes.plot(record["epoch"], record[column], **style, markevery=every, label=part, zorder=3)
    if released is not None:
        for part, column in columns.items():
            axes.plot(released["epoch"], released[column], **RELEASED, linestyle=DASHES[part], label=f"thesis, {part}")
