"""Tables that one command leaves and others read."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from uncover.errors import InputError


def read_table(path: Path, columns: Collection[str], made_by: str) -> pd.DataFrame:
    """Load a Parquet table and make sure that it is the one meant.

    Args:
        path: The file.
        columns: Columns that it must have.
        made_by: The command or rule that makes it, for messages.

    Raises:
        InputError: It does not exist, is no Parquet file, or lacks a column.
    """
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; make it with 'uncover {made_by}'") from None
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else "unreadable"
        raise InputError(f"{path}: is no Parquet file ({reason}); expected a table of 'uncover {made_by}'") from None
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(f"{path}: no column {missing[0]}; expected a table of 'uncover {made_by}'")
    return table


def read_summary(path: Path, keys: Collection[str], made_by: str) -> dict[str, Any]:
    """Load a JSON summary and make sure that it is the one meant.

    Raises:
        InputError: It does not exist, is no JSON, or lacks a key.
    """
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; make it with 'uncover {made_by}'") from None
    except ValueError:
        raise InputError(f"{path}: is no JSON; expected a summary of 'uncover {made_by}'") from None
    if not isinstance(summary, dict) or not set(keys) <= summary.keys():
        raise InputError(f"{path}: expected the keys {', '.join(keys)} of a summary of 'uncover {made_by}'")
    return summary
