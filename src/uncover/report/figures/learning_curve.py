"""Learning curve: what fine-tuning on a few frames is worth on an infant of whom none was seen (thesis section 5.2)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from uncover.config.finetune import BACKBONE
from uncover.report.figures.style import new_figure
from uncover.report.learning_curve import curve_of, mean_curve, read_learning_curve
from uncover.report.registry import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = {"ap50": "AP50 of the whole face", "recall": "recall of the whole face, confidence {confidence:g}"}
LOOKS: tuple[dict[str, Any], ...] = (
    {"color": "#0072B2", "marker": "o", "linestyle": "-"},
    {"color": "#D55E00", "marker": "s", "linestyle": "--"},
    {"color": "#009E73", "marker": "^", "linestyle": "-."},
    {"color": "#7B4FA3", "marker": "D", "linestyle": ":"},
)
"""Of the numbers of frozen layers, in rising order; to be told apart without colour too."""

APART = 0.06
"""By which the intervals of neighbouring curves stand beside each other, in steps of the axis."""


@figure(
    "figure_learning_curve",
    "fine-tuning on a few frames",
    caption="What a few labelled frames are worth: the whole-face detector, fine-tuned on 5, 10, 25 ... frames of all"
    " infants but one, and scored on frames of the one left out, of whom it has seen none. The frames of a smaller"
    " number are among those of a larger one, spread over the infants as evenly as can be; 0 are the start weights as"
    " they are.\n"
    "Thin lines: an infant left out with all its videos; where nobody says who is in a video, each counts as one"
    " infant, and the axis says video. Thick lines: their mean, with its 95 % interval (Student's t over the infants,"
    ' wide where they are few). "Backbone frozen": the first ten layers keep their weights. Few frames stand several'
    " times in an epoch, so that trainings have about as many steps; the weights of the last epoch are scored: no frame"
    " of the infant left out has a say in them.",
    inputs=lambda run: {"record": run.paths.learning_curve} if run.fine_tunes else None,
)
def draw_learning_curve(record: Path) -> Figure:
    """Make the figure from a file.

    Args:
        record: Table of `uncover learning_curve`.

    Raises:
        InputError: It is no such file.
    """
    return learning_curve(read_learning_curve(record))


def learning_curve(table: pd.DataFrame) -> Figure:
    """Draw score against the number of frames: a thin line per infant left out, and their mean with its interval.

    Args:
        table: As `read_learning_curve` returns it. Scores of the start weights, count 0, begin every curve, whichever
            `freeze` they stand under.
    """
    figure = new_figure(7.2, 3.1)
    panels = figure.subplots(1, len(PANELS), sharey=True)
    counts = sorted(table["count"].unique())
    # Numbers of frames about double from one to the next, so they stand at equal distances.
    places = {int(count): float(place) for place, count in enumerate(counts)}
    start = table[table["count"] == 0].drop_duplicates(["seed", "group"])
    frozen = sorted(table.loc[table["count"] > 0, "freeze"].unique()) or sorted(table["freeze"].unique())
    for axes, (score, title) in zip(panels, PANELS.items(), strict=True):
        for number, layers in enumerate(frozen):
            own = table[(table["freeze"] == layers) & (table["count"] > 0)]
            look = LOOKS[number % len(LOOKS)]
            shift = (number - (len(frozen) - 1) / 2) * APART
            _draw(axes, pd.concat([start, own]), score, places, shift, look, _name(int(layers)))
        axes.set(
            title=title.format(confidence=table["confidence"].iloc[0]),
            xlabel="labelled frames to learn from",
            ylim=(0, 1.02),
            xticks=list(places.values()),
        )
        axes.set_xticklabels([_tick(count, table) for count in places])
        axes.grid(axis="y", color="#DDDDDD", linewidth=0.5)
        axes.set_axisbelow(True)
    panels[0].set_ylabel(f"score on the {' or '.join(sorted(table['group_kind'].unique()))} left out")
    panels[-1].legend(loc="lower right", fontsize=8)
    return figure


def _draw(
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
    axes.plot(x, [rate.value for rate in means.values()], **look, linewidth=2, markersize=4, label=name, zorder=3)
    for place, rate in zip(x, means.values(), strict=True):
        if rate.low == rate.low:
            axes.plot([place] * 2, [rate.low, rate.high], color=look["color"], linewidth=1, alpha=0.8, zorder=2)


def _tick(count: int, table: pd.DataFrame) -> str:
    """A number of frames, and how many there were where they were fewer."""
    most = int(table.loc[table["count"] == count, "trained_on"].max())
    if not count:
        return "0\n(start)"
    return f"{count}" if most >= count else f"{count}\n({most} there)"


def _name(layers: int) -> str:
    if layers == BACKBONE:
        return "backbone frozen"
    return f"{layers} layers frozen" if layers else "all layers learn"
