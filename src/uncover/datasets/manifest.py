"""The manifest of a data set: one row per photo."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from uncover.tables import read_table

MANIFEST_COLUMNS = ("source", "photo", "image", "width", "height", "faces", "labelled")
"""That every manifest has; `block` and `block_kind` say what a photo belongs to (`uncover.datasets.blocks`)."""


def read_manifest(path: Path) -> pd.DataFrame:
    """Load a data set's manifest.

    Raises:
        InputError: It is no `manifest.parquet`.
    """
    return read_table(path, MANIFEST_COLUMNS, "labels")
