"""Read the numbers that the thesis prints, from ``config/published.yaml``.

The file was transcribed by hand, so reading it checks it: a missing or misspelt column or a duplicate row name is an
error that names the row. pandas is imported only to build a frame.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uncover.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Cell = int | float | str | None

_TABLE_NAME = re.compile(r"table_\d\d")
_TABLE_REQUIRED = frozenset({"section", "about", "key", "columns", "rows"})
_TABLE_OPTIONAL = frozenset({"added", "units", "notes"})
_NUMBER_REQUIRED = frozenset({"section", "about", "value"})
_NUMBER_OPTIONAL = frozenset({"unit", "figure"})


@dataclass(frozen=True)
class PublishedTable:
    """One table of the thesis as printed.

    Attributes:
        name: ``table_01`` to ``table_13``.
        section: Section of the thesis that prints it.
        about: What it shows.
        key: Columns that together identify a row.
        columns: All columns, in print order.
        rows: One mapping per row, with exactly ``columns``.
        added: Columns that have no heading in print.
        units: Units of the columns that are neither fractions nor counts.
        notes: Remarks on the printed numbers.
    """

    name: str
    section: str
    about: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Cell], ...]
    added: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""

    def row_name(self, row: Mapping[str, Cell]) -> str:
        """Join the key cells of a row, as in ``comparison.csv``."""
        return " / ".join(str(row[column]) for column in self.key)

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as a frame with its columns in print order."""
        import pandas as pd

        return pd.DataFrame([dict(row) for row in self.rows], columns=list(self.columns))


@dataclass(frozen=True)
class PublishedNumber:
    """One number that only the running text of the thesis states.

    Attributes:
        name: Name of the number.
        section: Section of the thesis that states it.
        about: What it counts or measures.
        value: The number as printed.
        unit: Unit; empty for fractions and counts.
        figure: Figure that the text reads the number off, if any.
    """

    name: str
    section: str
    about: str
    value: int | float
    unit: str = ""
    figure: int | None = None


def load_published(path: str | Path) -> dict[str, PublishedTable]:
    """Load and check all tables.

    Args:
        path: The YAML file.

    Returns:
        The tables by name, in file order.

    Raises:
        InputError: The file is missing, is not YAML, or has an invalid entry.
    """
    path = Path(path)
    sections = _read(path)
    return {name: _table(path, name, body) for name, body in sections.items() if name != "text"}


def load_text(path: str | Path) -> dict[str, PublishedNumber]:
    """Load and check the numbers of the running text.

    Args:
        path: The YAML file.

    Returns:
        The numbers by name, in file order; empty if the file has no section ``text``.

    Raises:
        InputError: As for ``load_published``.
    """
    path = Path(path)
    entries = _mapping(path, "text", _read(path).get("text", {}))
    return {name: _number(path, name, body) for name, body in entries.items()}


def long_form(tables: Mapping[str, PublishedTable]) -> pd.DataFrame:
    """List all numeric cells, one per row.

    Args:
        tables: Result of ``load_published``.

    Returns:
        A frame with the columns table, row, column and published. Key columns, text and empty cells are not listed.
    """
    import pandas as pd

    cells = [
        (table.name, table.row_name(row), column, float(str(row[column])))
        for table in tables.values()
        for row in table.rows
        for column in table.columns
        if column not in table.key and _is_number(row[column])
    ]
    return pd.DataFrame(cells, columns=["table", "row", "column", "published"])


def _read(path: Path) -> dict[str, Any]:
    """Parse the file and check the names of its sections."""
    import yaml

    # Prefer libyaml, which PyYAML may lack: it is ten times faster, and every table waits for this file.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {_one_line(error)}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not valid YAML: {_one_line(error)}") from error
    content = _mapping(path, "", content)
    for name in content:
        if name != "text" and not _TABLE_NAME.fullmatch(str(name)):
            raise InputError(f"{path}: unknown section '{name}'; expected table_01 to table_13 or text")
    return content


def _table(path: Path, name: str, body: Any) -> PublishedTable:
    """Check one table and freeze it."""
    body = _mapping(path, name, body)
    _check_fields(path, name, body, _TABLE_REQUIRED, _TABLE_OPTIONAL)
    columns = _names(path, name, "columns", body["columns"])
    key = _names(path, name, "key", body["key"])
    added = _names(path, name, "added", body.get("added", []))
    units = _mapping(path, f"{name}: units", body.get("units", {}))
    for what, used in (("key", key), ("added", added), ("units", tuple(units))):
        if unknown := [column for column in used if column not in columns]:
            raise InputError(f"{path}: {name}: {what} names {unknown}, expected some of {list(columns)}")
    if not key:
        raise InputError(f"{path}: {name}: key is empty, expected some of {list(columns)}")
    if not isinstance(body["rows"], list) or not body["rows"]:
        raise InputError(f"{path}: {name}: rows, expected a list of at least one mapping")
    rows = tuple(_row(path, name, number, row, columns) for number, row in enumerate(body["rows"], start=1))
    table = PublishedTable(
        name=name,
        section=str(body["section"]),
        about=str(body["about"]),
        key=key,
        columns=columns,
        rows=rows,
        added=added,
        units={str(column): str(unit) for column, unit in units.items()},
        notes=str(body.get("notes", "")),
    )
    seen: dict[str, int] = {}
    for number, row in enumerate(table.rows, start=1):
        row_name = table.row_name(row)
        if row_name in seen:
            raise InputError(
                f"{path}: {name}, row {number}: '{row_name}' is already in row {seen[row_name]}; use each name once"
            )
        seen[row_name] = number
    return table


def _row(path: Path, name: str, number: int, row: Any, columns: tuple[str, ...]) -> dict[str, Cell]:
    """Check that a row has exactly the given columns, each with a number, text or nothing."""
    where = f"{name}, row {number}"
    row = _mapping(path, where, row)
    missing = [column for column in columns if column not in row]
    unknown = [column for column in row if column not in columns]
    if missing or unknown:
        faults = [f"{what} {names}" for what, names in (("missing", missing), ("unknown", unknown)) if names]
        raise InputError(f"{path}: {where}: {' and '.join(faults)}, expected exactly {list(columns)}")
    for column in columns:
        if not (row[column] is None or isinstance(row[column], str) or _is_number(row[column])):
            raise InputError(f"{path}: {where}: {column} is {row[column]!r}; expected a number, text or null")
    return {column: row[column] for column in columns}


def _number(path: Path, name: str, body: Any) -> PublishedNumber:
    """Check one number of the running text and freeze it."""
    where = f"text, {name}"
    body = _mapping(path, where, body)
    _check_fields(path, where, body, _NUMBER_REQUIRED, _NUMBER_OPTIONAL)
    if not _is_number(body["value"]):
        raise InputError(f"{path}: {where}: value is {body['value']!r}, expected a number")
    return PublishedNumber(
        name=name,
        section=str(body["section"]),
        about=str(body["about"]),
        value=body["value"],
        unit=str(body.get("unit", "")),
        figure=body.get("figure"),
    )


def _check_fields(
    path: Path, where: str, body: Mapping[str, Any], required: frozenset[str], optional: frozenset[str]
) -> None:
    """Raise if a mapping lacks a required field or has an unknown one."""
    missing = sorted(required - set(body))
    unknown = sorted(str(key) for key in set(body) - required - optional)
    if missing or unknown:
        faults = [f"{what} {names}" for what, names in (("missing", missing), ("unknown", unknown)) if names]
        raise InputError(
            f"{path}: {where}: {' and '.join(faults)}; expected {sorted(required)}, optionally {sorted(optional)}"
        )


def _mapping(path: Path, where: str, value: Any) -> dict[str, Any]:
    """Return the value if it is a mapping."""
    if not isinstance(value, dict):
        place = f"{path}: {where}" if where else f"{path}"
        raise InputError(f"{place}: is {type(value).__name__}, expected a mapping")
    return value


def _names(path: Path, name: str, what: str, value: Any) -> tuple[str, ...]:
    """Return the value if it is a list of distinct names."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InputError(f"{path}: {name}: {what} is {value!r}, expected a list of names")
    if len(set(value)) != len(value):
        raise InputError(f"{path}: {name}: {what} is {value}, expected each name once")
    return tuple(value)


def _is_number(value: Any) -> bool:
    """Whether a value is a number; YAML's booleans are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _one_line(error: Exception) -> str:
    """Message of an error on one line."""
    return " ".join(str(error).split())
