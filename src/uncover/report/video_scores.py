"""The record of videos: what the report calls ways to detect, and how it reads their scores."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from uncover.errors import InputError
from uncover.metrics.videos import ALL, COLUMNS
from uncover.report.csv_records import read_csv_record

MODE_TITLES = {
    "rgb": "RGB detector alone",
    "heatmap": "with heatmaps (thesis)",
    "rescue": "with the best rescue",
    "online": "with rescue and time, online",
    "offline": "with rescue and time, offline",
}
"""By way to detect, in the order in which the report speaks of them."""

SHORT_TITLES = {"rgb": "RGB alone", "heatmap": "heatmaps", "rescue": "rescue", "online": "online", "offline": "offline"}
PART_TITLES = {("event", "dim"): "dim light", ("event", "away"): "no face", ("grade", "none"): "not covered"}
"""Of the events and grades whose plain names say too little."""


def mode_title(mode: str) -> str:
    """What a way to detect is called in print."""
    return MODE_TITLES.get(mode, mode.replace("_", " "))


def short_title(mode: str) -> str:
    """The same where there is little room."""
    return SHORT_TITLES.get(mode, mode.replace("_", " "))


def part_title(by: str, part: str) -> str:
    """What an event, a grade or all frames are called in print."""
    return PART_TITLES.get((by, part), part.replace("_", " "))


def read_scores(path: Path) -> pd.DataFrame:
    """Load the record of `uncover evaluate videos`.

    Returns:
        Rows with `COLUMNS` of `uncover.metrics.videos`; NaN stands for what has no value.

    Raises:
        InputError: It is no such record, or tells of no video.
    """
    scores = read_csv_record(path, COLUMNS, "evaluate videos")
    scores = scores.astype({name: str for name in ("mode", "video", "by", "part")})
    if not (scores["video"] == ALL).any():
        raise InputError(f"{path}: tells of no video; expected a record of 'uncover evaluate videos'")
    return scores


def overall(scores: pd.DataFrame) -> pd.DataFrame:
    """A row per way to detect: all frames of all videos together."""
    return scores[(scores["video"] == ALL) & (scores["by"] == ALL)].reset_index(drop=True)
