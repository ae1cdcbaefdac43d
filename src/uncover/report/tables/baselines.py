"""Tables of the baseline detectors: by set, and what all tables of theirs share."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd

from uncover.errors import InputError
from uncover.metrics.predictions import Alike
from uncover.report.command_line import Option
from uncover.report.records import EvaluationRecord, read_evaluations
from uncover.report.registry import table
from uncover.report.tables.detectors import ALL_GRADES, SCORE_OF_COLUMN, SETS, drawn_by, how_made, score_cells
from uncover.report.tables.table import (
    DETECTORS,
    NOBODY,
    PUBLISHED,
    NotRun,
    Table,
    by_detector,
    check_not_run,
    companion_rows,
    why_not_run,
    with_rows,
)
from uncover.report.titles import model_title
from uncover.rescue.methods import read_confidences

SCORED_SETS = {name: SETS[name] for name in ("merl", "wflw")} | ALL_GRADES
"""Title by set, in the order of the rows."""

Confidences = Annotated[
    Mapping[str, float],
    Option("NAME=NUMBER", "+", read=functools.partial(read_confidences, option="--confidences")),
]
"""An option that says from which confidence the boxes of several detectors count."""

ALL_SETS = "all"
"""What stands for the set in the row of a detector that was not run."""

WIDER = ("mtcnn", "retinaface", "yunet", "scrfd_500m", "scrfd_2_5g", "centerface")

READY_MADE = (*WIDER, "blazeface_full", "blazeface_short", "viola_jones")
"""Detectors that somebody else has trained; of these, on WIDER FACE."""

NAME = "table_10_baselines"

FIRST = ("Detector", "Set", "Count", "Faces")
"""Columns before the scores."""

Scores = Mapping[tuple[str, str], EvaluationRecord]
"""By detector and set."""


def conventions(names: Collection[str]) -> list[str]:
    """Footnotes on what sets ready-made detectors apart.

    Args:
        names: Detectors that a table tells of.
    """
    ready, wider = ([model_title(name) for name in group if name in names] for group in (READY_MADE, WIDER))
    notes = []
    if ready:
        notes.append(
            f"Trained by others: {_list(ready)}. Each draws faces by a convention of its own, so that a box on a"
            " face may miss IoU 0.5 and count as false; the others were trained on this run's faces."
        )
    if wider:
        notes.append(
            f"{_list(wider)}: trained on WIDER FACE, which has far more faces than this run's training set, boxed from"
            " the forehead to the chin. WFLW's photos come from there, so those may not be new here."
        )
    if ready:
        notes.append(
            "MERL-RAV and WFLW label not every face of a photo. A box on one that nobody labelled counts as false,"
            " which costs those most that find most faces."
        )
    return notes


def of_confidences(confidences: Mapping[str, float], names: Collection[str]) -> str:
    """Footnote on the confidences from which boxes count.

    Args:
        confidences: By detector.
        names: Detectors that a table tells of.
    """
    told = ", ".join(f"{model_title(name)} {confidences[name]:g}" for name in DETECTORS if name in names)
    return (
        f"A box counts from its detector's working confidence on: {told}. That of the RGB detectors is the thesis's"
        " (rescue.missed_confidence), the others are their libraries', and 0.5 where these have none (section baselines"
        " of the config). They are not tuned on these photos, and those of two detectors do not compare."
    )


def files_by_detector(
    predictions: Sequence[Path], sets: Collection[str], confidences: Mapping[str, float]
) -> dict[tuple[str, str], Path]:
    """Sort files of predictions by detector and set.

    Args:
        predictions: Files named `<detector>/<set>.parquet`.
        sets: Names to expect.
        confidences: By detector; all of the files' detectors must have one.

    Returns:
        In the order of the tables.

    Raises:
        InputError: A file is of another detector or set, stands twice, or has no confidence.
    """
    paths: dict[tuple[str, str], Path] = {}
    for path in predictions:
        # Links stay: whoever linked a folder named it so.
        key = path.absolute().parent.name, path.stem
        if key[0] not in DETECTORS or key[1] not in sets or key in paths:
            raise InputError(
                f"{path}: is {'/'.join(key)}; expected <detector>/<set>.parquet, each once, of the detectors"
                f" {', '.join(DETECTORS)} and the sets {', '.join(sets)}"
            )
        if key[0] not in confidences:
            raise InputError(f"{path}: --confidences has no word for {key[0]}; expected one, such as {key[0]}=0.5")
        paths[key] = path
    return {(name, own): paths[name, own] for name in DETECTORS for own in sets if (name, own) in paths}


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@table(
    "table_10_baselines",
    "10, baselines: whole face by set",
    caption="All face detectors, the thesis's and the baselines, scored on whole faces alone, by set: the counterpart"
    " of table 10.\n"
    "The thesis has no such table.",
    inputs=lambda run: {"summaries": run.summaries(run.detectors_of_photos(), run.table_sets, "whole_face")},
    options=lambda run: {"not_run": run.baselines_not_run()},
    after_fetching=True,
)
def scores_of_all_detectors(summaries: Sequence[Path] = (), not_run: NotRun = NOBODY) -> Table:
    """Make the table from files.

    Args:
        summaries: summary.json of evaluations, in folders named <detector>/<set>/whole_face.
        not_run: Detectors without results, and why: a row each, which says so.

    Raises:
        InputError: A file is not what it should be, or of another detector, set or scope.
    """
    paths: dict[str, list[Path]] = {}
    for path in summaries:
        # Links stay: whoever linked a folder named it so.
        name = path.absolute().parents[2].name
        if name not in DETECTORS:
            raise InputError(f"{path}: stands in the folder of {name}; expected one of {', '.join(DETECTORS)}")
        paths.setdefault(name, []).append(path)
    check_not_run(not_run, paths, "--summaries names a record")
    alike = Alike()
    evaluations = {
        (name, set_name): each
        for name in DETECTORS
        for set_name, each in read_evaluations(paths.get(name, ()), tuple(SCORED_SETS), "whole_face", alike).items()
    }
    return baselines_by_set(evaluations, not_run)


def baselines_by_set(evaluations: Scores, not_run: Mapping[str, str]) -> Table:
    """Lay the scores of all detectors below each other.

    Args:
        evaluations: What is at hand, in the order of the rows.
        not_run: Detectors that the run does without, and why.

    Returns:
        Columns "Detector", "Set", "Count", "Faces", "P", "R", "F1", "mAP50", "mAP50_95", "Conf", then each score's
        interval.
    """
    rows = [
        dict(zip(FIRST, (model_title(name), SCORED_SETS[set_name], each.images, each.labels), strict=True))
        | {"Conf": each.confidence}
        | {column: cell for column, cell in score_cells(each, {}).items() if not column.endswith(PUBLISHED)}
        for (name, set_name), each in evaluations.items()
    ]
    order = [
        *FIRST,
        *SCORE_OF_COLUMN,
        "Conf",
        *(f"{column}{end}" for end in ("_low", "_high") for column in SCORE_OF_COLUMN),
    ]
    frame = pd.DataFrame(rows, columns=order)
    frame = with_rows(frame, [{"Detector": model_title(name), "Set": ALL_SETS} for name in not_run])
    frame = by_detector(frame)
    title = "Table 10, all detectors: scores on whole faces, by set"
    return Table(NAME, title, frame, _notes(evaluations, not_run), shown=companion_rows(frame, keys=2))


def _notes(evaluations: Scores, not_run: Mapping[str, str]) -> list[str]:
    names = {name for name, _ in evaluations}
    sets = {set_name for _, set_name in evaluations}
    grades = [title for set_name, title in ALL_GRADES.items() if set_name in sets]
    notes = ["Every detector is scored on the whole face alone. Count: photos; Faces: true ones in them."]
    if grades:
        notes.append(f"Graded frames, by how much of the face is covered: {', '.join(grades)}.")
    notes.append(
        "P, R and F1 at Conf, the confidence of the best F1 on the very set that is scored, as in the thesis; this"
        " flatters all of them alike. A face counts as found at IoU 0.5; mAP50_95 asks for more."
    )
    notes += conventions(names)
    notes += _made(evaluations)
    if not all(each.labels for each in evaluations.values()):
        notes.append("n/a: without a true face there is nothing to score.")
    return notes + why_not_run(not_run)


def _made(evaluations: Scores) -> list[str]:
    made: dict[str, list[str]] = {}
    for (name, _), each in evaluations.items():
        if each.settings and model_title(name) not in (names := made.setdefault(how_made(each.settings), [])):
            names.append(model_title(name))
    told = "; ".join(f"{', '.join(names)}: {how}" for how, names in made.items())
    notes = [f"Predictions: {told}."] if told else []
    return notes + drawn_by((SCORED_SETS[set_name], each) for (_, set_name), each in evaluations.items())
