"""Counterpart of table 11: images in which each detector finds a face, by set. The thesis has no such table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from uncover.config.values import check_number
from uncover.data.blocks import read_blocks
from uncover.errors import InputError
from uncover.metrics.predictions import Alike, read_predictions
from uncover.metrics.truth import find_labels, read_truth
from uncover.report.face_counts import FaceCount, count_faces
from uncover.report.registry import table
from uncover.report.tables.baselines import (
    ALL_SETS,
    SCORED_SETS,
    Confidences,
    conventions,
    files_by_detector,
    of_confidences,
)
from uncover.report.tables.table import (
    HIGH,
    LOW,
    NOBODY,
    NOT_RUN,
    NotRun,
    Table,
    by_detector,
    check_not_run,
    interval_notes,
    why_not_run,
    with_interval,
    with_rows,
)
from uncover.report.titles import model_title
from uncover.rescue.missed import check_same_images

NAME = "table_11_baselines"
COUNTED_SETS = SCORED_SETS | {"hof": "Hand Over Face"}
COUNTS = ("Total", "Faces", "Detections", "Correct", "False", "Missed")
SHARE = "Missed share"

Counts = Mapping[tuple[str, str], FaceCount]
"""Counts by detector and set."""


@table(
    "table_11_baselines",
    "11, baselines: found and missed by set",
    caption="Images in which each face detector, the thesis's and the baseline detectors, finds or misses a face at its"
    " default confidence threshold, by set: the counterpart of table 11.\n"
    "The thesis has no such table.",
    inputs=lambda run: {
        "predictions": run.predictions(run.detectors_of_photos(), run.table_sets),
        "boxes": run.boxes(run.table_sets),
        "manifests": run.manifests(run.table_sets),
    },
    options=lambda run: {
        "datasets": run.datasets(run.table_sets),
        "confidences": {name: value for name, value in run.confidences.items() if name not in run.baselines_not_run()},
        "true_iou": run.config.rescue.true_iou,
        "not_run": run.baselines_not_run(),
    },
    after_fetching=True,
    keys=("Detector", "Set"),
)
def found_and_missed_by_all_detectors(
    predictions: Sequence[Path],
    datasets: Sequence[Path],
    confidences: Confidences,
    true_iou: float = 0.5,
    not_run: NotRun = NOBODY,
) -> Table:
    """Make the table from files.

    Args:
        predictions: Files named <detector>/<set>.parquet.
        datasets: Folders of the same sets, named after them.
        confidences: Confidence threshold by detector, such as rgb10=0.4 mtcnn=0.7.
        true_iou: Minimum IoU with a true face for a correct box.
        not_run: Detectors without results, and the reason; each gets a row.

    Raises:
        InputError: A file is not valid, is of another detector or set, or does not match the others.
    """
    check_number("--true-iou", true_iou, 0, 1)
    paths = files_by_detector(predictions, tuple(COUNTED_SETS), confidences)
    check_not_run(not_run, {name for name, _ in paths}, "--predictions has a file")
    folders = {path.absolute().name: path for path in datasets}
    counts: dict[tuple[str, str], FaceCount] = {}
    alike = Alike()
    # Grouped by set, because all detectors share its labels.
    for set_name in COUNTED_SETS:
        own = {name: path for (name, of), path in paths.items() if of == set_name}
        if own and set_name not in folders:
            raise InputError(f"{next(iter(own.values()))}: --datasets has no folder {set_name}; add it")
        counts |= {
            (name, set_name): count
            for name, count in count_set(own, folders.get(set_name), confidences, alike, true_iou)
        }
    return baselines_missed({key: counts[key] for key in paths}, confidences, not_run, true_iou)


def count_set(
    paths: Mapping[str, Path], dataset: Path | None, confidences: Mapping[str, float], alike: Alike, true_iou: float
) -> Iterable[tuple[str, FaceCount]]:
    """Count what detectors find in one set.

    Args:
        paths: Predictions by detector.
        dataset: Folder of the set; None only if there are no predictions.
        confidences: Confidence threshold by detector.
        alike: Settings of predictions on other sets, to check against.
        true_iou: Minimum IoU with a true face for a correct box.

    Yields:
        Detector and its counts.

    Raises:
        InputError: A file is not valid, or files are of different photos or were made with different settings.
    """
    truth, first, blocks = None, None, None
    for name, path in paths.items():
        found = read_predictions(path, confidences[name])
        alike.add(path, found.settings, name)
        if first is None:
            assert dataset is not None
            truth, first = labels_of(dataset, found.images), (path, found.images["image"])
            blocks = read_blocks(dataset, found.images["image"])
        check_same_images(path, found.images["image"], first[1], first[0])
        yield name, count_faces(found, truth, confidences[name], true_iou, blocks)


def labels_of(dataset: Path, images: pd.DataFrame) -> pd.DataFrame | None:
    """True boxes of a set; None if it has no labels.

    Args:
        dataset: Folder of the set.
        images: Images of predictions on it.

    Raises:
        InputError: The folder is not a data set, or its labels are of other images.
    """
    if not dataset.is_dir():
        raise InputError(f"{dataset}: not a folder; expected the data set of the predictions")
    labels = dataset / "labels"
    # A set without annotations has no label files at all; an annotated photo without a face has an empty one.
    labelled = labels.is_dir() and (find_labels(labels, images["image"]).of_image or images.empty)
    return read_truth(labels, images) if labelled else None


def baselines_missed(
    counts: Counts, confidences: Mapping[str, float], not_run: Mapping[str, str], true_iou: float = 0.5
) -> Table:
    """Table of the counts of all detectors.

    Args:
        counts: Counts, in row order.
        confidences: Confidence threshold by detector.
        not_run: Detectors that were not run, and the reason.
        true_iou: Minimum IoU with a true face for a correct box.

    Returns:
        Columns "Detector", "Conf", "Set", "Total", "Faces", "Detections", "Correct", "False", "Missed", "Missed share"
        with its interval.
    """
    rows = []
    for (name, set_name), each in counts.items():
        values = (each.images, each.faces, each.detections, each.correct, each.false, each.missed)
        row = {"Detector": model_title(name), "Conf": confidences[name], "Set": COUNTED_SETS[set_name]}
        share = each.missed_share
        ends = {SHARE: share.value, f"{SHARE}{LOW}": share.low, f"{SHARE}{HIGH}": share.high}
        rows.append(row | dict(zip(COUNTS, values, strict=True)) | ends)
    frame = pd.DataFrame(rows, columns=["Detector", "Conf", "Set", *COUNTS, SHARE, f"{SHARE}{LOW}", f"{SHARE}{HIGH}"])
    frame = frame.astype(dict.fromkeys(COUNTS, "Int64"))
    frame = by_detector(with_rows(frame, [{"Detector": model_title(name), "Set": ALL_SETS} for name in not_run]))
    title = "Table 11, all detectors: images found and missed, by set"
    return Table(
        NAME, title, frame, _notes(counts, confidences, not_run, true_iou), shown=shares_in_one_cell(frame, [SHARE])
    )


def shares_in_one_cell(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """A readable table in which each share has its interval in the same cell.

    Args:
        frame: The table.
        columns: Columns with an interval in columns of their own.
    """
    shown = frame.copy()
    for column in columns:
        cells = zip(*(frame[f"{column}{end}"] for end in ("", LOW, HIGH)), strict=True)
        shown[column] = [value if value == NOT_RUN else with_interval(value, low, high) for value, low, high in cells]
    return shown.drop(columns=[f"{column}{end}" for column in columns for end in (LOW, HIGH)])


def _notes(counts: Counts, confidences: Mapping[str, float], not_run: Mapping[str, str], true_iou: float) -> list[str]:
    names = {name for name, _ in counts}
    notes = [
        of_confidences(confidences, names),
        f"Total: images. Faces: true faces. Correct: detections that match a true face at IoU {true_iou:g}, each face"
        " once. False: all other detections. Missed: images without any detection, correct or not, and their share of"
        " Total with its interval (95 %, Wilson).",
        *interval_notes((COUNTED_SETS[of], each.blocks) for (_, of), each in counts.items()),
        *conventions(names),
    ]
    if unlabelled := dict.fromkeys(COUNTED_SETS[of] for (_, of), each in counts.items() if each.faces is None):
        notes.append(f"n/a (correctness unknown, set has no labels): {', '.join(unlabelled)}.")
    return notes + why_not_run(not_run)
