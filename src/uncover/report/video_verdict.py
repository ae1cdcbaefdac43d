"""What the scores of videos say, a sentence per way to detect."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from uncover.report.tables.companions import with_interval
from uncover.report.video_scores import mode_title, overall, read_scores


def video_verdict(scores: Path | None) -> list[str]:
    """Say what each way to detect found, at how many false boxes, and whether that differs from the first by chance.

    Args:
        scores: Record of `uncover evaluate videos`, if the run has one.

    Raises:
        InputError: It is no such record.
    """
    if scores is None:
        return []
    rows = overall(read_scores(scores))
    return [_sentence(row) for _, row in rows.iterrows()]


def _sentence(row: pd.Series) -> str:
    title = mode_title(str(row["mode"]))
    title = title[:1].upper() + title[1:]
    false = f"{_cell(row, 'false_per_minute')} false boxes per minute{_change(row, 'false_gain')}"
    if not row["faces"]:
        return f"{title}: no face is in the picture in any frame; {false}."
    return (
        f"{title}: the face found in {row['found']} of {row['faces']} frames, recall {_cell(row, 'recall')}"
        f"{_change(row, 'recall_gain')}; {false}; longest gap {row['longest_gap']:.1f} s."
    )


def _change(row: pd.Series, name: str) -> str:
    """The difference to the first way, and whether its interval leaves out zero; nothing for the first itself."""
    if pd.isna(row[name]):
        return ""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if pd.isna(low):
        return f" ({_cell(row, name, '+')})"
    return f" ({_cell(row, name, '+')}, {'beyond chance' if low > 0 or high < 0 else 'which may be chance'})"


def _cell(row: pd.Series, name: str, sign: str = "") -> str:
    return with_interval(row[name], row[f"{name}_low"], row[f"{name}_high"], sign)
