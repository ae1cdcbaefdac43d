"""Experiment of section 3.1: what face detectors find in web photos of preterm infants, one infant per photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from uncover.config.values import check_number
from uncover.metrics.predictions import Alike
from uncover.report.face_counts import FaceCount
from uncover.report.registry import table
from uncover.report.tables.baselines import Confidences, conventions, files_by_detector, of_confidences
from uncover.report.tables.baselines_missed import count_set, shares_in_one_cell
from uncover.report.tables.table import (
    HIGH,
    LOW,
    NOBODY,
    NotRun,
    Table,
    by_detector,
    check_not_run,
    interval_notes,
    why_not_run,
    with_rows,
)
from uncover.report.titles import model_title

NAME = "table_web"
COUNTS = ("Photos", "Faces", "Photos with a detection", "Found", "False detections")
DETECTED, FOUND = "Detected share", "Found share"
AT_LEAST = "False detections, at least"


@table(
    "table_web",
    "3.1: preterm infants of the web",
    caption="The experiment of section 3.1: what face detectors find in web photos of preterm infants, one infant per"
    " photo.\n"
    "The thesis describes it without numbers.",
    inputs=lambda run: (
        {
            "predictions": run.predictions(run.detectors_of_photos(), ["preterm_web"]),
            "boxes": run.paths.dataset("preterm_web").boxes,
            "manifest": run.paths.dataset("preterm_web").manifest,
        }
        if "preterm_web" in run.frame_sets
        else None
    ),
    options=lambda run: {
        "dataset": run.paths.dataset("preterm_web"),
        "confidences": {name: value for name, value in run.confidences.items() if name not in run.baselines_not_run()},
        "true_iou": run.config.rescue.true_iou,
        "not_run": run.baselines_not_run(),
    },
    after_fetching=True,
)
def faces_in_web_photos(
    predictions: Sequence[Path],
    dataset: Path,
    confidences: Confidences,
    true_iou: float = 0.5,
    not_run: NotRun = NOBODY,
) -> Table:
    """Make the table from files.

    Args:
        predictions: Files named <detector>/<set>.parquet.
        dataset: Folder of the set, named after it; labels are optional.
        confidences: Confidence threshold by detector, such as rgb10=0.4 mtcnn=0.7.
        true_iou: Minimum IoU with a true face for a correct box.
        not_run: Detectors without results, and the reason; each gets a row.

    Raises:
        InputError: A file is not valid, is of another detector, or does not match the others.
    """
    check_number("--true-iou", true_iou, 0, 1)
    name = dataset.absolute().name
    paths = {detector: path for (detector, _), path in files_by_detector(predictions, [name], confidences).items()}
    check_not_run(not_run, paths, "--predictions has a file")
    counts = dict(count_set(paths, dataset, confidences, Alike(), true_iou))
    return baselines_web(counts, confidences, not_run, true_iou)


def baselines_web(
    counts: Mapping[str, FaceCount],
    confidences: Mapping[str, float],
    not_run: Mapping[str, str],
    true_iou: float = 0.5,
) -> Table:
    """Table of the counts of all detectors.

    Args:
        counts: Counts by detector, in row order.
        confidences: Confidence threshold by detector.
        not_run: Detectors that were not run, and the reason.
        true_iou: Minimum IoU with a true face for a correct box.

    Returns:
        Columns "Detector", "Photos", "Faces" (one per photo without labels), "Photos with a detection", "Detected
        share", "Found", "Found share" (both empty without labels), "False detections" (without labels: those beyond the
        first of a photo), "Conf"; the intervals of shares.
    """
    rows = []
    for name, each in counts.items():
        faces, false = (each.images, each.surplus) if each.faces is None else (each.faces, each.false)
        values = (each.images, faces, each.detected, each.correct, false)
        row: dict[str, object] = dict(zip(COUNTS, values, strict=True))
        for column, share in ((DETECTED, each.detected_share), (FOUND, each.found_share)):
            row |= {column: share.value, f"{column}{LOW}": share.low, f"{column}{HIGH}": share.high}
        rows.append({"Detector": model_title(name), "Conf": confidences[name]} | row)
    order = [*COUNTS[:3], DETECTED, "Found", FOUND, "False detections", "Conf"]
    ends = [f"{column}{end}" for column in (DETECTED, FOUND) for end in (LOW, HIGH)]
    frame = pd.DataFrame(rows, columns=["Detector", *order, *ends]).astype(dict.fromkeys(COUNTS, "Int64"))
    frame = by_detector(with_rows(frame, [{"Detector": model_title(name)} for name in not_run]))
    shown = shares_in_one_cell(frame, [DETECTED, FOUND])
    labelled = all(each.faces is not None for each in counts.values())
    if not labelled:
        shown = shown.rename(columns={"False detections": AT_LEAST}).drop(columns=FOUND)
    title = "Section 3.1: what face detectors find in web photos of preterm infants"
    return Table(NAME, title, frame, _notes(counts, confidences, not_run, true_iou if labelled else None), shown=shown)


def _notes(
    counts: Mapping[str, FaceCount],
    confidences: Mapping[str, float],
    not_run: Mapping[str, str],
    true_iou: float | None,
) -> list[str]:
    """Footnotes; `true_iou` is None without labels."""
    judged = (
        f"Found: true faces that match a detection at IoU {true_iou:g}. False detections: all other detections."
        if true_iou is not None
        else "These photos have no labels: one face per photo is assumed, as in the thesis, and a detection may be"
        " wrong. False detections: detections beyond the first of a photo, a lower bound."
    )
    return [
        of_confidences(confidences, counts),
        f"{judged} Shares: of the photos, and of the faces, with intervals (95 %, Wilson).",
        *interval_notes(("the photos", each.blocks) for each in counts.values()),
        *conventions(counts),
        "The thesis tested MTCNN and RetinaFace on twelve unpublished photos of this kind and gives no counts. Both"
        " perform poorly there: MTCNN finds a face in one photo only (figure 23), RetinaFace detects other objects as"
        " faces (figure 22).",
        *why_not_run(not_run),
    ]
