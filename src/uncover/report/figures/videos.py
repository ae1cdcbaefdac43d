"""Figure of videos: recall and false positives by event and grade, and timelines of what found the face."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from uncover.errors import InputError
from uncover.metrics.videos import ALL, NOT_FOUND, OUTCOME_COLUMNS, STEPS
from uncover.report.figures.style import (
    DOUBLE,
    GREEN,
    LIGHT,
    METHOD_STYLES,
    ORANGE,
    PURPLE,
    SKY,
    SMALL,
    VERMILLION,
    n_of,
    new_figure,
    panels,
)
from uncover.report.registry import figure
from uncover.report.videos import mode_title, part_title, read_scores, short_title
from uncover.tables import read_table

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NO_FACE, FALSE_BOX = "no face in the frame", "false positive"
STATES = {
    "rgb": (SKY, "found by the RGB detector"),
    "heatmap": (ORANGE, "by heatmaps"),
    "rescue": (GREEN, "by the rescue"),
    "temporal": (PURPLE, "by tracking"),
    NOT_FOUND: ("#222222", "not found"),
}
"""Colour and legend text by outcome; missed faces are dark, so that gaps stand out."""

FALSE_COLOUR = VERMILLION
EVENT_COLOURS = ("#E4E4E4", "#F3F3F3")
HEIGHT = 0.72
"""Height of a strip as a share of its space."""

NARROWEST = 0.055
"""Minimum share of the strip for which an event's name is printed."""


@dataclass(frozen=True)
class Run:
    """Consecutive frames with the same value.

    Attributes:
        what: The common value.
        start: Seconds.
        length: Seconds.
    """

    what: str
    start: float
    length: float


def runs_of(frames: pd.DataFrame, what: pd.Series) -> list[Run]:
    """Runs of equal values in the frames of one video.

    Args:
        frames: Frames in order, with `second` and `seconds`.
        what: Value of each frame.
    """
    number = (what != what.shift()).cumsum()
    ends = frames["second"] + frames["seconds"]
    grouped = pd.DataFrame({"what": what, "start": frames["second"], "end": ends}).groupby(number, sort=True)
    return [
        Run(str(own["what"].iloc[0]), float(own["start"].iloc[0]), float(own["end"].iloc[-1] - own["start"].iloc[0]))
        for _, own in grouped
    ]


def draw_strips(axes: Axes, video: str, outcomes: pd.DataFrame, modes: Sequence[str]) -> None:
    """Draw the timelines of one video.

    Args:
        axes: Axes to draw in.
        video: Name of the video.
        outcomes: Its rows, as `read_outcomes` returns them.
        modes: Detection modes, from top to bottom.
    """
    first = outcomes[outcomes["mode"] == modes[0]]
    total = float(first["second"].iloc[-1] + first["seconds"].iloc[-1])
    for number, run in enumerate(runs_of(first, first["event"])):
        axes.broken_barh([(run.start, run.length)], (-1.45, 0.9), facecolor=EVENT_COLOURS[number % 2], linewidth=0)
        axes.axvline(run.start, color="#BBBBBB", linewidth=0.5, zorder=0)
        if run.length >= NARROWEST * total:
            middle = run.start + run.length / 2
            axes.text(middle, -1.0, part_title("event", run.what), ha="center", va="center", fontsize=SMALL)
    for row, mode in enumerate(modes):
        own = outcomes[outcomes["mode"] == mode]
        runs = runs_of(own, own["found_by"].where(own["face"], NO_FACE))
        axes.broken_barh([(0, total)], (row - HEIGHT / 2, HEIGHT), facecolor="none", edgecolor="#BBBBBB", linewidth=0.5)
        for state, (colour, _) in STATES.items():
            spans = [(run.start, run.length) for run in runs if run.what == state]
            axes.broken_barh(spans, (row - HEIGHT / 2, HEIGHT), facecolor=colour, linewidth=0)
        wrong = own[own["false_boxes"] > 0]
        # Empty collections of markers would still take space.
        if len(wrong):
            at = wrong["second"] + wrong["seconds"] / 2
            below = np.full(len(at), row + HEIGHT / 2 + 0.06)
            axes.plot(at, below, "^", color=FALSE_COLOUR, markersize=2.5, clip_on=False)
    axes.set(xlim=(0, total), ylim=(len(modes) - 0.35, -1.5))
    axes.set_yticks(range(len(modes)), [short_title(mode) for mode in modes])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_title(video.replace("_", " "), loc="left", pad=2)


def strip_marks(found_by: Sequence[str]) -> list[Artist]:
    """Legend entries of the steps that found a face."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    shown = [state for state in (*STEPS, NOT_FOUND) if state in found_by]
    patches: list[Artist] = [Patch(facecolor=STATES[state][0], label=STATES[state][1]) for state in shown]
    empty = Patch(facecolor="white", edgecolor="#BBBBBB", linewidth=0.5, label=NO_FACE)
    wrong = Line2D([], [], marker="^", linestyle="none", color=FALSE_COLOUR, markersize=4, label=FALSE_BOX)
    return [*patches, empty, wrong]


VIDEOS = 4
"""Maximum number of videos shown as timelines."""

OTHER_STYLE: dict[str, Any] = {"color": "#555555", "marker": "x"}
LEFT, RIGHT = 0.62, 0.1
"""Margins, in inches."""

APART = 0.15
"""Distance between the markers of two modes; events are 1 apart."""


@figure(
    "figure_videos",
    "videos, step by step",
    caption="Videos, step by step: recall and false positives per minute over all frames, by event and by grade of"
    " occlusion (frames with a face), with 95 % intervals from blocks of consecutive seconds.\n"
    "Below: timelines of what found the face in each frame, one strip per detection mode; triangles below a strip mark"
    " frames with a false positive. No frame is shown. If there are more than four videos, a hash of their names"
    " selects four.",
    inputs=lambda run: (
        {"scores": run.paths.video_scores, "frames": run.paths.scored_frames} if run.video_files else None
    ),
    mem_mb=2000,
)
def draw_videos(scores: Path, frames: Path) -> Figure:
    """Make the figure from files.

    Args:
        scores: Record of `uncover evaluate videos`.
        frames: Its record of each frame (option --frames).

    Raises:
        InputError: A file is not valid, or the two are of different videos or detection modes.
    """
    record = read_scores(scores)
    outcomes = read_table(frames, OUTCOME_COLUMNS, "evaluate videos --frames")
    for name in ("mode", "video"):
        if set(outcomes[name]) != set(record[name]) - {ALL}:
            raise InputError(f"{frames}: has other {name}s than {scores}; pass two files of one evaluation")
    return videos_figure(record, outcomes)


def choose_videos(names: Sequence[str], count: int = VIDEOS) -> list[str]:
    """All videos, or as many as fit, chosen by a hash of their names so that the choice is not manual."""
    hashed = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return sorted(hashed[:count])


def videos_figure(scores: pd.DataFrame, outcomes: pd.DataFrame) -> Figure:
    """Draw two panels of numbers, and timelines of some videos below them.

    Args:
        scores: As `read_scores` returns them.
        outcomes: As `read_outcomes` returns them.
    """
    modes = list(scores["mode"].unique())
    names = list(outcomes["video"].unique())
    chosen = choose_videos(names)
    strip, between, room = 0.15 * len(modes) + 0.27, 0.56, 0.5
    below = len(chosen) * (strip + between) + room
    high = 3.5 + below
    figure = new_figure(DOUBLE, high)
    (recall,), (false,) = panels(
        figure, 2, 1, left=LEFT, right=RIGHT, bottom=below + 0.2, top=0.36, apart=(0, 0.12), sharex=True
    )
    rows = scores[scores["video"] == ALL]
    _panel(recall, rows, modes, "recall", "recall (share)")
    recall.set_ylim(0, 1.03)
    recall.tick_params(axis="x", labelbottom=False)
    _panel(false, rows, modes, "false_per_minute", "false positives per minute")
    false.set_ylim(bottom=0)
    marks, titles = recall.get_legend_handles_labels()
    figure.legend(marks, titles, loc="upper center", bbox_to_anchor=(0.5, 1 - 0.03 / high), ncols=3, labelspacing=0.25)
    each = panels(
        figure, len(chosen), 1, left=LEFT, right=RIGHT, bottom=room + 0.28, top=high - below + between - 0.28,
        apart=(0, between),
    )[:, 0]  # fmt: skip
    for axes, video in zip(each, chosen, strict=True):
        draw_strips(axes, video, outcomes[outcomes["video"] == video], modes)
        axes.set_xlabel("time in seconds")
    frames = len(outcomes[outcomes["mode"] == modes[0]])
    shown = "" if len(names) == len(chosen) else f"; timelines of {len(chosen)} of them"
    each[-1].set_xlabel(f"time in seconds ({n_of((len(names), 'video'), (frames, 'frame'))}{shown})")
    seen = outcomes[outcomes["video"].isin(chosen) & outcomes["face"]]
    marks = strip_marks(list(seen["found_by"].unique()))
    figure.legend(handles=marks, loc="lower center", bbox_to_anchor=(0.5, 0.03 / high), ncols=4, labelspacing=0.25)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, modes: Sequence[str], name: str, title: str) -> None:
    """One number with its intervals: all frames, events and grades from left to right, modes side by side."""
    parts = list(rows[["by", "part"]].drop_duplicates().itertuples(index=False, name=None))
    # A gap separates grades from events.
    groups = [by for by, _ in parts]
    places = {part: number + 0.5 * len(set(groups[: number + 1])) for number, part in enumerate(parts)}
    for number, mode in enumerate(modes):
        own = rows[(rows["mode"] == mode) & rows[name].notna()]
        at = np.array([places[by, part] for by, part in zip(own["by"], own["part"], strict=True)])
        at = at + APART * (number - (len(modes) - 1) / 2)
        style = {"markersize": 4, "linestyle": "none", **METHOD_STYLES.get(mode, OTHER_STYLE)}
        ends = np.stack([own[name] - own[f"{name}_low"], own[f"{name}_high"] - own[name]])
        # The percentile interval of a skewed distribution may exclude the value.
        ends = np.maximum(np.nan_to_num(ends), 0)
        axes.errorbar(at, own[name], yerr=ends, elinewidth=0.8, label=mode_title(mode), clip_on=False, **style)
    titles = [part_title(by, part) for by, part in parts]
    axes.set_xticks([places[part] for part in parts], titles)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y", linewidth=0.4, color=LIGHT)
    axes.set_axisbelow(True)
    axes.set_ylabel(title)
    for part in parts[1:]:
        if groups.index(part[0]) == parts.index(part):
            axes.axvline(places[part] - 0.75, color="#999999", linewidth=0.6)
