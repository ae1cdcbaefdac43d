"""Read tables from disk and validate them.

Use `read_table` for tables that a command has written: it checks the column names. Use `read_rows` for tables that
people write or edit: it checks every cell, and its errors name the row as numbered in an editor.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from uncover.errors import InputError
from uncover.text_files import encoding_of

SEPARATORS = ",;\t"
"""Delimiters of CSV files; spreadsheets choose one by locale."""
SHOWN = 80
"""Characters of an invalid cell that an error shows."""


@dataclass(frozen=True)
class Column:
    """What the cells of a column may contain.

    Attributes:
        kind: "text"; "whole" or "number", both finite; "bool", written as True or False.
        low: Smallest number.
        high: Largest number.
        words: Permitted texts; empty permits any text.
        empty: Whether cells may be empty.
        optional: Whether the column may be absent, or its cell missing at the end of a row.
        exact: Whether leading and trailing blanks are part of the text, as in file names.
    """

    kind: Literal["text", "whole", "number", "bool"] = "text"
    low: float = -math.inf
    high: float = math.inf
    words: tuple[str, ...] = ()
    empty: bool = False
    optional: bool = False
    exact: bool = False

    @property
    def expected(self) -> str:
        """Description of the permitted values, for errors."""
        if self.kind == "bool":
            told = "True or False"
        elif self.kind == "text":
            told = f"one of {', '.join(self.words)}" if self.words else "text"
        else:
            told = "a whole number" if self.kind == "whole" else "a number"
            if math.isfinite(self.high):
                told += f" from {self.low:g} to {self.high:g}"
            elif math.isfinite(self.low):
                told += f" of {self.low:g} or more"
        return f"{told}, or an empty cell" if self.empty else told

    def parse(self, cell: str) -> Any:
        """Value of a cell; None if it is empty.

        Raises:
            ValueError: The cell contains something else.
        """
        cell = cell if self.exact else cell.strip()
        if self.kind == "text":
            if (not cell and not self.empty) or (cell and self.words and cell not in self.words):
                raise ValueError
            return cell
        if not cell and self.empty:
            return None
        if self.kind == "bool":
            return {"True": True, "False": False}[cell]
        value = float(cell)
        if not self.low <= value <= self.high or not math.isfinite(value) or "_" in cell:
            raise ValueError
        if self.kind == "whole":
            if value != int(value):
                raise ValueError
            return int(value)
        return value

    @property
    def dtype(self) -> str:
        """The pandas dtype. Empty cells are NaN, NA for whole numbers and bools, and "" for text."""
        kinds = {"text": "str", "number": "float64", "whole": "int64", "bool": "bool"}
        return (
            {"whole": "Int64", "bool": "boolean"}.get(self.kind, kinds[self.kind]) if self.empty else kinds[self.kind]
        )


TEXT = Column()
FILE = Column(exact=True)
TEXT_OR_NOTHING = Column(empty=True, optional=True)


def read_table(path: Path, columns: Collection[str], made_by: str) -> pd.DataFrame:
    """Load a table that a command has written: CSV by its suffix, else Parquet.

    Args:
        path: The file. In CSV, blanks around column names, as YOLOv5 writes them, are ignored.
        columns: Required columns.
        made_by: Command or rule that makes the table, for errors.

    Raises:
        InputError: The file does not exist, is not a table, or lacks a column.
    """
    is_csv = path.suffix.lower() == ".csv"
    try:
        table = pd.read_csv(path, skipinitialspace=True) if is_csv else pd.read_parquet(path)
    except FileNotFoundError:
        raise _absent(path, made_by) from None
    except (OSError, ValueError) as error:
        raise _no_table(path, "CSV" if is_csv else "Parquet", error, made_by) from None
    if is_csv:
        table.columns = table.columns.str.strip()
    _check_columns(path, table.columns, columns, made_by)
    return table


def read_rows(path: Path, columns: Mapping[str, Column], meant: str, others: Column = TEXT_OR_NOTHING) -> pd.DataFrame:
    """Load a CSV table and check every cell. Blank lines and blanks around cells are ignored.

    Args:
        path: The file: values separated by commas, semicolons or tabs, in UTF-8 with or without a byte-order mark.
        columns: Columns by name; case is ignored in the file.
        meant: Description of the expected file, for errors, e.g. "a table of 'uncover frames'".
        others: What all other columns may contain.

    Returns:
        The columns of the file, in its order. The index is the row number in the file, where the header is row 1.
        Absent optional columns are not added.

    Raises:
        InputError: The file does not exist, is not text, lacks a column, or a cell is invalid; the error names the
            row and the column.
    """
    try:
        with path.open(encoding=encoding_of(path), newline="") as file:
            first = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(SEPARATORS, key=first.count), strict=True)
            lines = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: does not exist; expected {meant}") from None
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(f"{path}: is not a CSV file ({_reason(error)}); expected {meant}") from None
    if not lines:
        raise InputError(f"{path}: is empty; expected {meant}")
    header = [name.strip() for name in lines[0][1]]
    names = [name if name in columns or name.lower() not in columns else name.lower() for name in header]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InputError(f"{path}: column {twice[0]} occurs twice; expected {meant}")
    needed = [name for name, column in columns.items() if not column.optional]
    missing = [name for name in needed if name not in names]
    if missing:
        raise InputError(f"{path}: no column {missing[0]}; expected {meant} with {', '.join(needed)}")
    kinds = [columns.get(name, others) for name in names]
    numbers = [number for number, _ in lines[1:]]
    rows = [_whole_row(f"{path}, row {number}", names, kinds, cells) for number, cells in lines[1:]]
    table = pd.DataFrame(index=pd.Index(numbers, name="row"))
    for place, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        if name:
            cells = [row[place] for row in rows]
            table[name] = pd.Series(_parse(path, name, kind, numbers, cells), table.index, dtype=kind.dtype)
    return table


def check_rows(path: Path, table: pd.DataFrame, holds: pd.Series | np.ndarray, told: str) -> None:
    """Check a condition on each row of a table of `read_rows`.

    Args:
        path: Path of the file.
        table: The rows.
        holds: bool, whether the condition holds, for each row.
        told: Error text, with values of the row in braces, e.g. "x1 {x1:g}; expected ...".

    Raises:
        InputError: The condition fails; the error names the first such row.
    """
    wrong = np.flatnonzero(~np.asarray(holds, np.bool_))
    if len(wrong):
        row = table.iloc[wrong[0]]
        raise InputError(f"{path}, row {row.name}: {told.format(**row.to_dict())}")


def read_summary(path: Path, keys: Collection[str], made_by: str) -> dict[str, Any]:
    """Load a JSON summary and check its keys.

    Raises:
        InputError: The file does not exist, is not JSON, or lacks a key.
    """
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _absent(path, made_by) from None
    except ValueError:
        raise InputError(f"{path}: is not JSON; expected a summary of 'uncover {made_by}'") from None
    if not isinstance(summary, dict) or not set(keys) <= summary.keys():
        raise InputError(f"{path}: expected a summary of 'uncover {made_by}' with the keys {', '.join(keys)}")
    return summary


def _whole_row(where: str, names: Sequence[str], kinds: Sequence[Column], cells: list[str]) -> list[str]:
    """One cell per column; cells of optional columns may be missing at the end of a row."""
    if any(map(str.strip, cells[len(names) :])) or not all(kind.optional for kind in kinds[len(cells) :]):
        raise InputError(f"{where}: {len(cells)} values; expected {len(names)}: {', '.join(names)}")
    return cells + [""] * (len(names) - len(cells))


def _parse(path: Path, name: str, kind: Column, numbers: Sequence[int], cells: Sequence[str]) -> list[Any]:
    """Values of a column; each distinct text is parsed once."""
    known: dict[str, Any] = {}
    for number, cell in zip(numbers, cells, strict=True):
        if cell not in known:
            try:
                known[cell] = kind.parse(cell)
            except (ValueError, KeyError, OverflowError):
                raise InputError(f"{path}, row {number}: {name} {cell[:SHOWN]!r}; expected {kind.expected}") from None
    return [known[cell] for cell in cells]


def _check_columns(path: Path, found: Collection[str], columns: Collection[str], made_by: str) -> None:
    missing = [column for column in columns if column not in found]
    if missing:
        raise InputError(f"{path}: no column {missing[0]}; expected a table of 'uncover {made_by}'")


def _absent(path: Path, made_by: str) -> InputError:
    return InputError(f"{path}: does not exist; make it with 'uncover {made_by}'")


def _no_table(path: Path, kind: str, error: Exception, made_by: str) -> InputError:
    return InputError(f"{path}: is not a {kind} file ({_reason(error)}); expected a table of 'uncover {made_by}'")


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else "unreadable"
