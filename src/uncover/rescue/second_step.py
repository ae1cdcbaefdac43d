"""What a detector of the second step finds: scores on whole sets, and counts on missed photos (tables 8, 9 and 13)."""

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
"""`precision` is that of boxes, `image_precision` that of photos with a box, of which the surest box counts."""

BLOCKS = ("blocks", "alone")
COLUMNS = ("set", "threshold", "confidence", "f1", *WHOLE_NUMBERS, *RATES, *BLOCKS, "block_kind")


@dataclass(frozen=True)
class SetInputs:
    """What is read of a set.

    Attributes:
        predictions: On all its photos.
        truth: True boxes in these, as `read_truth` returns them; None where the set has no labels.
        missed: Its list of missed photos, as `read_missed` returns it; None where nobody asks for them.
        unpredicted: Label files of photos that were not predicted on.
        blocks: What its photos belong to; None where nobody says.
    """

    predictions: Predictions
    truth: pd.DataFrame | None
    missed: pd.DataFrame | None = None
    unpredicted: int = 0
    blocks: Blocks | None = None


@dataclass(frozen=True)
class Settings:
    """How to count.

    Attributes:
        whole: Sets that are scored as a whole, val among them.
        maps: What the detector looks at, `<variant>:<input>`; None for photos, which are never blank.
        confidence: From which boxes count, whatever is best on a set.
        true_iou: Overlap with a true face from which a box is correct.
        resamples: Of photos, or of blocks of them, behind the intervals of scores.
        seed: Of the resamples.
    """

    whole: Sequence[str]
    maps: str | None
    confidence: float
    true_iou: float
    resamples: int
    seed: int


@dataclass(frozen=True)
class SecondStepScores:
    """Scores and counts of a detector of the second step.

    Attributes:
        whole: Scores on all photos, by set.
        missed: Scores on the missed photos with something to look at, by set with labels.
        counts: A row per set and threshold, with the columns of `COLUMNS`.
    """

    whole: dict[str, Evaluation]
    missed: dict[str, Evaluation]
    counts: pd.DataFrame

    def write(self, out: Path) -> None:
        """Write `<set>/whole_face/`, `<set>/missed/` and, when all is there, `rescue.csv`."""
        for scope, evaluations in ((WHOLE, self.whole), (MISSED, self.missed)):
            for name, evaluation in evaluations.items():
                evaluation.write(out / name / scope)
        with new_file(out / RESCUE) as path:
            self.counts.to_csv(path, index=False, lineterminator="\n")


def count_all(sets: Mapping[str, SetInputs], settings: Settings) -> SecondStepScores:
    """Score and count.

    Args:
        sets: By name.
        settings: How to count.

    Raises:
        InputError: The detector knows no whole face.
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
    """The missed photos of a set in which there is something to look at; what else is in the set does not matter.

    Args:
        predictions: On the set.
        truth: True boxes in it; None where it has no labels.
        missed: Its list, as `read_missed` returns it.
        maps: What the detector looks at, `<variant>:<input>`; None for photos.
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
    """Read what `count_all` needs, by set, in the order of `predictions`.

    Args:
        predictions: Files of one detector, named after their sets.
        datasets: Folders of the sets, named likewise, for labels and for what belongs together.
        missed: Lists of missed photos, named likewise.
        unlabelled: Sets that have no labels.
        settings: How they will be counted.

    Raises:
        InputError: A file is missing, not what it should be, or of another set; a set has no predictions or labels; or
            predictions of two sets were not made alike.
    """
    files, folders, lists = (
        by_set(paths, option)
        for paths, option in ((predictions, "--predictions"), (datasets, "--datasets"), (missed, "--missed"))
    )
    if VAL not in settings.whole:
        raise InputError(f"--whole {' '.join(settings.whole)}: lacks {VAL}, which the honest threshold is taken from")
    for option, names in (("--whole", settings.whole), ("--missed", lists)):
        for name in names:
            if name not in files:
                raise InputError(f"{option} {name}: no predictions; give {name}.parquet among --predictions")
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
                raise InputError(f"{path}: no labels; give datasets/{name} among --datasets, or --unlabelled {name}")
            labels = folders[name] / LABELS
            files_of_others = len(find_labels(labels, found.images["image"]).unpredicted)
            sets[name] = SetInputs(found, read_truth(labels, found.images), table, files_of_others, blocks)
        elif name in settings.whole:
            raise InputError(f"--unlabelled {name}: is also a set of --whole, which needs labels")
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
    """Missed photos of a set in which a detector has something to look at.

    Attributes:
        missed: How many photos were missed, also those with nothing to look at.
        predictions: Of the detector on the photos with something to look at, and no others.
        truth: True boxes in these, as `read_truth` returns them; None where the set has no labels.
    """

    missed: int
    predictions: Predictions
    truth: pd.DataFrame | None


def of_images(predictions: Predictions, images: Collection[str]) -> Predictions:
    """What was found in some of the photos, as if there were no others."""
    boxes, all_images = predictions.boxes, predictions.images
    return Predictions(
        boxes[boxes["image"].isin(images)].reset_index(drop=True),
        all_images[all_images["image"].isin(images)].reset_index(drop=True),
        predictions.settings,
    )


def best_confidence(evaluation: Evaluation) -> float | None:
    """The confidence of the best F1; None without labels, and where no box is right: all confidences are alike then."""
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
        name: Of the set.
        missed: Its missed photos.
        f1: The best one on these photos; None without labels.
        thresholds: Confidences from which boxes count, by `OF_SET`, `OF_VAL`, `FIXED`; None where there is none, so
            that nothing can be counted, unless there is no photo.
        true_iou: Overlap with a true face from which a box is correct; a face has one correct box, its surest.
        blocks: What photos belong to, where it is known; None takes them as independent.

    Returns:
        A row of `COLUMNS` per threshold; None for what is not known.
    """
    confidence, correct, image = _whole_faces(missed, true_iou)
    names = missed.predictions.images["image"]
    labelled, images = missed.truth is not None, len(names)
    block, count = (None, None) if blocks is None else (blocks.numbers(names), blocks.count(names))
    # Boxes of a photo come by falling confidence.
    surest = np.diff(image, prepend=-1) > 0
    faces = None if missed.truth is None else int((missed.truth["class_id"] == WHOLE_FACE).sum())
    rows: list[dict[str, object]] = []
    for threshold, value in thresholds.items():
        row: dict[str, object] = dict.fromkeys(COLUMNS)
        row |= {"set": name, "threshold": threshold, "confidence": value, "f1": f1}
        row |= {"missed": missed.missed, "heatmaps": images, "faces": faces}
        row |= {} if count is None else {"blocks": count.blocks, "block_kind": count.kind, "alone": count.alone}
        if value is not None or not images:
            # Both sides in single precision, in which confidences are stored.
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
    """Rows as the record on disk has them: whole numbers whole, and empty where something is not known."""
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = dict.fromkeys(("confidence", "f1", *RATES), "float64")
    return table.astype(numbers | dict.fromkeys((*WHOLE_NUMBERS, *BLOCKS), "Int64"))


def _whole_faces(missed: Missed, true_iou: float) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
    """Predicted whole faces: confidence, whether correct, number of the photo; each (n,).

    Which box is a face's does not depend on the confidence from which boxes count: it is the surest of those that
    overlap it enough, and so the last to fall away.
    """
    truth = missed.truth
    if truth is None:
        truth = pd.DataFrame(columns=list(TRUTH_COLUMNS))
    boxes = label_set(missed.predictions, truth, [WHOLE_FACE])
    matched = match_set(boxes, [true_iou])
    return matched.confidence, matched.correct[:, 0], matched.predicted_image
