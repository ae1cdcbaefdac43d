"""Numbers with companions: in the CSV columns of their own, for people rows below."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import pandas as pd

from uncover.report.tables.not_run import NOT_RUN
from uncover.report.tables.table import MISSING, cell_text

LOW, HIGH, PUBLISHED = "_low", "_high", "_published"
"""Endings of the columns that hold a number's interval, and what the thesis prints for it."""

INTERVAL = "95 % interval"


def companion_rows(
    frame: pd.DataFrame,
    digits: int = 3,
    keys: int = 1,
    digits_of: Mapping[str, int] | None = None,
    others: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Lay companions out below their numbers, so that a table fits a page.

    Args:
        frame: The first columns name a row; any other column may have companions (`_low` and `_high`, `_published`).
        digits: Digits after the decimal point.
        keys: How many columns name a row.
        digits_of: By column, where it has other digits.
        others: By ending, what a row of further companions is called; these may have intervals of their own.

    Returns:
        The columns without companions, as text; each row is followed by one of intervals, those of `others` and one of
        the thesis's numbers, where there are any.
    """
    others = others or {}
    plain = [name for name in frame.columns if not name.endswith((LOW, HIGH, PUBLISHED, *others))]
    names = plain[:keys]
    places = dict.fromkeys(plain[keys:], digits) | dict(digits_of or {})
    rows = []
    for record in frame.to_dict("records"):
        rows.append({name: record[name] for name in names} | _cells(record, places, ""))
        below = [(INTERVAL, _intervals(record, places, ""))]
        for ending, title in others.items():
            below += [(title, _cells(record, places, ending)), (INTERVAL, _intervals(record, places, ending))]
        below.append(("thesis", _cells(record, places, PUBLISHED, missing="")))
        for title, cells in below:
            if set(cells.values()) - {"", MISSING}:
                rows.append(dict.fromkeys(names, "") | {names[0]: f"– {title}"} | cells)
    return pd.DataFrame(rows, columns=plain)


def with_interval(value: float, low: float, high: float, sign: str = "") -> str:
    """A share with its interval in one cell, such as "0.50 [0.40, 0.60]".

    Args:
        value: NaN where there is nothing to take a share of.
        low: NaN where there is no interval.
        high: Likewise.
        sign: "+" for differences.
    """
    if pd.isna(value):
        return MISSING
    interval = "" if pd.isna(low) else f" [{low:{sign}.2f}, {high:{sign}.2f}]"
    return f"{value:{sign}.2f}{interval}"


def _cells(
    record: Mapping[Hashable, object], places: Mapping[str, int], ending: str, missing: str = MISSING
) -> dict[str, str]:
    """By column, its companion of an ending; empty where the table has no such companion."""
    return {
        name: cell_text(record[f"{name}{ending}"], digits, missing) if f"{name}{ending}" in record else ""
        for name, digits in places.items()
    }


def _intervals(record: Mapping[Hashable, object], places: Mapping[str, int], ending: str) -> dict[str, str]:
    low, high = (_cells(record, places, f"{ending}{end}") for end in (LOW, HIGH))
    none = {"", MISSING, NOT_RUN}
    return {name: f"{low[name]}–{high[name]}" if not {low[name], high[name]} & none else "" for name in places}
