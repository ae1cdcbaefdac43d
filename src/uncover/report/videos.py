"""Videos in the report: display names of detection modes, their scores, and a conclusion."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from uncover.errors import InputError
from uncover.metrics.videos import ALL, COLUMNS
from uncover.report.tables.table import with_interval
from uncover.tables import read_table

MODE_TITLES = {
    "rgb": "RGB detector alone",
    "heatmap": "with heatmaps (thesis)",
    "rescue": "with the best rescue",
    "online": "with rescue and tracking, online",
    "offline": "with rescue and tracking, offline",
}
"""Display name by detection mode, in report order."""

SHORT_TITLES = {"rgb": "RGB alone", "heatmap": "heatmaps", "rescue": "rescue", "online": "online", "offline": "offline"}
PART_TITLES = {("event", "dim"): "dim light", ("event", "away"): "no face", ("grade", "none"): "not covered"}
"""Display names of events and grades whose plain names are unclear."""


def mode_title(mode: str) -> str:
    """Display name of a detection mode."""
    return MODE_TITLES.get(mode, mode.replace("_", " "))


def short_title(mode: str) -> str:
    """Short display name of a detection mode."""
    return SHORT_TITLES.get(mode, mode.replace("_", " "))


def part_title(by: str, part: str) -> str:
    """Display name of an event, a grade or all frames."""
    return PART_TITLES.get((by, part), part.replace("_", " "))


def read_scores(path: Path) -> pd.DataFrame:
    """Load the record of `uncover evaluate videos`.

    Returns:
        Rows with `COLUMNS` of `uncover.metrics.videos`; NaN for missing values.

    Raises:
        InputError: The file is not such a record, or has no video.
    """
    scores = read_table(path, COLUMNS, "evaluate videos")
    scores = scores.astype({name: str for name in ("mode", "video", "by", "part")})
    if not (scores["video"] == ALL).any():
        raise InputError(f"{path}: has no video; expected a record of 'uncover evaluate videos'")
    return scores


def overall(scores: pd.DataFrame) -> pd.DataFrame:
    """One row per detection mode: all frames of all videos together."""
    return scores[(scores["video"] == ALL) & (scores["by"] == ALL)].reset_index(drop=True)


def video_verdict(scores: Path | None) -> list[str]:
    """One sentence per detection mode: faces found, false positives, and whether the difference to the first is chance.

    Args:
        scores: Record of `uncover evaluate videos`, if the run has one.

    Raises:
        InputError: The file is not such a record.
    """
    if scores is None:
        return []
    rows = overall(read_scores(scores))
    return [_sentence(row) for _, row in rows.iterrows()]


def _sentence(row: pd.Series) -> str:
    title = mode_title(str(row["mode"]))
    title = title[:1].upper() + title[1:]
    false = f"{_cell(row, 'false_per_minute')} false positives per minute{_change(row, 'false_gain')}"
    if not row["faces"]:
        return f"{title}: no frame shows a face; {false}."
    return (
        f"{title}: found the face in {row['found']} of {row['faces']} frames, recall {_cell(row, 'recall')}"
        f"{_change(row, 'recall_gain')}; {false}; longest gap {row['longest_gap']:.1f} s."
    )


def _change(row: pd.Series, name: str) -> str:
    """The difference to the first mode, and whether its interval excludes zero; empty for the first mode itself."""
    if pd.isna(row[name]):
        return ""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if pd.isna(low):
        return f" ({_cell(row, name, '+')})"
    return f" ({_cell(row, name, '+')}, {'beyond chance' if low > 0 or high < 0 else 'which may be chance'})"


def _cell(row: pd.Series, name: str, sign: str = "") -> str:
    return with_interval(row[name], row[f"{name}_low"], row[f"{name}_high"], sign)
