"""Strips of time: what found the face in each frame of a video, one strip per way to detect, below its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from uncover.metrics.video_outcomes import NOT_FOUND, STEPS
from uncover.report.video_scores import part_title, short_title

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

NO_FACE, FALSE_BOX = "no face in the picture", "false box"
STATES = {
    "rgb": ("#56B4E9", "found by the RGB detector"),
    "heatmap": ("#E69F00", "by heatmaps"),
    "rescue": ("#009E73", "by the rescue"),
    "temporal": ("#CC79A7", "by time"),
    NOT_FOUND: ("#222222", "not found"),
}
"""Colour and title of what became of a face; what is missed is dark, so that gaps are seen first."""

FALSE_COLOUR = "#D55E00"
EVENT_COLOURS = ("#E4E4E4", "#F3F3F3")
HEIGHT = 0.72
"""Of a strip, of the room that it has."""

NARROWEST = 0.055
"""Share of the strip from which on there is room for an event's name."""


@dataclass(frozen=True)
class Run:
    """Consecutive frames with one thing in common.

    Attributes:
        what: They have in common.
        start: Seconds.
        length: Seconds.
    """

    what: str
    start: float
    length: float


def runs_of(frames: pd.DataFrame, what: pd.Series) -> list[Run]:
    """Frames of one video as runs.

    Args:
        frames: With `second` and `seconds`, in order.
        what: By frame.
    """
    number = (what != what.shift()).cumsum()
    ends = frames["second"] + frames["seconds"]
    grouped = pd.DataFrame({"what": what, "start": frames["second"], "end": ends}).groupby(number, sort=True)
    return [
        Run(str(own["what"].iloc[0]), float(own["start"].iloc[0]), float(own["end"].iloc[-1] - own["start"].iloc[0]))
        for _, own in grouped
    ]


def draw_strips(axes: Axes, video: str, outcomes: pd.DataFrame, modes: Sequence[str]) -> None:
    """Draw one video.

    Args:
        axes: To draw in.
        video: Its name.
        outcomes: Its rows, as `read_outcomes` returns them.
        modes: Ways to detect, from top to bottom.
    """
    first = outcomes[outcomes["mode"] == modes[0]]
    total = float(first["second"].iloc[-1] + first["seconds"].iloc[-1])
    for number, run in enumerate(runs_of(first, first["event"])):
        axes.broken_barh([(run.start, run.length)], (-1.45, 0.9), facecolor=EVENT_COLOURS[number % 2], linewidth=0)
        axes.axvline(run.start, color="#BBBBBB", linewidth=0.5, zorder=0)
        if run.length >= NARROWEST * total:
            middle = run.start + run.length / 2
            axes.text(middle, -1.0, part_title("event", run.what), ha="center", va="center", fontsize=7)
    for row, mode in enumerate(modes):
        own = outcomes[outcomes["mode"] == mode]
        runs = runs_of(own, own["found_by"].where(own["face"], NO_FACE))
        axes.broken_barh([(0, total)], (row - HEIGHT / 2, HEIGHT), facecolor="none", edgecolor="#BBBBBB", linewidth=0.5)
        for state, (colour, _) in STATES.items():
            spans = [(run.start, run.length) for run in runs if run.what == state]
            axes.broken_barh(spans, (row - HEIGHT / 2, HEIGHT), facecolor=colour, linewidth=0)
        wrong = own[own["false_boxes"] > 0]
        # Marks of nothing would still take room.
        if len(wrong):
            at = wrong["second"] + wrong["seconds"] / 2
            below = np.full(len(at), row + HEIGHT / 2 + 0.06)
            axes.plot(at, below, "^", color=FALSE_COLOUR, markersize=2.5, clip_on=False)
    axes.set(xlim=(0, total), ylim=(len(modes) - 0.35, -1.5))
    axes.set_yticks(range(len(modes)), [short_title(mode) for mode in modes], fontsize=7)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=7)
    axes.spines["left"].set_visible(False)
    axes.set_title(video.replace("_", " "), fontsize=8, loc="left", pad=2)


def strip_marks(found_by: Sequence[str]) -> list[Artist]:
    """What the colours mean, of the steps that found anything."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    shown = [state for state in (*STEPS, NOT_FOUND) if state in found_by]
    patches: list[Artist] = [Patch(facecolor=STATES[state][0], label=STATES[state][1]) for state in shown]
    empty = Patch(facecolor="white", edgecolor="#BBBBBB", linewidth=0.5, label=NO_FACE)
    wrong = Line2D([], [], marker="^", linestyle="none", color=FALSE_COLOUR, markersize=4, label=FALSE_BOX)
    return [*patches, empty, wrong]
