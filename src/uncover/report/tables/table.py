"""Tables of the report, and the rows of detectors that were not run."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pandas as pd

from uncover.atomic import new_file
from uncover.data.blocks import BlockCount
from uncover.errors import InputError
from uncover.report.command_line import Option
from uncover.report.titles import BASELINE_TITLES, FIRST_TITLES, model_title

MISSING = "n/a"

NOT_RUN = "not run"

OPTION = "--not-run"

DETECTORS = (*FIRST_TITLES, *BASELINE_TITLES)
"""All detectors that run on photos, in table order."""


@dataclass(frozen=True)
class Table:
    """One table of a run.

    Attributes:
        name: Stem of its files, such as "table_02".
        title: Title, one line.
        frame: Data, with the column names of the thesis.
        notes: Footnotes, in Markdown and LaTeX only.
        digits: Digits after the decimal point in Markdown and LaTeX.
        shown: Data for Markdown and LaTeX, if it differs from `frame`.
    """

    name: str
    title: str
    frame: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    digits: int = 3
    shown: pd.DataFrame | None = None

    def to_markdown(self) -> str:
        """Title, table and footnotes."""
        columns = list(self._shown.columns)
        rows = [columns, ["---"] * len(columns), *self._cells()]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        notes = [f"\n{number}. {note}" for number, note in enumerate(self.notes, start=1)]
        return f"# {self.title}\n\n" + "\n".join(lines) + "\n" + "".join(f"{note}\n" for note in notes)

    def to_latex(self) -> str:
        """A `table` environment; requires the package booktabs."""
        shown = self._shown
        numeric = {name for name in self.frame if _holds_numbers(self.frame[name])}
        alignment = "".join("r" if name in numeric else "l" for name in shown)
        rows = [" & ".join(map(_escape, row)) + r" \\" for row in self._cells()]
        lines = [
            r"\begin{table}",
            rf"\caption{{{_escape(self.title)}}}",
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\toprule",
            " & ".join(_escape(str(column)) for column in shown) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            *(rf"\par\footnotesize {_escape(note)}" for note in self.notes),
            r"\end{table}",
        ]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path) -> None:
        """Write `<name>.csv`, `<name>.md` and `<name>.tex` into a folder."""
        Tables(self.name, self.frame, [self]).write(folder)

    @property
    def _shown(self) -> pd.DataFrame:
        return self.frame if self.shown is None else self.shown

    def _cells(self) -> list[list[str]]:
        return [[cell_text(value, self.digits) for value in row] for row in self._shown.itertuples(index=False)]


@dataclass(frozen=True)
class Tables:
    """One CSV file, and any number of readable tables made from it.

    Attributes:
        name: Stem of the files.
        frame: Content of the CSV file.
        tables: Tables of the Markdown and LaTeX files, in order.
    """

    name: str
    frame: pd.DataFrame
    tables: Sequence[Table]

    def write(self, folder: Path) -> None:
        """Write `<name>.csv`, `<name>.md` and `<name>.tex` into a folder."""
        texts = {
            "csv": self.frame.to_csv(index=False, lineterminator="\n", na_rep=MISSING),
            "md": "\n".join(table.to_markdown() for table in self.tables),
            "tex": "\n".join(table.to_latex() for table in self.tables),
        }
        for suffix, text in texts.items():
            with new_file(folder / f"{self.name}.{suffix}") as path:
                path.write_text(text, encoding="utf-8")


def cell_text(value: object, digits: int = 3, missing: str = MISSING) -> str:
    """A cell as text."""
    if value is None or (isinstance(value, float) and pd.isna(value)) or value is pd.NA:
        return missing
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def _holds_numbers(column: pd.Series) -> bool:
    """Whether a column is numeric, apart from rows of detectors that were not run."""
    if pd.api.types.is_numeric_dtype(column):
        return True
    run = column[~column.isin([NOT_RUN])]
    return len(run) < len(column) and pd.api.types.is_numeric_dtype(run.dropna().infer_objects())


def _escape(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(char, f"\\{char}" if char in "&%$#_{}" else char) for char in text)


LOW, HIGH, PUBLISHED = "_low", "_high", "_published"
"""Suffixes of the columns with a number's interval and with the thesis's value."""


INTERVAL = "95 % interval"


FEW_BLOCKS = 10
"""With fewer blocks the percentile interval of a bootstrap is too narrow."""


def companion_rows(
    frame: pd.DataFrame,
    digits: int = 3,
    keys: int = 1,
    digits_of: Mapping[str, int] | None = None,
    others: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Move companions of a number (interval, thesis's value) into rows below it, so that a table fits a page.

    Args:
        frame: The first columns identify a row; other columns may have companions (`_low` and `_high`, `_published`).
        digits: Digits after the decimal point.
        keys: Number of columns that identify a row.
        digits_of: Digits by column, if they differ.
        others: Row title by suffix of further companions, which may have intervals of their own.

    Returns:
        The columns without companions, as text; each row is followed by rows of intervals, of `others` and of the
        thesis's values, if there are any.
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
        value: The share; NaN if it is undefined.
        low: Lower end; NaN if there is no interval.
        high: Upper end; NaN if there is no interval.
        sign: "+" for differences.
    """
    if pd.isna(value):
        return MISSING
    interval = "" if pd.isna(low) else f" [{low:{sign}.2f}, {high:{sign}.2f}]"
    return f"{value:{sign}.2f}{interval}"


def interval_notes(drawn: Iterable[tuple[str, BlockCount | None]]) -> list[str]:
    """Footnotes on what the intervals of a table treat as independent.

    Args:
        drawn: Display name of a set, and blocks among its photos; None if it is unknown which photos belong together.
            A set may occur several times.
    """
    known: dict[str, dict[str, list[BlockCount]]] = {}
    unknown: dict[str, None] = {}
    for title, count in drawn:
        if count is None:
            unknown[title] = None
        else:
            known.setdefault(count.kind, {}).setdefault(title, []).append(count)
    notes = [
        f"Photos of one {kind} are similar, so intervals resample them as one block: {_list_blocks(kind, of_sets)}."
        for kind, of_sets in known.items()
    ]
    if unknown:
        where = f"{', '.join(unknown)}: intervals" if known else "Intervals"
        notes.append(
            f"{where} treat photos as independent, because no blocks.csv states which belong together; photos of one"
            " infant, person or video are not independent, and the true uncertainty is then larger."
        )
    few = [title for of_sets in known.values() for title, own in of_sets.items() if _fewest(own) < FEW_BLOCKS]
    if few:
        notes.append(
            f"Fewer than {FEW_BLOCKS} blocks: {', '.join(dict.fromkeys(few))}; their intervals are rough, and bootstrap"
            " intervals are too narrow. A single block has no interval."
        )
    return notes


def _list_blocks(kind: str, of_sets: Mapping[str, list[BlockCount]]) -> str:
    told = []
    for title, own in of_sets.items():
        fewest, most, alone = _fewest(own), max(count.blocks for count in own), max(count.alone for count in own)
        blocks = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        single = f", {alone} of them single photos of unknown {kind}" if alone else ""
        told.append(f"{title} {blocks} ({kind}{single})")
    return "; ".join(told)


def _fewest(counts: Iterable[BlockCount]) -> int:
    return min(count.blocks for count in counts)


def _cells(
    record: Mapping[Hashable, object], places: Mapping[str, int], ending: str, missing: str = MISSING
) -> dict[str, str]:
    """Companions of a suffix by column; empty if the table has no such companion."""
    return {
        name: cell_text(record[f"{name}{ending}"], digits, missing) if f"{name}{ending}" in record else ""
        for name, digits in places.items()
    }


def _intervals(record: Mapping[Hashable, object], places: Mapping[str, int], ending: str) -> dict[str, str]:
    low, high = (_cells(record, places, f"{ending}{end}") for end in (LOW, HIGH))
    none = {"", MISSING, NOT_RUN}
    return {name: f"{low[name]}–{high[name]}" if not {low[name], high[name]} & none else "" for name in places}


def read_not_run(words: Sequence[str]) -> dict[str, str]:
    """Parse words such as `retinaface='its weights could not be fetched'`.

    Returns:
        Reason by detector, in table order.

    Raises:
        InputError: A word has another form, or a detector is given twice.
    """
    reasons: dict[str, str] = {}
    for word in words:
        name, _, text = word.partition("=")
        # The reason may be an error message of several lines.
        reason = " ".join(text.split())
        if name not in BASELINE_TITLES or not reason:
            raise InputError(f"{OPTION} {word}: expected name=reason with a name among {', '.join(BASELINE_TITLES)}")
        if name in reasons:
            raise InputError(f"{OPTION} {word}: {name} is given twice; pass each detector once")
        reasons[name] = reason
    return {name: reasons[name] for name in BASELINE_TITLES if name in reasons}


NotRun = Annotated[Mapping[str, str], Option("NAME=REASON", "+", extends=True, read=read_not_run)]
"""Option type for detectors that were not run."""


NOBODY: Mapping[str, str] = {}


def check_not_run(not_run: Collection[str], found: Collection[str], where: str) -> None:
    """Check that there are no results of detectors that are listed as not run.

    Args:
        not_run: Names of detectors that were not run.
        found: Names of detectors with results.
        where: Where the results are, for the message.

    Raises:
        InputError: There are.
    """
    for name in found:
        if name in not_run:
            raise InputError(f"{OPTION} {name}: {where} of it; pass only one of both")


def with_rows(frame: pd.DataFrame, rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Append rows to a table; numbers, also integers, keep their type next to text.

    Args:
        frame: The table.
        rows: Cells by column; missing columns get `NOT_RUN`.
    """
    if not rows:
        return frame
    full = [{name: row.get(name, NOT_RUN) for name in frame.columns} for row in rows]
    further = pd.DataFrame(full, columns=frame.columns, dtype=object)
    return pd.concat([frame.astype(object), further], ignore_index=True)


def by_detector(frame: pd.DataFrame, column: str = "Detector") -> pd.DataFrame:
    """Rows in table order of their detectors; rows of one detector keep their order.

    Args:
        frame: A table.
        column: Column with the display names of detectors.
    """
    titles = [model_title(name) for name in DETECTORS]
    return frame.sort_values(column, key=lambda cells: cells.map(titles.index), kind="stable", ignore_index=True)


def why_not_run(not_run: Mapping[str, str]) -> list[str]:
    """Footnote with the reasons, if there are any."""
    reasons = "; ".join(f"{model_title(name)}: {reason.rstrip('.')}" for name, reason in not_run.items())
    return [f"Not run: {reasons}."] if reasons else []
