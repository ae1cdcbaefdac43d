"""Table 10: the ten-part RGB detector on frames of four grades of occlusion (thesis section 4.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from uncover.report.evaluations import Evaluation, read_evaluations
from uncover.report.published import Cell, load_published
from uncover.report.registry import table
from uncover.report.tables.companions import PUBLISHED, companion_rows
from uncover.report.tables.detectors import SCORE_OF_COLUMN, made_by, number, score_cells
from uncover.report.tables.second_step import GRADES
from uncover.report.tables.table import Table

ALL_GRADES = {"slapi_none": "No Occl"} | GRADES
FURTHER = {"Conf": "float64", "Faces": "Int64"}
"""Columns that the thesis has not, and what they hold."""


@table(
    "table_10",
    "10: ten parts, whole face by grade",
    caption="The ten-part RGB detector on frames of four grades of occlusion, scored on its whole-face class alone.",
    inputs=lambda run: (
        {"summaries": run.summaries(["rgb10"], run.graded_sets, "whole_face")} if run.graded_sets else None
    ),
)
def scores_by_grade(summaries: Sequence[Path], published: Path) -> Table:
    """Make table 10 from files.

    Args:
        summaries: summary.json of evaluations of rgb10, in folders named slapi_<grade>/whole_face.
        published: The thesis's numbers (config/published.yaml).

    Raises:
        InputError: A file is not what it should be, or of another set or scope.
    """
    evaluations = read_evaluations(summaries, ALL_GRADES, "whole_face")
    return graded_frames(evaluations, load_published(published)["table_10"].rows)


def graded_frames(evaluations: Mapping[str, Evaluation], published: Sequence[Mapping[str, Cell]]) -> Table:
    """Lay the scores of the detector by grade beside the thesis's.

    Args:
        evaluations: By set; one that is not at hand has no numbers.
        published: Rows of the thesis's table.

    Returns:
        Columns "Set", "Count", "P", "R", "F1", "mAP50", "mAP50_95", "Conf", "Faces", then each score's interval and
        the thesis's values.
    """
    printed = {str(row["Set"]): row for row in published}
    rows = []
    for name, title in ALL_GRADES.items():
        each, theirs = evaluations.get(name), printed.get(title, {})
        counts = {"Count": each.images, "Conf": each.confidence, "Faces": each.labels} if each else {}
        cells = score_cells(each, theirs) | {f"Count{PUBLISHED}": number(theirs.get("Count"))}
        rows.append({"Set": title} | dict.fromkeys(("Count", *FURTHER)) | counts | cells)
    frame = pd.DataFrame(rows).astype({"Count": "Int64", f"Count{PUBLISHED}": "Int64"} | FURTHER)
    first = ["Set", "Count", *SCORE_OF_COLUMN, *FURTHER]
    frame = frame[[*first, *frame.columns.drop(first)]]
    absent = [title for name, title in ALL_GRADES.items() if name not in evaluations]
    notes = [
        "rgb10 scored on the whole face alone. Count: frames; Faces: true ones in them.",
        "P, R and F1 at Conf, the confidence of the best F1 on the very set that is scored, as in the thesis.",
        *made_by((ALL_GRADES[name], each) for name, each in evaluations.items()),
    ]
    if not all(each.labels for each in evaluations.values()):
        notes.append("n/a: without a true face there is nothing to score.")
    if absent:
        notes.append(f"Not at hand in this run: {', '.join(absent)}.")
    title = "Table 10: the ten-part RGB detector on graded frames, its whole-face class alone"
    return Table("table_10", title, frame, notes, shown=companion_rows(frame))
