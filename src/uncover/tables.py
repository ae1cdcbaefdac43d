"""Tables read back from disk, and what makes sure that they are the ones meant.

`read_table` is for tables that a command has written: it looks at the names of the columns. `read_rows` is for tables
that people write, change or hand on: it looks at every cell, and its message names the row as editors number it.
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
"""Of which spreadsheets use one or the other, by country."""
SHOWN = 80
"""Characters of a wrong cell that a message shows."""


@dataclass(frozen=True)
class Column:
    """What the cells of a column may hold.

    Attributes:
        kind: "text"; "whole" and "number", both finite; "bool", written as True or False.
        low: Least number.
        high: Greatest number.
        words: All that a text may be; none stands for any text.
        empty: Whether cells may be empty.
        optional: Whether the column may be absent, or cells of it at the end of a row.
        exact: Whether blanks around a text belong to it, as in names of files.
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
        """The same in words, for messages."""
        if self.kind == "bool":
            told = "True or False"
        elif self.kind == "text":
            told = f"one of {', '.join(self.words)}" if self.words else "a text"
        else:
            told = "a whole number" if self.kind == "whole" else "a number"
            if math.isfinite(self.high):
                told += f" from {self.low:g} to {self.high:g}"
            elif math.isfinite(self.low):
                told += f" of {self.low:g} or more"
        return f"{told}, or nothing" if self.empty else told

    def parse(self, cell: str) -> Any:
        """The value of a cell; None for an empty one.

        Raises:
            ValueError: It holds something else.
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
        """Of pandas; empty cells are NaN, or NA among whole numbers and truths, and "" among texts."""
        kinds = {"text": "str", "number": "float64", "whole": "int64", "bool": "bool"}
        return (
            {"whole": "Int64", "bool": "boolean"}.get(self.kind, kinds[self.kind]) if self.empty else kinds[self.kind]
        )


TEXT = Column()
FILE = Column(exact=True)
TEXT_OR_NOTHING = Column(empty=True, optional=True)


def read_table(path: Path, columns: Collection[str], made_by: str) -> pd.DataFrame:
    """Load a table that a command has written: Parquet, or CSV by its name.

    Args:
        path: The file. In CSV, blanks around names of columns, which YOLOv5 writes, do not count.
        columns: Columns that it must have.
        made_by: The command or rule that makes it, for messages.

    Raises:
        InputError: It does not exist, is no table, or lacks a column.
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
    """Load a CSV table and check every cell. Blank lines, and blanks around cells, do not count.

    Args:
        path: The file: values parted by commas, semicolons or tabs, in UTF-8 or with a byte-order mark.
        columns: By name; names in the file may have large letters.
        meant: What the file should be, for messages: "a table of 'uncover frames'".
        others: What all other columns hold.

    Returns:
        The columns of the file, in its order; the index is the row in the file, of which the first has the names.
        Optional columns that are absent stay so.

    Raises:
        InputError: It does not exist, is no text, lacks a column, or a cell holds something else; the message names
            the row and the column.
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
        raise InputError(f"{path}: is no CSV file ({_reason(error)}); expected {meant}") from None
    if not lines:
        raise InputError(f"{path}: is no CSV file (it is empty); expected {meant}")
    header = [name.strip() for name in lines[0][1]]
    names = [name if name in columns or name.lower() not in columns else name.lower() for name in header]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InputError(f"{path}: two columns {twice[0]}; expected {meant}")
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
    """Refuse a table of `read_rows` where something does not hold for a row.

    Args:
        path: Of the file.
        table: Its rows.
        holds: bool, for each row.
        told: What is wrong and what is expected, with values of the row in braces: "x1 {x1:g}; expected ...".

    Raises:
        InputError: For the first such row.
    """
    wrong = np.flatnonzero(~np.asarray(holds, np.bool_))
    if len(wrong):
        row = table.iloc[wrong[0]]
        raise InputError(f"{path}, row {row.name}: {told.format(**row.to_dict())}")


def read_summary(path: Path, keys: Collection[str], made_by: str) -> dict[str, Any]:
    """Load a JSON summary and make sure that it is the one meant.

    Raises:
        InputError: It does not exist, is no JSON, or lacks a key.
    """
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _absent(path, made_by) from None
    except ValueError:
        raise InputError(f"{path}: is no JSON; expected a summary of 'uncover {made_by}'") from None
    if not isinstance(summary, dict) or not set(keys) <= summary.keys():
        raise InputError(f"{path}: expected the keys {', '.join(keys)} of a summary of 'uncover {made_by}'")
    return summary


def _whole_row(where: str, names: Sequence[str], kinds: Sequence[Column], cells: list[str]) -> list[str]:
    """A cell for each column; those of optional columns may be absent at the end of a row."""
    if any(map(str.strip, cells[len(names) :])) or not all(kind.optional for kind in kinds[len(cells) :]):
        raise InputError(f"{where}: {len(cells)} values; expected {len(names)}: {', '.join(names)}")
    return cells + [""] * (len(names) - len(cells))


def _parse(path: Path, name: str, kind: Column, numbers: Sequence[int], cells: Sequence[str]) -> list[Any]:
    """Values of a column, each text parsed once."""
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
    return InputError(f"{path}: is no {kind} file ({_reason(error)}); expected a table of 'uncover {made_by}'")


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else "unreadable"
