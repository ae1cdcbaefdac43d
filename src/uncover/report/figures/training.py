"""Figures of trainings: 24, 25 and 27 to 30 (losses and metrics), and the learning curve of fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from uncover.report.figures.style import (
    BLUE,
    DOUBLE,
    GREEN,
    LIGHT,
    PURPLE,
    SET_STYLES,
    SMALL,
    THESIS,
    VERMILLION,
    n_of,
    new_figure,
    panels,
)
from uncover.report.learning_curve import curve_of, mean_curve, read_learning_curve
from uncover.report.records import LOSSES, best_row, read_training_record
from uncover.report.registry import figure
from uncover.tables import read_summary

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
MARKS = 8
"""Spacing of markers along a curve, which distinguish val from train without colour."""
DASHES = {"train": "--", "val": ":"}
"""Line styles of the thesis's curves."""


@figure(
    "figure_24",
    "24: training of rgb10",
    caption="Training of the ten-part RGB detector by epoch, with the thesis's own record if it is available.",
    inputs=lambda run: _records(run, "rgb10", "10classes_rgb_results.csv"),
)
@figure(
    "figure_25",
    "25: training of rgb1",
    caption="Training of the RGB detector of the whole face by epoch.",
    inputs=lambda run: _records(run, "rgb1"),
    fixed={"released": None},
)
@figure(
    "figure_27",
    "27: training of gradcampp_avg",
    caption="Training of the detector on averaged GradCAM++ maps by epoch.",
    inputs=lambda run: _records(run, "gradcampp_avg"),
    fixed={"released": None},
)
@figure(
    "figure_28",
    "28: training of hirescam_avg",
    caption="Training of the detector on averaged HiResCAM maps by epoch, with the thesis's own record if it is"
    " available.",
    inputs=lambda run: _records(run, "hirescam_avg", "hirescam_results.csv"),
)
@figure(
    "figure_29",
    "29: training of gradcampp_10",
    caption="Training of the detector on GradCAM++ maps of each class by epoch.",
    inputs=lambda run: _records(run, "gradcampp_10"),
    fixed={"released": None},
)
@figure(
    "figure_30",
    "30: training of hirescam_10",
    caption="Training of the detector on HiResCAM maps of each class by epoch, with the thesis's own record if it is"
    " available.",
    inputs=lambda run: _records(run, "hirescam_10", "hirescam_perclass_results.csv"),
)
def training(record: Path, released: Path | None = None, summary: Path | None = None) -> Figure:
    """Draw a training from files.

    Args:
        record: results.csv of the training.
        released: results.csv of the thesis's own training, for comparison.
        summary: summary.json of the training, for the number of photos.

    Raises:
        InputError: A file is not such a record.
    """
    theirs = read_training_record(released) if released else None
    told = read_summary(summary, ("train_images", "val_images"), "train") if summary else {}
    counts = {part: int(told[f"{part}_images"]) for part in ("train", "val") if told}
    return training_record(read_training_record(record), theirs, counts)


def _records(run: Run, model: str, released: str = "") -> dict[str, str | list[str]]:
    """Record of a training, and the one that the thesis released, if any."""
    folder = run.config.report.released
    return {
        "record": run.paths.model(model).record,
        "summary": run.paths.model(model).summary,
        "released": [f"{folder}/{released}"] if folder and released else [],
    }


def training_record(
    record: pd.DataFrame, released: pd.DataFrame | None = None, photos: Mapping[str, int] | None = None
) -> Figure:
    """Draw a panel per loss and metric.

    Args:
        record: As `read_training_record` returns it.
        released: The thesis's record, drawn thin and grey.
        photos: Number of training photos ("train") and validation photos ("val").
    """
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(DOUBLE, 3.5)
    grid = panels(figure, 2, 4, left=0.54, right=0.08, bottom=0.38, top=0.24, apart=(0.54, 0.36), sharex=True)
    best = best_row(record)
    for axes, (loss, title) in zip(grid[0], LOSS_NAMES.items(), strict=False):
        columns = {part: f"{part}/{loss}_loss" for part in ("train", "val")}
        axes.set(title=title, ylabel="loss (no unit)")
        ours, theirs = (
            each is not None and each[list(columns.values())].to_numpy().any() for each in (record, released)
        )
        if ours or theirs:
            _draw_panel(axes, columns, record, released)
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_locator(MaxNLocator(4))
        else:
            axes.set_yticks([])
        if not ours:
            words = "ours: none\nwith one class" if theirs else "none with one class"
            place: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "va": "center", "zorder": 4}
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
            axes.text(0.5, 0.6, words, **place, fontsize=SMALL, bbox=box)
    for axes, (column, title) in zip(grid[1], METRICS.items(), strict=True):
        axes.set(title=f"{title} ({best[column]:.3f})", xlabel="epoch, from 0", ylim=(0, 1))
        axes.set_ylabel("share")
        axes.set_yticks([0, 0.5, 1])
        _draw_panel(axes, {"val": column}, record, released)
    for axes in (*grid[0, :3], *grid[1]):
        axes.axvline(best["epoch"], color="black", linewidth=0.7, linestyle="-.", label="best epoch")
    grid[0, 0].xaxis.set_major_locator(MaxNLocator(4, integer=True))
    told = f"best epoch {best['epoch']:.0f}, {len(record)} run\n(in brackets: its values)"
    if released is not None:
        told += f"\nthesis: {best_row(released)['epoch']:.0f}, {len(released)} run"
    handles = grid[0, 0].get_lines()
    grid[0, 3].set_axis_off()
    grid[0, 3].legend(
        handles=handles, labels=[_with_count(str(line.get_label()), photos or {}) for line in handles], title=told,
        loc="center left", bbox_to_anchor=(-0.2, 0.5), alignment="left", labelspacing=0.3,
    )  # fmt: skip
    return figure


def _with_count(label: str, photos: Mapping[str, int]) -> str:
    """Label of a curve, with its number of photos if known."""
    return f"{label}, {n_of((photos[label], 'photo'))}" if label in photos else label


def _draw_panel(axes: Axes, columns: dict[str, str], record: pd.DataFrame, released: pd.DataFrame | None) -> None:
    """Draw the curves of one panel, by part ("train", "val")."""
    for part, column in columns.items():
        every = max(1, len(record) // MARKS)
        axes.plot(record["epoch"], record[column], **SET_STYLES[part], markevery=every, label=part, zorder=3)
    if released is not None:
        for part, column in columns.items():
            style: dict[str, Any] = {**THESIS, "linestyle": DASHES[part], "linewidth": 0.9}
            axes.plot(released["epoch"], released[column], **style, label=f"thesis, {part}")


PANELS = {
    "ap50": "AP50 of the whole face",
    "recall": "recall of the whole face, confidence {confidence:g}, IoU {true_iou:g}",
}
LOOKS: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "marker": "o", "linestyle": "-"},
    {"color": VERMILLION, "marker": "s", "linestyle": "--"},
    {"color": GREEN, "marker": "^", "linestyle": "-."},
    {"color": PURPLE, "marker": "D", "linestyle": ":"},
)
"""Styles by number of frozen layers, ascending; distinguishable without colour."""

APART = 0.06
"""Horizontal offset between the intervals of neighbouring curves, in steps of the axis."""


@figure(
    "figure_learning_curve",
    "fine-tuning on a few frames",
    caption="Effect of a few labelled frames: the whole-face detector, fine-tuned on 5, 10, 25 ... frames of all"
    " infants but one, and evaluated on frames of the infant left out, who is in none of the training frames. Smaller"
    " training sets are subsets of larger ones, spread over the infants as evenly as possible; 0 stands for the initial"
    " weights without fine-tuning.\n"
    "Thin lines: an infant left out with all its videos; if it is unknown who is in a video, each video counts as one"
    " infant, and the axis label is video. Thick lines: mean, with its 95 % interval (Student's t over the infants,"
    ' wide if there are few). "Backbone frozen": the first ten layers keep their weights. Small training sets are'
    " repeated within an epoch, so that all trainings have about as many steps. The weights of the last epoch are"
    " evaluated, so that frames of the infant left out have no influence on them.",
    inputs=lambda run: {"record": run.paths.learning_curve} if run.fine_tunes else None,
)
def draw_learning_curve(record: Path) -> Figure:
    """Make the figure from a file.

    Args:
        record: Table of `uncover learning_curve`.

    Raises:
        InputError: The file is not such a table.
    """
    return learning_curve(read_learning_curve(record))


def learning_curve(table: pd.DataFrame) -> Figure:
    """Draw score against number of frames: a thin line per infant left out, and their mean with its interval.

    Args:
        table: As `read_learning_curve` returns it. Scores of the initial weights (count 0) start every curve, under any
            `freeze`.
    """
    figure = new_figure(DOUBLE, 3.0)
    (grid,) = panels(figure, 1, len(PANELS), left=0.46, right=0.12, bottom=0.9, top=0.26, apart=(0.3, 0), sharey=True)
    counts = sorted(table["count"].unique())
    # Numbers of frames roughly double, so they are equally spaced.
    places = {int(count): float(place) for place, count in enumerate(counts)}
    start = table[table["count"] == 0].drop_duplicates(["seed", "group"])
    frozen = sorted(table.loc[table["count"] > 0, "freeze"].unique()) or sorted(table["freeze"].unique())
    for axes, (score, title) in zip(grid, PANELS.items(), strict=True):
        for number, layers in enumerate(frozen):
            own = table[(table["freeze"] == layers) & (table["count"] > 0)]
            look = LOOKS[number % len(LOOKS)]
            shift = (number - (len(frozen) - 1) / 2) * APART
            _draw_curve(axes, pd.concat([start, own]), score, places, shift, look, _name(int(layers)))
        axes.set(
            title=title.format(confidence=table["confidence"].iloc[0], true_iou=table["true_iou"].iloc[0]),
            xlabel="labelled training frames",
            ylim=(0, 1.02),
            xticks=list(places.values()),
        )
        axes.set_xticklabels([_tick(count, table) for count in places])
        axes.grid(axis="y", color=LIGHT, linewidth=0.5)
        axes.set_axisbelow(True)
    kind = " or ".join(sorted(table["group_kind"].unique()))
    grid[0].set_ylabel(f"score on the {kind} left out (share)")
    scored = table.drop_duplicates("group")
    count = n_of((len(scored), kind), (int(scored["frames_scored"].sum()), "scored frame"))
    grid[0].legend(
        title=f"mean and 95 % interval; thin: each {kind}; {count}", loc="lower left", ncols=4,
        bbox_to_anchor=(0.46 / DOUBLE, 0.02), bbox_transform=figure.transFigure, alignment="left", handlelength=2.6,
    )  # fmt: skip
    return figure


def _draw_curve(
    axes: Axes,
    table: pd.DataFrame,
    score: str,
    places: dict[int, float],
    shift: float,
    look: dict[str, Any],
    name: str,
) -> None:
    """Draw the curves of one number of frozen layers."""
    curve = curve_of(table, score)
    for _, each in curve.items():
        x = [places[int(count)] + shift for count in each.index]
        axes.plot(x, each, color=look["color"], linestyle=look["linestyle"], linewidth=0.6, alpha=0.55)
    means = {count: rate for count, rate in mean_curve(curve).items() if rate.value == rate.value}
    x = [places[count] + shift for count in means]
    axes.plot(x, [rate.value for rate in means.values()], **look, linewidth=2, label=name, zorder=3)
    for place, rate in zip(x, means.values(), strict=True):
        if rate.low == rate.low:
            axes.plot([place] * 2, [rate.low, rate.high], color=look["color"], linewidth=1, alpha=0.8, zorder=2)


def _tick(count: int, table: pd.DataFrame) -> str:
    """Number of frames, and the actual number if there were fewer."""
    most = int(table.loc[table["count"] == count, "trained_on"].max())
    if not count:
        return "0\n(start)"
    return f"{count}" if most >= count else f"{count}\n(only {most})"


def _name(layers: int) -> str:
    # The config is slow to import, and only this figure needs it.
    from uncover.config.finetune import BACKBONE

    if layers == BACKBONE:
        return "backbone frozen"
    return f"{layers} layers frozen" if layers else "all layers trained"
