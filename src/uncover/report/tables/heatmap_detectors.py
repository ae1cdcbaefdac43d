"""Tables 7 and 12: scores of the heatmap detectors, on whole sets and on missed photos (thesis sections 4.5, 4.6.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from uncover.metrics.predictions import Alike
from uncover.report.records import EvaluationRecord, read_evaluations
from uncover.report.registry import table
from uncover.report.tables.detectors import SCORE_OF_COLUMN, made_by, score_cells
from uncover.report.tables.second_step import Layout, Variants, absent, choose_layout
from uncover.report.tables.table import PUBLISHED, Table, companion_rows

if TYPE_CHECKING:
    from uncover.workflow.targets import Run

SCOPES = {"table_07": "whole_face", "table_12": "missed"}
"""Scope of the evaluations, by table."""

WHAT = {
    "table_07": "All photos of a set, including those whose heatmap is blank.",
    "table_12": (
        "Photos in which rgb10 found no whole face and the detector's own heatmap is not blank; Photos gives their"
        " number."
    ),
}

FURTHER = {"Conf": "float64", "Photos": "Int64", "Faces": "Int64"}
"""Columns that the thesis's table does not have, and their types."""

Scores = Mapping[tuple[str, str], EvaluationRecord]


def _summaries(run: Run, models: Sequence[str], sets: Sequence[str], scope: str) -> dict[str, list[str]] | None:
    return {"summaries": run.summaries(models, sets, scope)} if models and sets else None


@table(
    "table_07",
    "7: heatmap detectors",
    caption="The four heatmap detectors on val and both test sets, whole face, with 95 % intervals and the thesis's"
    " numbers.",
    inputs=lambda run: _summaries(run, run.thesis_models, run.scored_sets, "whole_face"),
    fixed={"name": "table_07"},
)
@table(
    "table_07_variants",
    "7: heatmap detectors, variants",
    caption="Detectors on other kinds of heatmaps, on val and both test sets; the thesis has none of these.",
    inputs=lambda run: _summaries(run, run.variant_models, run.scored_sets, "whole_face"),
    options=lambda run: {"variants": run.variant_models},
    fixed={"name": "table_07", "published": None},
    command="table_07",
)
@table(
    "table_12",
    "12: heatmap detectors by grade",
    caption="Scores of the four heatmap detectors on missed frames whose heatmap is not blank, by grade of occlusion.",
    inputs=lambda run: _summaries(run, run.thesis_models, run.occluded_sets, "missed"),
    fixed={"name": "table_12"},
)
@table(
    "table_12_variants",
    "12: heatmap detectors by grade, variants",
    caption="Scores of the detectors on other kinds of heatmaps on missed frames, by grade of occlusion; the thesis has"
    " none of these.",
    inputs=lambda run: _summaries(run, run.variant_models, run.occluded_sets, "missed"),
    options=lambda run: {"variants": run.variant_models},
    fixed={"name": "table_12", "published": None},
    command="table_12",
)
def scores_of_heatmap_detectors(
    summaries: Sequence[Path], published: Path | None = None, variants: Variants = (), *, name: str
) -> Table:
    """Make table 7 or 12 from files.

    Args:
        summaries: summary.json of evaluations, in folders named <model>/<set>/<scope>.
        published: The thesis's numbers (config/published.yaml), for its four detectors.
        variants: Detectors on other kinds of heatmaps; writes their table instead.
        name: One of `SCOPES`.

    Raises:
        InputError: A file is not valid, or is of another detector, set or scope.
    """
    layout = choose_layout(name, published, variants)
    paths: dict[str, list[Path]] = {}
    for path in summaries:
        model = path.absolute().parents[2].name
        layout.check_model(path, model)
        paths.setdefault(model, []).append(path)
    alike = Alike()
    evaluations = {
        (model, set_name): each
        for model, own in paths.items()
        for set_name, each in read_evaluations(own, layout.sets, SCOPES[name], alike).items()
    }
    return heatmap_detectors(layout, evaluations, WHAT[name])


def heatmap_detectors(layout: Layout, evaluations: Scores, what: str) -> Table:
    """Table of the scores of several detectors on several sets, and the thesis's.

    Args:
        layout: Rows of the table; rows without evaluation have no numbers.
        evaluations: By detector and set.
        what: Footnote on the photos.

    Returns:
        Columns "CAM Model", "Set", "P", "R", "F1", "mAP50", "mAP50_95", "Conf", "Photos", "Faces", then each score's
        interval and, except for variants, the thesis's value.
    """
    rows = []
    for model, set_name, names in layout.rows():
        each = evaluations.get((model, set_name))
        further = {"Conf": each.confidence, "Photos": each.images, "Faces": each.labels} if each else {}
        rows.append(names | score_cells(each, layout.printed(names)) | dict.fromkeys(FURTHER) | further)
    frame = pd.DataFrame(rows).astype(FURTHER)
    first = ["CAM Model", "Set", *SCORE_OF_COLUMN, *FURTHER]
    others = [name for name in frame.columns.drop(first) if layout.published or not name.endswith(PUBLISHED)]
    frame = frame[[*first, *others]]
    notes = [
        what,
        "P, R and F1 are read at Conf, the confidence of the best F1 on the evaluated photos, as in the thesis.",
        *layout.notes,
        *made_by((layout.sets[name], each) for (_, name), each in evaluations.items()),
        *absent(layout, evaluations),
    ]
    if not all(each.labels for each in evaluations.values()):
        notes.append("n/a: the photos have no true face to score.")
    return Table(layout.name, layout.title, frame, notes, shown=companion_rows(frame, keys=2))
