"""What a detector of the second step finds in missed photos, counted from a confidence on (tables 8, 9 and 13)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.data.blocks import Blocks
from uncover.data.parts import WHOLE_FACE
from uncover.metrics.evaluation import Evaluation
from uncover.metrics.intervals import share_of_blocks
from uncover.metrics.matching import label_set, match_set
from uncover.metrics.predictions import Predictions
from uncover.metrics.truth import TRUTH_COLUMNS

WHOLE_NUMBERS = ("missed", "heatmaps", "faces", "predictions", "correct", "images_with_boxes", "images_correct")
RATES = tuple(f"{name}{end}" for name in ("precision", "image_precision", "coverage") for end in ("", "_low", "_high"))
"""`precision` is that of boxes, `image_precision` that of photos with a box, of which the surest box counts."""

BLOCKS = ("blocks", "alone")
COLUMNS = ("set", "threshold", "confidence", "f1", *WHOLE_NUMBERS, *RATES, *BLOCKS, "block_kind")


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
