"""Tables of the RGB detectors: 4 to 6, 10 (graded frames), and counts on val and on Hand Over Face."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from uncover.data.blocks import Blocks, read_blocks
from uncover.data.parts import WHOLE_FACE
from uncover.errors import InputError
from uncover.metrics.confusion import CONFIDENCE, IOU
from uncover.metrics.counts import count_images
from uncover.metrics.intervals import Rate
from uncover.metrics.predictions import Alike, Predictions, read_predictions
from uncover.report.published import Cell, PublishedNumber, load_published, load_text
from uncover.report.records import EvaluationRecord, read_evaluations
from uncover.report.registry import table
from uncover.report.tables.second_step import GRADES
from uncover.report.tables.table import HIGH, LOW, PUBLISHED, Table, cell_text, companion_rows, interval_notes
from uncover.tables import read_table

if TYPE_CHECKING:
    from uncover.workflow.targets import Run

SETS = {"val": "Val", "merl": "MERL RAV", "wflw": "WFLW"}
"""By set: the name in the thesis's tables."""

SCORE_OF_COLUMN = {"P": "P", "R": "R", "F1": "F1_of_means", "mAP50": "AP50", "mAP50_95": "AP50_95"}
"""By column of the thesis: the score of the evaluation. The thesis's F1 is that of mean P and mean R."""

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
    caption="The ten-part RGB detector, scored on its whole-face class only.",
    inputs=lambda run: {"summaries": _summaries(run, "rgb10", "whole_face")},
    fixed={"name": "table_05", "scope": "whole_face"},
)
@table(
    "table_06",
    "6: whole face only",
    caption="The RGB detector trained on the whole face only, on val and both test sets.",
    inputs=lambda run: {"summaries": _summaries(run, "rgb1", "whole_face")},
    fixed={"name": "table_06", "scope": "whole_face"},
)
def scores_of_detector(summaries: Sequence[Path], published: Path, *, name: str, scope: str) -> Table:
    """Make one of tables 4 to 6 from files.

    Args:
        summaries: summary.json of `uncover evaluate`, in folders named <set>/<scope>, set = val, merl, wflw.
        published: The thesis's numbers (config/published.yaml).
        name: Name of the table.
        scope: "all" or "whole_face".

    Raises:
        InputError: A file is not valid, or is of another set or scope.
    """
    evaluations = read_evaluations(summaries, tuple(SETS), scope)
    return scores_table(name, evaluations, load_published(published)[name].rows)


def _summaries(run: Run, model: str, scope: str) -> list[str]:
    return [run.paths.rgb_tables.metrics(model, name, scope).summary for name in run.scored_sets]


def scores_table(
    name: str, evaluations: Mapping[str, EvaluationRecord], published: Sequence[Mapping[str, Cell]]
) -> Table:
    """Table of a detector's scores and the thesis's.

    Args:
        name: One of `TITLES`.
        evaluations: By set ("val", "merl", "wflw"); a set without evaluation has no numbers.
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


def score_cells(evaluation: EvaluationRecord | None, printed: Mapping[str, Cell]) -> dict[str, float]:
    """Scores of an evaluation, their intervals, and the thesis's values; NaN for missing ones.

    Args:
        evaluation: None if there is none.
        printed: Row of the thesis's table; empty if it has none.
    """
    scores = {column: evaluation.scores[score] for column, score in SCORE_OF_COLUMN.items()} if evaluation else {}
    missing = Rate(math.nan)
    cells = {column: scores.get(column, missing).value for column in SCORE_OF_COLUMN}
    cells |= {f"{column}{LOW}": scores.get(column, missing).low for column in SCORE_OF_COLUMN}
    cells |= {f"{column}{HIGH}": scores.get(column, missing).high for column in SCORE_OF_COLUMN}
    return cells | {f"{column}{PUBLISHED}": number(printed.get(column)) for column in SCORE_OF_COLUMN}


def number(cell: Cell) -> float:
    """A cell of the thesis's tables as a number; NaN if it is not one."""
    return float(cell) if isinstance(cell, int | float) else math.nan


def made_by(evaluations: Iterable[tuple[str, EvaluationRecord]]) -> list[str]:
    """Footnotes on the settings of predictions and on intervals.

    Args:
        evaluations: Evaluations with the titles of their sets.
    """
    evaluations = list(evaluations)
    made = {how_made(each.settings) for _, each in evaluations if each.settings}
    return [*([f"Predictions: {'; '.join(sorted(made))}."] if made else []), *drawn_by(evaluations)]


def drawn_by(evaluations: Iterable[tuple[str, EvaluationRecord]]) -> list[str]:
    """Footnotes on intervals.

    Args:
        evaluations: Evaluations with the titles of their sets.
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
    """Settings of predictions, as text."""
    size, overlap = settings.get("image_size"), settings.get("nms_iou")
    words = [
        f"{settings.get('package') or settings.get('model')}" + (f" at {size} px" if size else ""),
        f"confidence at least {settings.get('confidence')}",
        *([f"NMS at IoU {overlap}"] if overlap is not None else []),
    ]
    return ", ".join(words)


def _notes(evaluations: Mapping[str, EvaluationRecord]) -> list[str]:
    notes = [
        f"{SETS[name]}: {each.images} photos, {each.labels} labels;"
        f" P, R and F1 at confidence {cell_text(each.confidence)}."
        for name, each in evaluations.items()
    ]
    notes += [f"{title}: not in this run." for name, title in SETS.items() if name not in evaluations]
    notes.append("The confidence is the one with the best mean F1 on the evaluated set, as in the thesis.")
    notes.append("P, R, mAP: means over classes; F1: of mean P and mean R.")
    notes += made_by((SETS[name], each) for name, each in evaluations.items())
    return notes


ALL_GRADES = {"slapi_none": "No Occl"} | GRADES
FURTHER = {"Conf": "float64", "Faces": "Int64"}
"""Columns that the thesis's table does not have, and their types."""


@table(
    "table_10",
    "10: ten parts, whole face by grade",
    caption="The ten-part RGB detector on frames of four grades of occlusion, scored on its whole-face class only.",
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
        InputError: A file is not valid, or is of another set or scope.
    """
    evaluations = read_evaluations(summaries, ALL_GRADES, "whole_face")
    return graded_frames(evaluations, load_published(published)["table_10"].rows)


def graded_frames(evaluations: Mapping[str, EvaluationRecord], published: Sequence[Mapping[str, Cell]]) -> Table:
    """Table of the detector's scores by grade and the thesis's.

    Args:
        evaluations: By set; a set without evaluation has no numbers.
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
        "rgb10, scored on the whole face only. Count: frames; Faces: true faces in them.",
        "P, R and F1 are read at Conf, the confidence of the best F1 on the evaluated set, as in the thesis.",
        *made_by((ALL_GRADES[name], each) for name, each in evaluations.items()),
    ]
    if not all(each.labels for each in evaluations.values()):
        notes.append("n/a: the set has no true face to score.")
    if absent:
        notes.append(f"Not in this run: {', '.join(absent)}.")
    title = "Table 10: the ten-part RGB detector on graded frames, its whole-face class alone"
    return Table("table_10", title, frame, notes, shown=companion_rows(frame))


MODELS = ("rgb10", "rgb1")
COLUMNS = {
    "Faces": ("labels", "val_faces"),
    "Found": ("true_positives", "val_{}_true_positive"),
    "False": ("background_found", "val_{}_false_positive"),
    "Missed": ("false_negatives", "val_{}_false_negative"),
}
"""By column: the column of `classes.csv`, and the number in the thesis's text."""


@table(
    "table_val_counts",
    "whole faces found on val",
    caption="Whole faces that each RGB detector finds and misses on val, and its false positives.",
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
        InputError: A file is not valid, or is of another model, set or scope.
    """
    found = {}
    for path in classes:
        model, *scored = path.parts[-4:-1]
        if model not in MODELS or scored != ["val", "whole_face"]:
            raise InputError(f"{path}: expected a path that ends in {'|'.join(MODELS)}/val/whole_face/classes.csv")
        counts = ("class_id", "false_positives", *(column for column, _ in COLUMNS.values()))
        table = read_table(path, counts, "evaluate")
        if table["class_id"].tolist() != [WHOLE_FACE]:
            raise InputError(f"{path}: has classes {table['class_id'].tolist()}; expected only {WHOLE_FACE}")
        found[model] = table.iloc[0]
    return val_counts(found, load_text(published))


def val_counts(counts: Mapping[str, pd.Series], published: Mapping[str, PublishedNumber]) -> Table:
    """Table of both models' counts and the thesis's.

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
        f"From YOLOv5's confusion matrix of the whole face: boxes with confidence above {CONFIDENCE}, matched to faces"
        f" at IoU above {IOU}. It ignores boxes in photos where no box matches a face: {', '.join(left_out)}.",
        "The thesis does not state where its counts come from, nor why they sum to 1620 faces on 1781 photos.",
    ]
    title = "Whole faces found and missed on val"
    return Table("table_val_counts", title, frame, notes, shown=companion_rows(frame))


@table(
    "table_hof",
    "faces found in Hand Over Face",
    caption="Frames of Hand Over Face in which each RGB detector finds a face. The set has no annotations, so a"
    " detection may be wrong.",
    inputs=lambda run: (
        {
            "predictions": run.predictions(["rgb10", "rgb1"], ["hof"]),
            "manifest": run.paths.dataset("hof").manifest,
        }
        if "hof" in run.frame_sets
        else None
    ),
    options=lambda run: {
        "dataset": run.paths.dataset("hof"),
        "confidence": run.config.rescue.missed_confidence,
    },
    mem_mb=2000,
)
def faces_in_hand_over_face(
    predictions: Sequence[Path], published: Path, dataset: Path | None = None, confidence: float = 0.4
) -> Table:
    """Make the table from files.

    Args:
        predictions: Tables of `uncover predict` on Hand Over Face, in folders named after their model: rgb10, rgb1.
        published: The thesis's numbers (config/published.yaml).
        dataset: The data set; it may record the person in each frame.
        confidence: Confidence threshold of a face.

    Raises:
        InputError: A file is not valid, or was stored above the threshold.
    """
    found, alike = {}, Alike()
    for path in predictions:
        model = path.parent.name
        if model not in MODELS or model in found:
            raise InputError(f"{path}: is in folder {model}; expected one file in each of {', '.join(MODELS)}")
        found[model] = read_predictions(path, confidence)
        alike.add(path, found[model].settings, model)
    images = {image for each in found.values() for image in each.images["image"]}
    blocks = None if dataset is None else read_blocks(dataset, sorted(images))
    return hand_over_face(found, confidence, load_text(published), blocks)


def hand_over_face(
    predictions: Mapping[str, Predictions],
    confidence: float,
    published: Mapping[str, PublishedNumber],
    blocks: Blocks | None = None,
) -> Table:
    """Count the frames with a detected face.

    Args:
        predictions: By model.
        confidence: Confidence threshold.
        published: Numbers of the thesis's text.
        blocks: Frames that belong together, if known; None treats frames as independent.

    Returns:
        Columns "Model", "Frames", "Detected", "Share" with its interval, and the thesis's numbers.
    """
    rows = []
    for model in (model for model in MODELS if model in predictions):
        count = count_images(predictions[model], WHOLE_FACE, confidence, blocks)
        rows.append(
            {
                "Model": model,
                "Frames": count.images,
                "Detected": count.found,
                "Share": count.share.value,
                f"Share{LOW}": count.share.low,
                f"Share{HIGH}": count.share.high,
                f"Frames{PUBLISHED}": published["hof_faces"].value,
                f"Detected{PUBLISHED}": published[f"hof_{model}_found"].value,
                f"Share{PUBLISHED}": published[f"hof_{model}_share"].value / 100,
            }
        )
    frame = pd.DataFrame(rows)
    frames, found, missed = (published[f"hof_{name}"].value for name in ("faces", "rgb10_found", "missed"))
    overlaps = sorted({str(each.settings.get("nms_iou", "unknown")) for each in predictions.values()})
    notes = [
        f"A frame counts as detected if it has a whole-face box with confidence {confidence} or more. NMS at IoU"
        f" {', '.join(overlaps)}, which does not affect the counts: the most confident box of a frame is always kept.",
        "The set has no annotations: one face per frame is assumed, and a detection may be wrong.",
        "Interval: 95 %, Wilson.",
        *interval_notes(
            ("the frames", None if blocks is None else blocks.count(each.images["image"]))
            for each in predictions.values()
        ),
        f"By these numbers the thesis misses {frames - found} frames ({frames} - {found}); section 4.5.2: {missed}.",
    ]
    title = "Faces found in Hand Over Face"
    return Table("table_hof", title, frame, notes, shown=companion_rows(frame))
