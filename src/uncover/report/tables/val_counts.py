"""Whole faces found and missed on val by both RGB detectors (thesis section 4.4.1; the thesis has no table of them)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from uncover.errors import InputError
from uncover.metrics.confusion import CONFIDENCE, IOU
from uncover.parts.classes import WHOLE_FACE
from uncover.report.csv_records import read_csv_record
from uncover.report.published import PublishedNumber, load_text
from uncover.report.registry import table
from uncover.report.tables.companions import PUBLISHED, companion_rows
from uncover.report.tables.table import Table

MODELS = ("rgb10", "rgb1")
COLUMNS = {
    "Faces": ("labels", "val_faces"),
    "Found": ("true_positives", "val_{}_true_positive"),
    "False": ("background_found", "val_{}_false_positive"),
    "Missed": ("false_negatives", "val_{}_false_negative"),
}
"""By column: the column of `classes.csv`, and the number of the thesis's text."""


@table(
    "table_val_counts",
    "whole faces found on val",
    caption="Whole faces that both RGB detectors find and miss on val, and what they take for one.",
    inputs=lambda run: {
        "classes": [run.paths.rgb_tables.metrics(model, "val", "whole_face").classes for model in MODELS]
    },
)
def faces_on_val(classes: Sequence[Path], published: Path) -> Table:
    """Make the table from files.

    Args:
        classes: classes.csv of `uncover evaluate`, in folders named <model>/val/whole_face, model = rgb10, rgb1.
        published: The thesis's numbers (config/published.yaml).

    Raises:
        InputError: A file is not what it should be, or of another model, set or scope.
    """
    found = {}
    for path in classes:
        model, *scored = path.parts[-4:-1]
        if model not in MODELS or scored != ["val", "whole_face"]:
            raise InputError(f"{path}: expected a path that ends in {'|'.join(MODELS)}/val/whole_face/classes.csv")
        counts = ("class_id", "false_positives", *(column for column, _ in COLUMNS.values()))
        table = read_csv_record(path, counts, "evaluate")
        if table["class_id"].tolist() != [WHOLE_FACE]:
            raise InputError(f"{path}: has the classes {table['class_id'].tolist()}, expected {WHOLE_FACE} alone")
        found[model] = table.iloc[0]
    return val_counts(found, load_text(published))


def val_counts(counts: Mapping[str, pd.Series], published: Mapping[str, PublishedNumber]) -> Table:
    """Lay both models' counts beside the thesis's.

    Args:
        counts: Row of `classes.csv` of the whole face, by model.
        published: Numbers of the thesis's text.

    Returns:
        Columns "Model", "Faces", "Found", "False", "Missed", and the thesis's numbers.
    """
    models = [model for model in MODELS if model in counts]
    frame = pd.DataFrame({"Model": models})
    for column, (name, _) in COLUMNS.items():
        frame[column] = [int(counts[model][name]) for model in models]
    for column, (_, number) in COLUMNS.items():
        frame[f"{column}{PUBLISHED}"] = [published[number.format(model)].value for model in models]
    left_out = [f"{model} {counts[model]['false_positives'] - counts[model]['background_found']}" for model in models]
    notes = [
        f"By YOLOv5's confusion matrix of the whole face alone: boxes of confidence above {CONFIDENCE}, paired with"
        f" faces at IoU above {IOU}. It leaves out boxes in photos where no box meets a face: {', '.join(left_out)}.",
        "The thesis does not say where its counts come from, nor why they add up to 1620 faces on 1781 photos.",
    ]
    title = "Whole faces found and missed on val"
    return Table("table_val_counts", title, frame, notes, shown=companion_rows(frame))
