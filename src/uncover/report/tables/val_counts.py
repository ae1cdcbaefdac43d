"""Whole faces found and missed on val by both RGB detectors (thesis section 4.4.1; the thesis has no table of them)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from uncover.errors import InputError
from uncover.metrics.confusion import BACKGROUND
from uncover.parts.classes import CLASS_NAMES, WHOLE_FACE
from uncover.report.evaluations import ConfusionTable, read_confusion
from uncover.report.published import PublishedNumber, load_text
from uncover.report.tables.companions import PUBLISHED, companion_rows
from uncover.report.tables.table import Table

MODELS = ("rgb10", "rgb1")
NAMES_OF_COUNT = {"Found": "true_positive", "False": "false_positive", "Missed": "false_negative"}
"""By column: what the thesis's numbers of the text are named for."""

NOTES = (
    "Counts of the confusion matrix of the whole-face class alone: predictions of confidence above 0.25, paired with"
    " labels at IoU above 0.45.",
    "The thesis says neither where its counts come from nor why they add up to 1620 faces on 1781 photos.",
)


def write_val_counts(confusions: Sequence[Path], published: Path, out: Path) -> None:
    """Make the table from files.

    Args:
        confusions: `confusion.csv` of evaluations, in folders named `<model>/val/whole_face`.
        published: The thesis's numbers.
        out: Folder to write into.

    Raises:
        InputError: A file is not what it should be, or of another model, set or scope.
    """
    found = {}
    for path in confusions:
        model, *scored = path.parts[-4:-1]
        if model not in MODELS or scored != ["val", "whole_face"]:
            raise InputError(f"{path}: expected a path that ends in {'|'.join(MODELS)}/val/whole_face/confusion.csv")
        found[model] = read_confusion(path)
        if found[model].names != (CLASS_NAMES[WHOLE_FACE], BACKGROUND):
            raise InputError(f"{path}: is of {found[model].names}; expected the whole face alone")
    val_counts(found, load_text(published)).write(out)


def val_counts(confusions: Mapping[str, ConfusionTable], published: Mapping[str, PublishedNumber]) -> Table:
    """Lay both models' counts beside the thesis's.

    Args:
        confusions: Of the whole face and the background, by model.
        published: Numbers of the thesis's text.

    Returns:
        Columns "Model", "Faces", "Found", "False", "Missed", and the thesis's numbers.
    """
    rows = []
    for model in (model for model in MODELS if model in confusions):
        (found, false), (missed, _) = confusions[model].counts.tolist()
        row = {"Model": model, "Faces": found + missed, "Found": found, "False": false, "Missed": missed}
        row[f"Faces{PUBLISHED}"] = published["val_faces"].value
        row |= {
            f"{column}{PUBLISHED}": published[f"val_{model}_{name}"].value for column, name in NAMES_OF_COUNT.items()
        }
        rows.append(row)
    frame = pd.DataFrame(rows)
    return Table(
        "table_val_counts", "Whole faces found and missed on val", frame, list(NOTES), shown=companion_rows(frame)
    )
