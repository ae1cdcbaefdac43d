"""A table of the report, and how it says which detectors were not run."""

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
"""All that find faces in photos, in the order of the tables."""


@dataclass(frozen=True)
class Table:
    """One table of a run.

    Attributes:
        name: Stem of its files, such as "table_02".
        title: One line.
        frame: Columns as the thesis names them.
        notes: Footnotes, in the Markdown and LaTeX forms; the CSV holds the numbers alone.
        digits: Digits after the decimal point in the forms for people.
        shown: What people see instead of `frame`, where that is laid out for programs alone.
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
        """A `table` environment that needs the package booktabs."""
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
    """One CSV file for programs, and any number of tables that people see of it.

    Attributes:
        name: Stem of the files.
        frame: Content of the CSV.
        tables: In the Markdown and LaTeX forms, below each other.
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
    """A cell as people read it."""
    if value is None or (isinstance(value, float) and pd.isna(value)) or value is pd.NA:
        return missing
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def _holds_numbers(column: pd.Series) -> bool:
    """Whether a column holds nothing but numbers, or would if all detectors had run."""
    if pd.api.types.is_numeric_dtype(column):
        return True
    run = column[~column.isin([NOT_RUN])]
    return len(run) < len(column) and pd.api.types.is_numeric_dtype(run.dropna().infer_objects())


def _escape(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(char, f"\\{char}" if char in "&%$#_{}" else char) for char in text)


LOW, HIGH, PUBLISHED = "_low", "_high", "_published"
"""Endings of the columns that hold a number's interval, and what the thesis prints for it."""


INTERVAL = "95 % interval"


FEW_BLOCKS = 10
"""With fewer blocks the percentiles of a bootstrap lie too close together."""


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


def interval_notes(drawn: Iterable[tuple[str, BlockCount | None]]) -> list[str]:
    """Footnotes on what the intervals of a table take as independent.

    Args:
        drawn: Set, as the table calls it, and blocks among its photos; None where nobody says what belongs together.
            A set may stand several times.
    """
    known: dict[str, dict[str, list[BlockCount]]] = {}
    unknown: dict[str, None] = {}
    for title, count in drawn:
        if count is None:
            unknown[title] = None
        else:
            known.setdefault(count.kind, {}).setdefault(title, []).append(count)
    notes = [
        f"Photos of one {kind} are alike, so intervals draw them together: {_list_blocks(kind, of_sets)}."
        for kind, of_sets in known.items()
    ]
    if unknown:
        where = f"{', '.join(unknown)}: intervals" if known else "Intervals"
        notes.append(
            f"{where} treat photos as independent, because nobody says which belong together (blocks.csv); those of one"
            " infant, person or video are not, and then the true uncertainty is larger."
        )
    few = [title for of_sets in known.values() for title, own in of_sets.items() if _fewest(own) < FEW_BLOCKS]
    if few:
        notes.append(
            f"Fewer than {FEW_BLOCKS} blocks: {', '.join(dict.fromkeys(few))}; intervals of so few are rough, and those"
            " of a bootstrap too narrow. Of one block there is none."
        )
    return notes


def _list_blocks(kind: str, of_sets: Mapping[str, list[BlockCount]]) -> str:
    told = []
    for title, own in of_sets.items():
        fewest, most, alone = _fewest(own), max(count.blocks for count in own), max(count.alone for count in own)
        blocks = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        single = f", {alone} of them photos of no known one" if alone else ""
        told.append(f"{title} {blocks} ({kind}{single})")
    return "; ".join(told)


def _fewest(counts: Iterable[BlockCount]) -> int:
    return min(count.blocks for count in counts)


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


def read_not_run(words: Sequence[str]) -> dict[str, str]:
    """Read `retinaface='its weights are not at hand' ...`.

    Returns:
        Reason by detector, in the order of the tables.

    Raises:
        InputError: A word is none such, or a detector stands twice.
    """
    reasons: dict[str, str] = {}
    for word in words:
        name, _, text = word.partition("=")
        # A reason that an error message gave may have several lines.
        reason = " ".join(text.split())
        if name not in BASELINE_TITLES or not reason:
            raise InputError(f"{OPTION} {word}: expected name=reason, name one of {', '.join(BASELINE_TITLES)}")
        if name in reasons:
            raise InputError(f"{OPTION} {word}: {name} again; expected each detector once")
        reasons[name] = reason
    return {name: reasons[name] for name in BASELINE_TITLES if name in reasons}


NotRun = Annotated[Mapping[str, str], Option("NAME=REASON", "+", extends=True, read=read_not_run)]
"""An option that names such detectors."""


NOBODY: Mapping[str, str] = {}


def check_not_run(not_run: Collection[str], found: Collection[str], where: str) -> None:
    """Make sure that nothing is at hand of the detectors that are said not to have been run.

    Args:
        not_run: Names.
        found: Names of those of which something is at hand.
        where: What was given, for the message.

    Raises:
        InputError: Something is.
    """
    for name in found:
        if name in not_run:
            raise InputError(f"{OPTION} {name}: {where} of it; expected either, not both")


def with_rows(frame: pd.DataFrame, rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """A table with further rows, in which numbers stay what they are, whole ones too, beside words.

    Args:
        frame: The table.
        rows: Cells by column; a column that is left out says `NOT_RUN`.
    """
    if not rows:
        return frame
    full = [{name: row.get(name, NOT_RUN) for name in frame.columns} for row in rows]
    further = pd.DataFrame(full, columns=frame.columns, dtype=object)
    return pd.concat([frame.astype(object), further], ignore_index=True)


def by_detector(frame: pd.DataFrame, column: str = "Detector") -> pd.DataFrame:
    """Rows in the order of the tables; those of one detector stay as they are.

    Args:
        frame: A table.
        column: Which one holds the detectors' titles.
    """
    titles = [model_title(name) for name in DETECTORS]
    return frame.sort_values(column, key=lambda cells: cells.map(titles.index), kind="stable", ignore_index=True)


def why_not_run(not_run: Mapping[str, str]) -> list[str]:
    """Footnote."""
    reasons = "; ".join(f"{model_title(name)}: {reason.rstrip('.')}" for name, reason in not_run.items())
    return [f"Not run: {reasons}."] if reasons else []
