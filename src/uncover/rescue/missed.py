"""The list of a set's photos that says which of them the first detector missed, and where there is a map to look at.

It has a row per photo: image, width, height (pixels), faces (true whole faces; empty where the set has no labels),
confidence (of the surest whole face of the first detector, 0 if there is none), missed, and a column for everything
that a detector of the second step may look at, `<variant>:<input>`, which says whether that is not blank.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.errors import InputError
from uncover.tables import FILE, Column, check_rows, read_rows

COLUMNS = {
    "image": FILE,
    "width": Column("whole", low=1),
    "height": Column("whole", low=1),
    "faces": Column("whole", low=0, empty=True),
    "confidence": Column("number", low=0, high=1),
    "missed": Column("bool"),
}


def write_missed(path: Path, table: pd.DataFrame) -> None:
    """Write the list as CSV."""
    with new_file(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def read_missed(path: Path, inputs: Collection[str] = ()) -> pd.DataFrame:
    """Load the list of a set.

    Args:
        path: The CSV file.
        inputs: Columns `<variant>:<input>` that it must have.

    Returns:
        A row per photo: image, width and height (int64, pixels), faces (Int64, NA where the set has no labels),
        confidence (float32), missed (bool), and a bool column per `<variant>:<input>`: True where it is not blank.

    Raises:
        InputError: It does not exist, is no such list, names a photo twice, or lacks one of `inputs`.
    """
    table = read_rows(path, COLUMNS, "a table of 'uncover missed'", others=Column("bool"))
    told = [str(name) for name in table if name not in COLUMNS]
    for name in inputs:
        if name not in told:
            which = ", ".join(told) or "none"
            raise InputError(f"{path}: no column {name}; it says which of these are blank: {which}")
    check_rows(path, table, ~table["image"].duplicated(), "{image} stands here a second time; expected each photo once")
    return table[[*COLUMNS, *told]].astype({"confidence": np.float32}).reset_index(drop=True)


def looked_at(table: pd.DataFrame, maps: str | None) -> NDArray[np.bool_]:
    """Which photos a method gets to look at: bool (photos,), those missed, and of these those whose map is not blank.

    Args:
        table: Of `read_missed`.
        maps: What it looks at, `<variant>:<input>`; None for photos, which are never blank.
    """
    missed = table["missed"].to_numpy(np.bool_)
    return missed if maps is None else missed & table[maps].to_numpy(np.bool_)


def check_same_images(path: Path, images: Iterable[str], expected: Iterable[str], of: Path) -> None:
    """Make sure that two records are of the same photos, in whatever order.

    Args:
        path: Of the record that is asked about.
        images: Its photos.
        expected: Those of the other record.
        of: The other record.

    Raises:
        InputError: They are not.
    """
    own, others = set(images), set(expected)
    if own != others:
        name = min(own ^ others)
        difference = f"names {name}, which {of} does not" if name in own else f"does not name {name}, which {of} does"
        raise InputError(f"{path}: {difference}; expected records of the same set")
