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

COLUMNS = ("image", "width", "height", "faces", "confidence", "missed")
EXPECTED = "expected a table of 'uncover missed'"


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
    text = _read_text(path)
    for name in (*COLUMNS, *inputs):
        if name not in text.columns:
            others = ", ".join(column for column in text.columns if column not in COLUMNS) or "none"
            found = f"it says which of these are blank: {others}" if name in inputs else EXPECTED
            raise InputError(f"{path}: no column {name}; {found}")
    _refuse(path, text, "image", text["image"].duplicated() | (text["image"] == ""), "each photo once")
    table = pd.DataFrame({"image": text["image"]})
    for name in ("width", "height"):
        table[name] = _numbers(path, text, name, 1).astype(np.int64)
    table["faces"] = _numbers(path, text, "faces", 0, may_be_empty=True).astype("Int64")
    table["confidence"] = _numbers(path, text, "confidence", 0, 1).astype(np.float32)
    for name in ("missed", *(column for column in text.columns if column not in COLUMNS)):
        _refuse(path, text, name, ~text[name].isin(["True", "False"]), "True or False")
        table[name] = (text[name] == "True").to_numpy(np.bool_)
    return table


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


def _read_text(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False).fillna("")
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; make it with 'uncover missed'") from None
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else "unreadable"
        raise InputError(f"{path}: is no CSV file ({reason}); {EXPECTED}") from None


def _numbers(
    path: Path, text: pd.DataFrame, name: str, lowest: float, highest: float = np.inf, may_be_empty: bool = False
) -> pd.Series:
    """A column as float64, NaN where it is empty; all but a confidence are whole numbers."""
    empty = text[name] == ""
    numbers = pd.to_numeric(text[name], errors="coerce").astype(np.float64)
    whole = highest == np.inf
    right = (numbers >= lowest) & (numbers <= highest) & np.isfinite(numbers)
    right &= (numbers == np.round(numbers)) | (not whole)
    expected = f"a whole number from {lowest} on" if whole else f"a number from {lowest} to {highest}"
    _refuse(path, text, name, ~(right | (empty & may_be_empty)), expected)
    return numbers


def _refuse(path: Path, text: pd.DataFrame, name: str, wrong: pd.Series, expected: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(f"{path}, row {row + 1}: {name} is {text[name].iloc[row]!r}, expected {expected}")
