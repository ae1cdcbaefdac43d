"""Tables 4 to 6: the RGB detectors on val and both test sets (thesis sections 4.4 and 4.4.1)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from uncover.metrics.intervals import Rate
from uncover.report.evaluations import Evaluation, read_evaluations
from uncover.report.published import Cell, load_published
from uncover.report.registry import table
from uncover.report.tables.companions import HIGH, LOW, PUBLISHED, companion_rows, interval_notes
from uncover.report.tables.table import Table, cell_text

if TYPE_CHECKING:
    from uncover.workflow.targets import Run

SETS = {"val": "Val", "merl": "MERL RAV", "wflw": "WFLW"}
"""By set: the name that the thesis's tables print."""

SCORE_OF_COLUMN = {"P": "P", "R": "R", "F1": "F1_of_means", "mAP50": "AP50", "mAP50_95": "AP50_95"}
"""By column as the thesis names it: the score of the evaluation. The thesis's F1 is that of its mean P and R."""

TITLES = {
    "table_04": "Table 4: ten-part RGB detector, all ten classes",
    "table_05": "Table 5: ten-part RGB detector, its whole-face class alone",
    "table_06": "Table 6: RGB detector of the whole face only",
}


@table(
    "table_04",
    "4: ten parts",
    caption="The ten-part RGB detector on val and both test sets: means over all ten classes, with 95 % intervals and"
    " the thesis's numbers.",
    inputs=lambda run: {"summaries": _summaries(run, "rgb10", "all")},
    fixed={"name": "table_04", "scope": "all"},
)
@table(
    "table_05",
    "5: ten parts, scored on the whole face",
    caption="The same detector scored on its whole-face class alone.",
    inputs=lambda run: {"summaries": _summaries(run, "rgb10", "whole_face")},
    fixed={"name": "table_05", "scope": "whole_face"},
)
@table(
    "table_06",
    "6: whole face only",
    caption="The RGB detector of the whole face only, on val and both test sets.",
    inputs=lambda run: {"summaries": _summaries(run, "rgb1", "whole_face")},
    fixed={"name": "table_06", "scope": "whole_face"},
)
def scores_of_detector(summaries: Sequence[Path], published: Path, *, name: str, scope: str) -> Table:
    """Make one of tables 4 to 6 from files.

    Args:
        summaries: summary.json of `uncover evaluate`, in folders named <set>/<scope>, set = val, merl, wflw.
        published: The thesis's numbers (config/published.yaml).
        name: Of the table.
        scope: "all" or "whole_face".

    Raises:
        InputError: A file is not what it should be, or of another set or scope.
    """
    evaluations = read_evaluations(summaries, tuple(SETS), scope)
    return scores_table(name, evaluations, load_published(published)[name].rows)


def _summaries(run: Run, model: str, scope: str) -> list[str]:
    return [run.paths.rgb_tables.metrics(model, name, scope).summary for name in run.scored_sets]


def scores_table(name: str, evaluations: Mapping[str, Evaluation], published: Sequence[Mapping[str, Cell]]) -> Table:
    """Lay the scores of a detector beside the thesis's.

    Args:
        name: One of `TITLES`.
        evaluations: By set ("val", "merl", "wflw"); a set that is not at hand has no numbers.
        published: Rows of the thesis's table.

    Returns:
        Columns "Set", "P", "R", "F1", "mAP50", "mAP50_95", each number with its interval and the thesis's value.
    """
    printed = {str(row["Set"]): row for row in published}
    rows = [
        {"Set": title} | score_cells(evaluations.get(set_name), printed.get(title, {}))
        for set_name, title in SETS.items()
    ]
    frame = pd.DataFrame(rows)
    return Table(name, TITLES[name], frame, _notes(evaluations), shown=companion_rows(frame))


def score_cells(evaluation: Evaluation | None, printed: Mapping[str, Cell]) -> dict[str, float]:
    """The scores of an evaluation, then their intervals, then what the thesis prints; NaN where there is none.

    Args:
        evaluation: None where it is not at hand.
        printed: Row of the thesis's table; empty where it has none.
    """
    scores = {column: evaluation.scores[score] for column, score in SCORE_OF_COLUMN.items()} if evaluation else {}
    missing = Rate(math.nan)
    cells = {column: scores.get(column, missing).value for column in SCORE_OF_COLUMN}
    cells |= {f"{column}{LOW}": scores.get(column, missing).low for column in SCORE_OF_COLUMN}
    cells |= {f"{column}{HIGH}": scores.get(column, missing).high for column in SCORE_OF_COLUMN}
    return cells | {f"{column}{PUBLISHED}": number(printed.get(column)) for column in SCORE_OF_COLUMN}


def number(cell: Cell) -> float:
    """A cell of the thesis's tables; NaN where it prints no number."""
    return float(cell) if isinstance(cell, int | float) else math.nan


def made_by(evaluations: Iterable[tuple[str, Evaluation]]) -> list[str]:
    """Footnotes on how the predictions and the intervals of some evaluations were made.

    Args:
        evaluations: With the titles of their sets.
    """
    evaluations = list(evaluations)
    made = {how_made(each.settings) for _, each in evaluations if each.settings}
    return [*([f"Predictions: {'; '.join(sorted(made))}."] if made else []), *drawn_by(evaluations)]


def drawn_by(evaluations: Iterable[tuple[str, Evaluation]]) -> list[str]:
    """Footnotes on how the intervals of some evaluations were made.

    Args:
        evaluations: With the titles of their sets.
    """
    drawn = [(title, each) for title, each in evaluations if each.resamples]
    if not drawn:
        return []
    counts = ", ".join(map(str, sorted({each.resamples for _, each in drawn})))
    over = [
        *(["photos"] if any(each.blocks is None for _, each in drawn) else []),
        *(["blocks of photos"] if any(each.blocks is not None for _, each in drawn) else []),
    ]
    made = f"Intervals: 95 %, bootstrap over {' or '.join(over)}, {counts} resamples."
    return [made, *interval_notes((title, each.blocks) for title, each in drawn)]


def how_made(settings: Mapping[str, Any]) -> str:
    """How some predictions were made, in words."""
    size, overlap = settings.get("image_size"), settings.get("nms_iou")
    words = [
        f"{settings.get('package') or settings.get('model')}" + (f" at {size} px" if size else ""),
        f"confidence from {settings.get('confidence')}",
        *([f"NMS at IoU {overlap}"] if overlap is not None else []),
    ]
    return ", ".join(words)


def _notes(evaluations: Mapping[str, Evaluation]) -> list[str]:
    notes = [
        f"{SETS[name]}: {each.images} photos, {each.labels} labels;"
        f" P, R and F1 at confidence {cell_text(each.confidence)}."
        for name, each in evaluations.items()
    ]
    notes += [f"{title}: not at hand in this run." for name, title in SETS.items() if name not in evaluations]
    notes.append("The confidence is the best for the mean F1 of the very set that is scored, as in the thesis.")
    notes.append("P, R, mAP: means over classes; F1: of mean P and mean R.")
    notes += made_by((SETS[name], each) for name, each in evaluations.items())
    return notes
