"""The comparison of every number that the thesis prints with ours: `comparison.csv`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from uncover.atomic import new_file
from uncover.errors import InputError
from uncover.metrics.intervals import Rate
from uncover.report.published import PublishedNumber, PublishedTable, load_published, load_text, long_form
from uncover.report.tables.table import HIGH, LOW, MISSING
from uncover.report.text_numbers import SETTINGS, SOURCES, WITHOUT_SOURCE
from uncover.tables import read_table

COLUMNS = ("table", "row", "column", "published", "ours", "low", "high", "comparable", "note")
TEXT = "text"
"""Value of `table` for numbers of the running text: `row` is the name of the number, `column` is "value"."""

NOT_MADE = "not made in this run"


def write_comparison(
    out: Path,
    tables: Sequence[Path],
    records: Sequence[Path],
    published: Path,
    settings: Mapping[str, Any],
    not_comparable: str = "",
) -> None:
    """Write the comparison.

    Args:
        out: CSV file to write.
        tables: Our tables, with the thesis's names (`table_07.csv`).
        records: Further files of the run; those in `text_numbers.RECORDS` are read.
        published: The thesis's numbers.
        settings: Config of the run, nested.
        not_comparable: Why this run's numbers cannot be compared with the thesis's; empty if they can.

    Raises:
        InputError: A file is not valid.
    """
    ours = {path.stem: read_table(path, (), path.stem) for path in tables}
    printed = load_published(published)
    found = [
        *_of_tables(printed, ours),
        *_of_text(load_text(published), [*tables, *records], settings),
    ]
    rows = [
        {
            **row,
            "comparable": not not_comparable,
            "note": "; ".join(note for note in (not_comparable, row["note"]) if note),
        }
        for row in found
    ]
    with new_file(out) as path:
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        frame.to_csv(path, index=False, lineterminator="\n")


def _of_tables(printed: Mapping[str, PublishedTable], ours: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    rows = []
    for name, row, column, value in long_form(printed).itertuples(index=False):
        rate, note = _look_up(printed[name], ours.get(name), row, column)
        rows.append(_line(name, row, column, value, rate, note))
    return rows


def _look_up(table: PublishedTable, ours: pd.DataFrame | None, row: str, column: str) -> tuple[Rate | None, str]:
    """Our value of a cell that the thesis prints, and a note on it."""
    if ours is None:
        return None, NOT_MADE
    missing = [name for name in (*table.key, column) if name not in ours]
    if missing:
        return None, f"our table has no column {missing[0]}"
    names = ours[list(table.key)].astype(str).agg(" / ".join, axis=1).map(_spelling)
    same = ours[names == _spelling(row)]
    if len(same) > 1:
        raise InputError(f"{table.name}: {len(same)} rows named '{row}'; expected one row of each name")
    if same.empty:
        return None, "our table has no such row"
    rate = Rate(*(_float(same.iloc[0].get(name)) for name in (column, f"{column}{LOW}", f"{column}{HIGH}")))
    return (None, "n/a in our table") if math.isnan(rate.value) else (rate, "")


def _of_text(
    numbers: Mapping[str, PublishedNumber], records: Sequence[Path], settings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    rows = []
    for name, number in numbers.items():
        source = SOURCES.get(name)
        rate, note = None, WITHOUT_SOURCE.get(name, "no record of this run has this number")
        if source is not None:
            of_source = settings if source.record == SETTINGS else _find(records, source.record)
            rate = None if of_source is None else source.read(of_source)
            note = NOT_MADE if rate is None else "; ".join(part for part in (number.unit, source.caveat) if part)
        rows.append(_line(TEXT, name, "value", float(number.value), rate, note))
    return rows


def _find(records: Sequence[Path], name: str) -> Path | None:
    """The given file whose path ends with the name of a record."""
    parts = Path(name).parts
    return next((path for path in records if path.parts[-len(parts) :] == parts), None)


def _line(table: str, row: str, column: str, published: float, rate: Rate | None, note: str) -> dict[str, Any]:
    ours = (rate.value, rate.low, rate.high) if rate else (math.nan,) * 3
    return {
        "table": table,
        "row": row,
        "column": column,
        "published": number_text(published),
        **{name: number_text(value) for name, value in zip(("ours", "low", "high"), ours, strict=True)},
        "note": note,
    }


def number_text(value: float) -> str:
    """A number as in `comparison.csv`: whole numbers without decimal point, others with six digits, missing as n/a."""
    return f"{value:.12g}" if value == round(value, 0) else f"{value:.6g}" if math.isfinite(value) else MISSING


def _spelling(name: str) -> str:
    """Normalise names, which the thesis spells with and without blanks and capital letters."""
    return "".join(name.split()).casefold()


def _float(value: object) -> float:
    """A cell as a number; NaN for an empty cell or text."""
    number = pd.to_numeric(str(value), errors="coerce")
    return float(number)
