"""Numbers with companions: in the CSV columns of their own, for people rows below."""

from __future__ import annotations

from collections.abc import Hashable

import pandas as pd

from uncover.report.tables.table import cell_text

LOW, HIGH, PUBLISHED = "_low", "_high", "_published"
"""Endings of the columns that hold a number's interval, and what the thesis prints for it."""


def companion_rows(frame: pd.DataFrame, digits: int = 3) -> pd.DataFrame:
    """Lay companions out below their numbers, so that a table fits a page.

    Args:
        frame: The first column names a row; any other column may have companions (`_low` and `_high`, `_published`).
        digits: Digits after the decimal point.

    Returns:
        The columns without companions, as text; each row is followed by one of intervals and one of the thesis's
        numbers, where there are any.
    """
    key, *columns = [name for name in frame.columns if not name.endswith((LOW, HIGH, PUBLISHED))]
    rows = []
    for record in frame.to_dict("records"):
        rows.append({key: record[key]} | {name: cell_text(record[name], digits) for name in columns})
        intervals = {name: _interval(record, name, digits) for name in columns}
        published = {name: cell_text(record.get(f"{name}{PUBLISHED}"), digits, "") for name in columns}
        for label, cells in (("95 % interval", intervals), ("thesis", published)):
            if any(cells.values()):
                rows.append({key: f"– {label}"} | cells)
    return pd.DataFrame(rows, columns=[key, *columns])


def _interval(record: dict[Hashable, object], name: str, digits: int) -> str:
    low, high = (cell_text(record.get(f"{name}{ending}"), digits, "") for ending in (LOW, HIGH))
    return f"{low}–{high}" if low and high else ""
