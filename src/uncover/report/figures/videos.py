"""Videos: recall and false boxes per minute by event and grade, and strips of time that say what found the face."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from uncover.datasets.records import read_table
from uncover.errors import InputError
from uncover.metrics.video_outcomes import OUTCOME_COLUMNS
from uncover.metrics.videos import ALL
from uncover.report.figures.style import new_figure
from uncover.report.figures.video_strips import draw_strips, strip_marks
from uncover.report.registry import figure
from uncover.report.video_scores import mode_title, part_title, read_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.2
VIDEOS = 4
"""Shown as strips, at most."""

MODE_STYLES: dict[str, dict[str, Any]] = {
    "rgb": {"color": "#0072B2", "marker": "o"},
    "heatmap": {"color": "#E69F00", "marker": "s"},
    "rescue": {"color": "#009E73", "marker": "D"},
    "online": {"color": "#CC79A7", "marker": "^"},
    "offline": {"color": "#8E3B6E", "marker": "v"},
}
OTHER_STYLE: dict[str, Any] = {"color": "#555555", "marker": "x"}
APART = 0.15
"""Between the marks of two ways to detect, where events are 1 apart."""


@figure(
    "figure_videos",
    "videos, step by step",
    caption="Videos, step by step: recall and false boxes per minute over all frames, by event and by grade of"
    " occlusion (frames with a face), with intervals of 95 % from blocks of consecutive seconds.\n"
    "Below, strips of time: what found the face in each frame, one strip per way to detect; triangles below a strip are"
    " frames with a false box. No frame is shown. Of more than four videos, a hash of their names decides which stand"
    " there.",
    inputs=lambda run: (
        {"scores": run.paths.video_scores, "frames": run.paths.scored_frames} if run.video_files else None
    ),
    mem_mb=2000,
)
def draw_videos(scores: Path, frames: Path) -> Figure:
    """Make the figure from files.

    Args:
        scores: Record of `uncover evaluate videos`.
        frames: Its record of each frame (--frames there).

    Raises:
        InputError: A file is not what it should be, or the two tell of different videos or ways to detect.
    """
    record = read_scores(scores)
    outcomes = read_table(frames, OUTCOME_COLUMNS, "evaluate videos --frames")
    for name in ("mode", "video"):
        if set(outcomes[name]) != set(record[name]) - {ALL}:
            raise InputError(f"{frames}: tells of other {name}s than {scores}; expected both of one evaluation")
    return videos_figure(record, outcomes)


def choose_videos(names: Sequence[str], count: int = VIDEOS) -> list[str]:
    """All videos, or as many as there is room for: a hash of their names decides, so that nobody picked them."""
    hashed = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return sorted(hashed[:count])


def videos_figure(scores: pd.DataFrame, outcomes: pd.DataFrame) -> Figure:
    """Draw two panels of numbers, and strips of some videos below them.

    Args:
        scores: As `read_scores` returns them.
        outcomes: As `read_outcomes` returns them.
    """
    modes = list(scores["mode"].unique())
    names = list(outcomes["video"].unique())
    chosen = choose_videos(names)
    strip = 0.17 * len(modes) + 0.62
    heights = [1.9, 1.75, *[strip] * len(chosen)]
    figure = new_figure(WIDTH, sum(heights) + 0.75)
    halves = figure.subfigures(2, 1, squeeze=False, height_ratios=[sum(heights[:2]) + 0.3, sum(heights[2:]) + 0.45])
    numbers, strips = np.ravel(halves)
    recall, false = numbers.subplots(2, 1, sharex=True, height_ratios=heights[:2])
    rows = scores[scores["video"] == ALL]
    _panel(recall, rows, modes, "recall", "recall")
    recall.set_ylim(0, 1.03)
    _panel(false, rows, modes, "false_per_minute", "false boxes per minute")
    false.set_ylim(bottom=0)
    marks, titles = recall.get_legend_handles_labels()
    numbers.legend(marks, titles, loc="outside upper center", ncols=3, fontsize=7)
    each = np.ravel(strips.subplots(len(chosen), 1, squeeze=False))
    for axes, video in zip(each, chosen, strict=True):
        draw_strips(axes, video, outcomes[outcomes["video"] == video], modes)
    shown = "" if len(names) == len(chosen) else f" ({len(chosen)} of {len(names)} videos)"
    each[-1].set_xlabel(f"seconds{shown}", fontsize=8)
    seen = outcomes[outcomes["video"].isin(chosen) & outcomes["face"]]
    marks = strip_marks(list(seen["found_by"].unique()))
    strips.legend(handles=marks, loc="outside lower center", ncols=4, fontsize=7)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, modes: Sequence[str], name: str, title: str) -> None:
    """One number with its intervals: all frames, events, grades from left to right, ways to detect side by side."""
    parts = list(rows[["by", "part"]].drop_duplicates().itertuples(index=False, name=None))
    # A gap where grades follow events.
    groups = [by for by, _ in parts]
    places = {part: number + 0.5 * len(set(groups[: number + 1])) for number, part in enumerate(parts)}
    for number, mode in enumerate(modes):
        own = rows[(rows["mode"] == mode) & rows[name].notna()]
        at = np.array([places[by, part] for by, part in zip(own["by"], own["part"], strict=True)])
        at = at + APART * (number - (len(modes) - 1) / 2)
        style = {"markersize": 4, "linestyle": "none", **MODE_STYLES.get(mode, OTHER_STYLE)}
        ends = np.stack([own[name] - own[f"{name}_low"], own[f"{name}_high"] - own[name]])
        # The percentiles of skewed resamples may leave the value outside.
        ends = np.maximum(np.nan_to_num(ends), 0)
        axes.errorbar(at, own[name], yerr=ends, elinewidth=0.8, label=mode_title(mode), clip_on=False, **style)
    titles = [part_title(by, part) for by, part in parts]
    axes.set_xticks([places[part] for part in parts], titles, fontsize=7)
    axes.tick_params(axis="x", length=0)
    axes.tick_params(axis="y", labelsize=7)
    axes.grid(axis="y", linewidth=0.4, color="#DDDDDD")
    axes.set_axisbelow(True)
    axes.set_ylabel(title, fontsize=8)
    for part in parts[1:]:
        if groups.index(part[0]) == parts.index(part):
            axes.axvline(places[part] - 0.75, color="#999999", linewidth=0.6)
