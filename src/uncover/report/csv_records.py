"""Read records that are CSV files."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from pathlib import Path

import pandas as pd

from uncover.datasets.blocks import BlockCount
from uncover.errors import InputError


def read_csv_record(path: Path, columns: Collection[str], made_by: str) -> pd.DataFrame:
    """Load a CSV table and make sure that it is the one meant.

    Args:
        path: The file. Blanks around names of columns, which YOLOv5 writes, do not count.
        columns: Columns that it must have.
        made_by: The command that makes it, for messages.

    Raises:
        InputError: It does not exist, is no CSV file, or lacks a column.
    """
    try:
        table = pd.read_csv(path, skipinitialspace=True)
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; make it with 'uncover {made_by}'") from None
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else "unreadable"
        raise InputError(f"{path}: is no CSV file ({reason}); expected a record of 'uncover {made_by}'") from None
    table.columns = table.columns.str.strip()
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(f"{path}: no column {missing[0]}; expected a record of 'uncover {made_by}'")
    return table


def block_count(row: Mapping[Hashable, object] | pd.Series) -> BlockCount | None:
    """Blocks that the intervals of a row draw, by its columns blocks, block_kind and alone; None where it has none."""
    blocks, alone = (pd.to_numeric(str(row.get(name)), errors="coerce") for name in ("blocks", "alone"))
    return None if pd.isna(blocks) or pd.isna(alone) else BlockCount(str(row["block_kind"]), int(blocks), int(alone))
