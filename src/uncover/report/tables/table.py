"""A table in its three forms: CSV for programs, Markdown for reading, LaTeX for papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from uncover.atomic import new_file
from uncover.report.tables.not_run import NOT_RUN

MISSING = "n/a"


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
