"""The account of what did not make it: `rejected.csv`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from uncover.atomic import new_file
from uncover.faces.face import Rejected

REJECTED_COLUMNS = tuple(field.name for field in fields(Rejected))


def write_rejected(rejected: Sequence[Rejected], path: Path) -> None:
    """Write one row per face or photo that did not make it, with its reason."""
    with new_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, REJECTED_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(item) for item in rejected)
