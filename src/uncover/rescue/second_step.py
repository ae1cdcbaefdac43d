"""Evaluation of a second-step detector: scores on whole sets, and counts on missed photos (tables 8, 9 and 13)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.data.blocks import Blocks, read_blocks
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.data.yolo import LABELS
from uncover.errors import InputError
from uncover.metrics.evaluation import Evaluation, evaluate
from uncover.metrics.intervals import share_of_blocks
from uncover.metrics.matching import label_set, match_set
from uncover.metrics.predictions import Alike, Predictions, read_predictions
from uncover.metrics.truth import TRUTH_COLUMNS, find_labels, read_truth
from uncover.rescue.methods import FIXED, OF_SET, OF_VAL, by_set
from uncover.rescue.missed import check_same_images, looked_at, read_missed

VAL = "val"
WHOLE, MISSED, RESCUE = "whole_face", "missed", "rescue.csv"

WHOLE_NUMBERS = ("missed", "heatmaps", "faces", "predictions", "correct", "images_with_boxes", "images_correct")
RATES = tuple(f"{name}{end}" for name in ("precision", "image_precision", "coverage") for end in ("", "_low", "_high"))
"""`precision` is that of boxes, `image_precision` that of photos, by the most confident box of each."""

BLOCKS = ("blocks", "alone")
COLUMNS = ("set", "threshold", "confidence", "f1", *WHOLE_NUMBERS, *RATES, *BLOCKS, "block_kind")


@dataclass(frozen=True)
class SetInputs:
    """Inputs of a set.

    Attributes:
        predictions: Predictions on all its photos.
        truth: True boxes in these, as `read_truth` returns them; None if the set has no labels.
        missed: Its list of missed photos, as `read_missed` returns it; None if it is not needed.
        unpredicted: Label files of photos without predictions.
        blocks: Photos that belong together; None if unknown.
    """

    predictions: Predictions
    truth: pd.DataFrame | None
    missed: pd.DataFrame | None = None
    unpredicted: int = 0
    blocks: Blocks | None = None


@dataclass(frozen=True)
class Settings:
    """Settings of the evaluation.

    Attributes:
        whole: Sets that are scored as a whole, including val.
        maps: Heatmaps of the detector, `<variant>:<input>`; None if it runs on photos, which are never blank.
        confidence: Fixed confidence threshold.
        true_iou: Minimum IoU with a true face for a correct box.
        resamples: Bootstrap resamples of photos or blocks for the intervals of scores.
        seed: Seed of the resamples.
    """

    whole: Sequence[str]
    maps: str | None
    confidence: float
    true_iou: float
    resamples: int
    seed: int


@dataclass(frozen=True)
class SecondStepScores:
    """Scores and counts of a second-step detector.

    Attributes:
        whole: Scores on all photos, by set.
        missed: Scores on the missed photos with an input, by labelled set.
        counts: A row per set and threshold, with the columns of `COLUMNS`.
    """

    whole: dict[str, Evaluation]
    missed: dict[str, Evaluation]
    counts: pd.DataFrame

    def write(self, out: Path) -> None:
        """Write `<set>/whole_face/`, `<set>/missed/` and finally `rescue.csv`."""
        for scope, evaluations in ((WHOLE, self.whole), (MISSED, self.missed)):
            for name, evaluation in evaluations.items():
                evaluation.write(out / name / scope)
        with new_file(out / RESCUE) as path:
            self.counts.to_csv(path, index=False, lineterminator="\n")


def count_all(sets: Mapping[str, SetInputs], settings: Settings) -> SecondStepScores:
    """Score and count.

    Args:
        sets: Inputs by set.
        settings: Settings of the evaluation.

    Raises:
        InputError: The detector has no class for the whole face.
    """
    whole = {}
    for name in settings.whole:
        evaluation = _score(sets[name].predictions, sets[name].truth, sets[name].blocks, settings)
        whole[name] = evaluation.with_unpredicted(sets[name].unpredicted)
    of_val = best_confidence(whole[VAL])
    missed, rows = {}, []
    for name, own in sets.items():
        if own.missed is None:
            continue
        some = missed_photos(own.predictions, own.truth, own.missed, settings.maps)
        thresholds, f1 = {OF_VAL: of_val, FIXED: settings.confidence}, None
        if some.truth is not None:
            missed[name] = _score(some.predictions, some.truth, own.blocks, settings)
            thresholds = {OF_SET: best_confidence(missed[name]), **thresholds}
            f1 = missed[name].rates["F1"].value
        rows += count_set(name, some, f1, thresholds, settings.true_iou, own.blocks)
    return SecondStepScores(whole, missed, as_table(rows))


def missed_photos(
    predictions: Predictions, truth: pd.DataFrame | None, missed: pd.DataFrame, maps: str | None
) -> Missed:
    """The missed photos of a set for which the detector has an input; the set may have other photos.

    Args:
        predictions: Predictions on the set.
        truth: True boxes in it; None if it has no labels.
        missed: Its list, as `read_missed` returns it.
        maps: Heatmaps of the detector, `<variant>:<input>`; None if it runs on photos.
    """
    images = missed.loc[looked_at(missed, maps), "image"]
    some = None if truth is None else truth[truth["image"].isin(images)].reset_index(drop=True)
    return Missed(int(missed["missed"].sum()), of_images(predictions, images), some)


def read_sets(
    predictions: Sequence[Path],
    datasets: Sequence[Path],
    missed: Sequence[Path],
    unlabelled: Sequence[str],
    settings: Settings,
) -> dict[str, SetInputs]:
    """Read the inputs of `count_all` by set, in the order of `predictions`.

    Args:
        predictions: Files of one detector, named after their sets.
        datasets: Folders of the sets, with labels and blocks.
        missed: Lists of missed photos, named after their sets.
        unlabelled: Sets without labels.
        settings: Settings of the evaluation.

    Raises:
        InputError: A file is missing, not valid, or of another set; a set has no predictions or labels; or predictions
            of two sets have different settings.
    """
    files, folders, lists = (
        by_set(paths, option)
        for paths, option in ((predictions, "--predictions"), (datasets, "--datasets"), (missed, "--missed"))
    )
    if VAL not in settings.whole:
        raise InputError(f"--whole {' '.join(settings.whole)}: lacks {VAL}, which gives the threshold; add it")
    for option, names in (("--whole", settings.whole), ("--missed", lists)):
        for name in names:
            if name not in files:
                raise InputError(f"{option} {name}: no predictions; add {name}.parquet to --predictions")
    sets, alike = {}, Alike()
    for name, path in files.items():
        if name not in settings.whole and name not in lists:
            continue
        found = read_predictions(path, settings.confidence)
        alike.add(path, found.settings, "detector")
        table, blocks = None, None
        if name in folders:
            blocks = read_blocks(folders[name], found.images["image"])
        if name in lists:
            table = read_missed(lists[name], [settings.maps] if settings.maps else [])
            check_same_images(path, found.images["image"], table["image"], lists[name])
        if name not in unlabelled:
            if name not in folders:
                raise InputError(f"{path}: no labels; add datasets/{name} to --datasets, or pass --unlabelled {name}")
            labels = folders[name] / LABELS
            files_of_others = len(find_labels(labels, found.images["image"]).unpredicted)
            sets[name] = SetInputs(found, read_truth(labels, found.images), table, files_of_others, blocks)
        elif name in settings.whole:
            raise InputError(f"--unlabelled {name}: also in --whole, which requires labels; remove it from one of both")
        else:
            sets[name] = SetInputs(found, None, table, blocks=blocks)
    return sets


def _score(
    predictions: Predictions, truth: pd.DataFrame | None, blocks: Blocks | None, settings: Settings
) -> Evaluation:
    assert truth is not None
    return evaluate(predictions, truth, [CLASS_NAMES[WHOLE_FACE]], settings.resamples, settings.seed, blocks)


@dataclass(frozen=True)
class Missed:
    """Missed photos of a set for which a detector has an input.

    Attributes:
        missed: Number of missed photos, including those without an input.
        predictions: Predictions of the detector on the photos with an input only.
        truth: True boxes in these, as `read_truth` returns them; None if the set has no labels.
    """

    missed: int
    predictions: Predictions
    truth: pd.DataFrame | None


def of_images(predictions: Predictions, images: Collection[str]) -> Predictions:
    """Predictions restricted to some of the photos."""
    boxes, all_images = predictions.boxes, predictions.images
    return Predictions(
        boxes[boxes["image"].isin(images)].reset_index(drop=True),
        all_images[all_images["image"].isin(images)].reset_index(drop=True),
        predictions.settings,
    )


def best_confidence(evaluation: Evaluation) -> float | None:
    """The confidence of the best F1; None without labels, or if no box is correct, so that no confidence is best."""
    curve = evaluation.metrics.f1_curve
    return evaluation.metrics.best_confidence if curve.size and curve.max() > 0 else None


def count_set(
    name: str,
    missed: Missed,
    f1: float | None,
    thresholds: Mapping[str, float | None],
    true_iou: float,
    blocks: Blocks | None = None,
) -> list[dict[str, object]]:
    """Count the boxes in the missed photos of a set.

    Args:
        name: Name of the set.
        missed: Its missed photos.
        f1: Best F1 on these photos; None without labels.
        thresholds: Confidence thresholds by `OF_SET`, `OF_VAL`, `FIXED`; None if there is no threshold, so that there
            are no counts, unless there is no photo.
        true_iou: Minimum IoU with a true face for a correct box; the most confident box of a face is the correct one.
        blocks: Photos that belong together, if known; None treats photos as independent.

    Returns:
        A row of `COLUMNS` per threshold; None for unknown values.
    """
    confidence, correct, image = _whole_faces(missed, true_iou)
    names = missed.predictions.images["image"]
    labelled, images = missed.truth is not None, len(names)
    block, count = (None, None) if blocks is None else (blocks.numbers(names), blocks.count(names))
    # Boxes of a photo are sorted by falling confidence.
    surest = np.diff(image, prepend=-1) > 0
    faces = None if missed.truth is None else int((missed.truth["class_id"] == WHOLE_FACE).sum())
    rows: list[dict[str, object]] = []
    for threshold, value in thresholds.items():
        row: dict[str, object] = dict.fromkeys(COLUMNS)
        row |= {"set": name, "threshold": threshold, "confidence": value, "f1": f1}
        row |= {"missed": missed.missed, "heatmaps": images, "faces": faces}
        row |= {} if count is None else {"blocks": count.blocks, "block_kind": count.kind, "alone": count.alone}
        if value is not None or not images:
            # Compare in single precision, in which confidences are stored.
            sure = confidence >= np.float32(math.inf if value is None else value)
            found, right = (
                np.bincount(image[sure], minlength=images),
                np.bincount(image[sure & correct], minlength=images),
            )
            covered, best = np.minimum(found, 1), np.bincount(image[sure & correct & surest], minlength=images)
            row |= {"predictions": int(found.sum()), "images_with_boxes": int(covered.sum())}
            row |= share_of_blocks(covered, np.ones_like(covered), block).as_columns("coverage")
            if labelled:
                row |= {"correct": int(right.sum()), "images_correct": int(best.sum())}
                row |= share_of_blocks(right, found, block).as_columns("precision")
                row |= share_of_blocks(best, covered, block).as_columns("image_precision")
        rows.append(row)
    return rows


def as_table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Rows with the types of the record on disk: integers, and empty cells for unknown values."""
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = dict.fromkeys(("confidence", "f1", *RATES), "float64")
    return table.astype(numbers | dict.fromkeys((*WHOLE_NUMBERS, *BLOCKS), "Int64"))


def _whole_faces(missed: Missed, true_iou: float) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
    """Predicted whole faces: confidence, whether correct, photo; each (n,).

    The match does not depend on the threshold: the correct box of a face is the most confident of those that overlap it
    enough, and thus the last one to be dropped.
    """
    truth = missed.truth
    if truth is None:
        truth = pd.DataFrame(columns=list(TRUTH_COLUMNS))
    boxes = label_set(missed.predictions, truth, [WHOLE_FACE])
    matched = match_set(boxes, [true_iou])
    return matched.confidence, matched.correct[:, 0], matched.predicted_image
