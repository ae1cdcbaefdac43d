"""Table of the baseline detectors by set, and footnotes that all tables of baseline detectors share."""

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
"""Display name by set, in row order."""

Confidences = Annotated[
    Mapping[str, float],
    Option("NAME=NUMBER", "+", read=functools.partial(read_confidences, option="--confidences")),
]
"""Option type for the confidence thresholds of several detectors."""

ALL_SETS = "all"
"""Value of the set in the row of a detector that was not run."""

WIDER = ("mtcnn", "retinaface", "yunet", "scrfd_500m", "scrfd_2_5g", "centerface")

READY_MADE = (*WIDER, "blazeface_full", "blazeface_short", "viola_jones")
"""Pretrained detectors; `WIDER` are those trained on WIDER FACE."""

NAME = "table_10_baselines"

FIRST = ("Detector", "Set", "Count", "Faces")
"""Columns before the scores."""

Scores = Mapping[tuple[str, str], EvaluationRecord]
"""Evaluations by detector and set."""


def conventions(names: Collection[str]) -> list[str]:
    """Footnotes on how pretrained detectors differ from the others.

    Args:
        names: Detectors in the table.
    """
    ready, wider = ([model_title(name) for name in group if name in names] for group in (READY_MADE, WIDER))
    notes = []
    if ready:
        notes.append(
            f"Pretrained: {_list(ready)}. Each of them draws face boxes in its own way, so a box on a face may stay"
            " below IoU 0.5 and count as a false positive; the other detectors were trained on the faces of this run."
        )
    if wider:
        notes.append(
            f"{_list(wider)}: trained on WIDER FACE, which has far more faces than this run's training set, with boxes"
            " from the forehead to the chin. The photos of WFLW come from WIDER FACE, so they may be training photos."
        )
    if ready:
        notes.append(
            "MERL-RAV and WFLW do not label every face of a photo. A box on an unlabelled face counts as a false"
            " positive, which penalises the detectors that find most faces."
        )
    return notes


def of_confidences(confidences: Mapping[str, float], names: Collection[str]) -> str:
    """Footnote on the confidence thresholds.

    Args:
        confidences: Threshold by detector.
        names: Detectors in the table.
    """
    told = ", ".join(f"{model_title(name)} {confidences[name]:g}" for name in DETECTORS if name in names)
    return (
        f"Confidence thresholds: {told}. The threshold of the RGB detectors is the thesis's"
        " (rescue.missed_confidence), the others are the defaults of their libraries, or 0.5 if a library has none"
        " (section baselines of the config). They are not tuned on these photos, and confidences of different detectors"
        " are not comparable."
    )


def files_by_detector(
    predictions: Sequence[Path], sets: Collection[str], confidences: Mapping[str, float]
) -> dict[tuple[str, str], Path]:
    """Group files of predictions by detector and set.

    Args:
        predictions: Files named `<detector>/<set>.parquet`.
        sets: Names of the expected sets.
        confidences: Threshold by detector, for all detectors of the files.

    Returns:
        Files in table order.

    Raises:
        InputError: A file has an unknown detector or set, is given twice, or has no threshold.
    """
    paths: dict[tuple[str, str], Path] = {}
    for path in predictions:
        # Symbolic links are not resolved: the name of the link counts.
        key = path.absolute().parent.name, path.stem
        if key[0] not in DETECTORS or key[1] not in sets or key in paths:
            raise InputError(
                f"{path}: is {'/'.join(key)}; expected <detector>/<set>.parquet, each once, of the detectors"
                f" {', '.join(DETECTORS)} and the sets {', '.join(sets)}"
            )
        if key[0] not in confidences:
            raise InputError(f"{path}: --confidences has no value for {key[0]}; add one, such as {key[0]}=0.5")
        paths[key] = path
    return {(name, own): paths[name, own] for name in DETECTORS for own in sets if (name, own) in paths}


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@table(
    "table_10_baselines",
    "10, baselines: whole face by set",
    caption="All face detectors, the thesis's and the baseline detectors, scored on whole faces by set: the counterpart"
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
        not_run: Detectors without results, and the reason; each gets a row.

    Raises:
        InputError: A file is not valid, or is of another detector, set or scope.
    """
    paths: dict[str, list[Path]] = {}
    for path in summaries:
        # Symbolic links are not resolved: the name of the link counts.
        name = path.absolute().parents[2].name
        if name not in DETECTORS:
            raise InputError(f"{path}: is in folder {name}; expected one of {', '.join(DETECTORS)}")
        paths.setdefault(name, []).append(path)
    check_not_run(not_run, paths, "--summaries has a record")
    alike = Alike()
    evaluations = {
        (name, set_name): each
        for name in DETECTORS
        for set_name, each in read_evaluations(paths.get(name, ()), tuple(SCORED_SETS), "whole_face", alike).items()
    }
    return baselines_by_set(evaluations, not_run)


def baselines_by_set(evaluations: Scores, not_run: Mapping[str, str]) -> Table:
    """Table of the scores of all detectors.

    Args:
        evaluations: Evaluations, in row order.
        not_run: Detectors that were not run, and the reason.

    Returns:
        Columns "Detector", "Set", "Count", "Faces", "P", "R", "F1", "mAP50", "mAP50_95", "Conf", then the interval of
        each score.
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
    notes = ["All detectors are scored on the whole face only. Count: photos; Faces: true faces in them."]
    if grades:
        notes.append(f"Graded frames, by how much of the face is covered: {', '.join(grades)}.")
    notes.append(
        "P, R and F1 are read at Conf, the confidence of the best F1 on the evaluated set, as in the thesis; all"
        " detectors benefit from this choice. A face counts as found at IoU 0.5; mAP50_95 also uses higher IoUs."
    )
    notes += conventions(names)
    notes += _made(evaluations)
    if not all(each.labels for each in evaluations.values()):
        notes.append("n/a: the set has no true face to score.")
    return notes + why_not_run(not_run)


def _made(evaluations: Scores) -> list[str]:
    made: dict[str, list[str]] = {}
    for (name, _), each in evaluations.items():
        if each.settings and model_title(name) not in (names := made.setdefault(how_made(each.settings), [])):
            names.append(model_title(name))
    told = "; ".join(f"{', '.join(names)}: {how}" for how, names in made.items())
    notes = [f"Predictions: {told}."] if told else []
    return notes + drawn_by((SCORED_SETS[set_name], each) for (_, set_name), each in evaluations.items())
