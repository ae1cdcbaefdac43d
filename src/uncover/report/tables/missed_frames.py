"""Table 11: frames found and missed by the RGB detector, and missed ones with a heatmap (thesis section 4.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from uncover.config.detectors import DRAWN_BOXES
from uncover.config.values import check_number
from uncover.errors import InputError
from uncover.metrics.predictions import Alike, Predictions, read_predictions
from uncover.metrics.truth import read_truth
from uncover.report.face_counts import count_faces
from uncover.report.published import Cell, load_published
from uncover.report.registry import table
from uncover.report.tables.detectors import ALL_GRADES, number
from uncover.report.tables.table import PUBLISHED, Table, companion_rows
from uncover.report.titles import maps_title
from uncover.rescue.missed import check_same_images, looked_at, read_missed

COLUMNS = {
    "Total": "Int64",
    "Correct": "Int64",
    "Lowest conf": "float64",
    "Remaining": "Int64",
    "Non-empty heatmaps": "Int64",
}
"""Columns of the thesis's table, and their types."""

FURTHER = ("Faces", "Detections", "Correct detections")
JOINT = ":joint"
THESIS_MAPS = f"gradcampp{JOINT}"


@dataclass(frozen=True)
class FrameCount:
    """What the first detector finds and misses in a set.

    Attributes:
        total: Frames.
        faces: True faces; None without labels.
        detections: Whole-face boxes at or above the confidence threshold.
        correct: Correct detections; None without labels.
        correct_frames: Frames with a correct detection; None without labels.
        lowest: Lowest confidence of a correct detection; None if there is none.
        remaining: Frames without a detection.
        heatmaps: Remaining frames whose joint map is not blank, by kind of heatmaps.
    """

    total: int
    faces: int | None
    detections: int
    correct: int | None
    correct_frames: int | None
    lowest: float | None
    remaining: int
    heatmaps: Mapping[str, int]


@table(
    "table_11",
    "11: found and missed by grade",
    caption="Frames of four grades of occlusion that the ten-part RGB detector found and missed, and how many missed"
    " frames have a heatmap.",
    inputs=lambda run: (
        {
            "predictions": run.predictions(["rgb10"], run.graded_sets),
            "boxes": run.boxes(run.graded_sets),
            "missed": run.missed(run.graded_sets),
        }
        if run.graded_sets
        else None
    ),
    options=lambda run: {
        "datasets": run.datasets(run.graded_sets),
        "confidence": run.config.rescue.missed_confidence,
        "true_iou": run.config.rescue.true_iou,
    },
)
def found_and_missed_by_grade(
    predictions: Sequence[Path],
    datasets: Sequence[Path],
    missed: Sequence[Path],
    published: Path,
    confidence: float = 0.4,
    true_iou: float = 0.5,
) -> Table:
    """Make table 11 from files.

    Args:
        predictions: Predictions of rgb10, files named slapi_<grade>.parquet.
        datasets: Folders of the same sets, named slapi_<grade>.
        missed: Tables of `uncover missed`, named slapi_<grade>.csv.
        published: The thesis's numbers (config/published.yaml).
        confidence: Confidence threshold of a found face.
        true_iou: Minimum IoU with a true face for a correct box.

    Raises:
        InputError: A file is not valid, or the three lists are not of the same sets.
    """
    check_number("--true-iou", true_iou, 0, 1)
    named = [{path.stem: path for path in paths} for paths in (predictions, datasets, missed)]
    for paths, names in zip((predictions, datasets, missed), named, strict=True):
        if len(names) < len(paths) or not names.keys() <= ALL_GRADES.keys() or names.keys() != named[0].keys():
            raise InputError(
                f"{', '.join(map(str, paths))}: expected one file of predictions, one data set and one list of missed"
                f" frames for each set, among {', '.join(ALL_GRADES)}"
            )
    counts, alike = {}, Alike()
    for name, path in named[0].items():
        found = read_predictions(path, confidence)
        alike.add(path, found.settings, "detector")
        table = read_missed(named[2][name])
        check_same_images(path, found.images["image"], table["image"], named[2][name])
        labelled = bool(table["faces"].notna().all())
        truth = read_truth(named[1][name] / "labels", found.images) if labelled else None
        counts[name] = count_frames(found, truth, table, confidence, true_iou)
    return missed_frames(counts, confidence, load_published(published)["table_11"].rows, true_iou)


def count_frames(
    predictions: Predictions,
    truth: pd.DataFrame | None,
    missed: pd.DataFrame,
    confidence: float,
    true_iou: float = 0.5,
) -> FrameCount:
    """Count what the first detector finds and misses.

    Args:
        predictions: Boxes, stored down to `confidence` or lower.
        truth: True boxes, as `read_truth` returns them; None without labels.
        missed: The same frames, as `read_missed` returns them.
        confidence: Confidence threshold of a found face.
        true_iou: Minimum IoU with a true face for a correct box.
    """
    count = count_faces(predictions, truth, confidence, true_iou)
    kinds = [name.removesuffix(JOINT) for name in missed.columns if name.endswith(JOINT)]
    kinds = [kind for kind in kinds if kind != DRAWN_BOXES]
    return FrameCount(
        total=len(missed),
        faces=count.faces,
        detections=count.detections,
        correct=count.correct,
        correct_frames=count.correct_images,
        lowest=count.lowest,
        remaining=int(missed["missed"].sum()),
        heatmaps={kind: int(looked_at(missed, f"{kind}{JOINT}").sum()) for kind in kinds},
    )


def missed_frames(
    counts: Mapping[str, FrameCount],
    confidence: float,
    published: Sequence[Mapping[str, Cell]],
    true_iou: float = 0.5,
) -> Table:
    """Table of the counts and the thesis's.

    Args:
        counts: By set; a set without counts has no numbers.
        confidence: Confidence threshold of a found face.
        published: Rows of the thesis's table.
        true_iou: Minimum IoU with a true face for a correct box.

    Returns:
        Columns "Set", "Total", "Correct", "Lowest conf", "Remaining", "Non-empty heatmaps" (GradCAM++, as in the
        thesis), "Faces", "Detections", "Correct detections", one for each other kind of heatmaps, then the thesis's
        values.
    """
    printed = {str(row["Set"]): row for row in published}
    kinds = sorted({kind for each in counts.values() for kind in each.heatmaps if f"{kind}{JOINT}" != THESIS_MAPS})
    others = {kind: f"Non-empty heatmaps, {maps_title(kind) or kind}" for kind in kinds}
    rows = []
    for name, title in ALL_GRADES.items():
        row: dict[str, object] = {"Set": title} | dict.fromkeys((*COLUMNS, *FURTHER, *others.values()))
        if each := counts.get(name):
            values = (each.total, each.correct_frames, each.lowest, each.remaining, each.heatmaps.get("gradcampp"))
            row |= dict(zip(COLUMNS, values, strict=True))
            row |= dict(zip(FURTHER, (each.faces, each.detections, each.correct), strict=True))
            row |= {column: each.heatmaps.get(kind) for kind, column in others.items()}
        row |= {f"{column}{PUBLISHED}": number(printed.get(title, {}).get(column)) for column in COLUMNS}
        rows.append(row)
    whole = dict.fromkeys((*FURTHER, *others.values()), "Int64")
    types = COLUMNS | whole | {f"{column}{PUBLISHED}": kind for column, kind in COLUMNS.items()}
    frame = pd.DataFrame(rows).astype(types)
    title = "Table 11: graded frames found and missed by the ten-part RGB detector"
    return Table("table_11", title, frame, _notes(counts, confidence, true_iou), shown=companion_rows(frame))


def _notes(counts: Mapping[str, FrameCount], confidence: float, true_iou: float) -> list[str]:
    notes = [
        f"Total: frames. Detections: whole-face boxes with confidence {confidence} or more. Correct detections: those"
        f" that match a true face at IoU {true_iou:g}, each face once. Correct: frames with a correct detection, as in"
        " the thesis, where Correct plus Remaining is Total. Remaining: frames without a detection.",
        "Here Correct plus Remaining is less than Total if all detections of a frame are false positives.",
        "Non-empty heatmaps: remaining frames whose joint map (all detected classes) is not blank; of GradCAM++ unless"
        " the column names another kind.",
    ]
    if unlabelled := [ALL_GRADES[name] for name, each in counts.items() if each.faces is None]:
        notes.append(f"Without labels, so correctness is unknown: {', '.join(unlabelled)}.")
    if any(each.lowest is None for each in counts.values()):
        notes.append("Lowest conf is n/a if no detection is known to be correct.")
    if absent := [title for name, title in ALL_GRADES.items() if name not in counts]:
        notes.append(f"Not in this run: {', '.join(absent)}.")
    return notes
