"""Read the Markdown form of a table back, so that a page shows exactly what its reader finds beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from uncover.errors import InputError
from uncover.report.tables.not_run import NOT_RUN
from uncover.report.tables.table import MISSING

NUMBER = re.compile(r"[-+–\d.,%*\s\[\]()/]*")
"""A cell with a number, an interval, or nothing."""

NO_NUMBER = re.compile(r"[-+]?(nan|inf|none)", re.IGNORECASE)


@dataclass(frozen=True)
class ShownTable:
    """A table as people read it.

    Attributes:
        name: Stem of its files, such as "table_07_variants".
        title: One line.
        columns: Headings.
        rows: Cells, as many as there are columns.
        notes: Footnotes.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    @property
    def words(self) -> tuple[bool, ...]:
        """For each column, whether it holds anything but numbers."""
        if not self.rows:
            return (True,) * len(self.columns)
        return tuple(
            not all(cell in (MISSING, NOT_RUN) or NUMBER.fullmatch(cell) for cell in column)
            for column in zip(*self.rows, strict=True)
        )


def read_markdown_tables(path: Path) -> list[ShownTable]:
    """Load `<name>.md` of `Table.write`, or the tables below each other that `write_forms` leaves in one file.

    Raises:
        InputError: There is no table in it, one has no title, or a row has more or fewer cells than there are headings.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; expected a table of this run") from None
    starts = [match.start() for match in re.finditer(r"^# ", text, re.MULTILINE)]
    if not starts:
        raise InputError(f"{path}: no title and table in it; expected '# title', then rows of '| cells |'")
    parts = [text[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]
    names = [path.stem if number == 1 else f"{path.stem}_{number}" for number in range(1, len(parts) + 1)]
    return [_table(path, name, part) for name, part in zip(names, parts, strict=True)]


def _table(path: Path, name: str, text: str) -> ShownTable:
    title, *lines = text.splitlines()
    rows = [_cells(line) for line in lines if line.startswith("|")]
    if len(rows) < 2:
        raise InputError(f"{path}: no table below '{title}'; expected rows of '| cells |'")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise InputError(f"{path}: {title}, line {number}: {len(row)} cells, expected {len(rows[0])}")
    return ShownTable(
        name=name,
        title=title.removeprefix("# "),
        columns=rows[0],
        rows=tuple(tuple(MISSING if NO_NUMBER.fullmatch(cell) else cell for cell in row) for row in rows[2:]),
        notes=tuple(match[1] for line in lines if (match := re.fullmatch(r"\d+\. (.*)", line))),
    )


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|"))
