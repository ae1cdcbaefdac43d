"""The table of all boxes of a data set, kept or left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from uncover.faces.face import Rejected
from uncover.tables import read_table

BOX_COLUMNS = ("source", "photo", "name", "part", "class_id", "x1", "y1", "x2", "y2", "status")


@dataclass(frozen=True)
class Labels:
    """Boxes of a data set.

    Attributes:
        boxes: One row per face and part (`BOX_COLUMNS`; pixels of the upright photo). `status` is "kept", or says why
            the part was left out.
        rejected: Faces that lose their place, because they have no box or their photo is dropped.
    """

    boxes: pd.DataFrame
    rejected: list[Rejected]


def read_kept_boxes(path: Path) -> pd.DataFrame:
    """Load the boxes of a data set that stand in its labels.

    Raises:
        InputError: It is no `boxes.parquet`.
    """
    boxes = read_table(path, BOX_COLUMNS, "labels")
    return boxes[boxes["status"] == "kept"]
