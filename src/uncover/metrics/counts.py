"""Faces found and missed at a fixed confidence, counted by image (thesis section 4.4.1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from uncover.data.parts import WHOLE_FACE
from uncover.metrics.average_precision import ap_per_class
from uncover.metrics.intervals import Rate, share_of_blocks
from uncover.metrics.matching import label_set, match_set

if TYPE_CHECKING:
    import pandas as pd

    from uncover.data.blocks import Blocks
    from uncover.metrics.confusion import Confusion
    from uncover.metrics.predictions import Predictions


CONFIDENCE = 0.4
"""From which the thesis takes a face as found."""


@dataclass(frozen=True)
class FaceScores:
    """Scores of whole faces on some frames; None where there is nothing to score.

    Attributes:
        frames: Looked at.
        faces: True faces in them.
        frames_without_face: Of the frames.
        ap50: Average precision at IoU 0.5, over all confidences.
        ap50_95: Mean over IoU 0.5, 0.55 ... 0.95.
        recall: Share of the faces that a box finds, from the confidence on.
        precision: Share of these boxes that find a face.
        false_boxes: Boxes from the confidence on that find no face, in all frames.
        false_boxes_without_face: Of these, in frames without a face.
        frames_with_false_alarm: Frames without a face that have such a box.
        confidence: From which boxes count.
        true_iou: IoU from which a box finds a face, but for average precision.
    """

    frames: int
    faces: int
    frames_without_face: int
    ap50: float | None
    ap50_95: float | None
    recall: float | None
    precision: float | None
    false_boxes: int
    false_boxes_without_face: int
    frames_with_false_alarm: int
    confidence: float
    true_iou: float

    def as_json(self) -> dict[str, float | None]:
        """By name."""
        return asdict(self)


def score_faces(predictions: Predictions, truth: pd.DataFrame, confidence: float, true_iou: float = 0.5) -> FaceScores:
    """Score whole faces.

    Args:
        predictions: Boxes from a confidence near 0 on, as average precision wants them.
        truth: True boxes, as `read_truth` returns them.
        confidence: From which a box counts for recall, precision and false boxes.
        true_iou: IoU with a true face from which it finds that.

    Raises:
        InputError: A true box stands in an image that was not predicted on.
    """
    boxes = label_set(predictions, truth, [WHOLE_FACE])
    matched = match_set(boxes)
    metrics = ap_per_class(matched.correct, matched.confidence, matched.predicted_class, matched.true_class)
    faces = len(boxes.true)
    # A face takes its surest box, so leaving out the unsure ones changes no other box's fate.
    counted = match_set(boxes, [true_iou])
    sure = counted.confidence >= np.float32(confidence)
    hits = int(counted.correct[sure, 0].sum())
    empty = np.setdiff1d(np.arange(boxes.images), counted.true_image)
    in_empty = np.isin(counted.predicted_image[sure], empty)
    return FaceScores(
        frames=boxes.images,
        faces=faces,
        frames_without_face=len(empty),
        ap50=float(metrics.map50) if faces else None,
        ap50_95=float(metrics.map50_95) if faces else None,
        recall=hits / faces if faces else None,
        precision=hits / int(sure.sum()) if sure.any() else None,
        false_boxes=int(sure.sum()) - hits,
        false_boxes_without_face=int(in_empty.sum()),
        frames_with_false_alarm=len(np.unique(counted.predicted_image[sure][in_empty])),
        confidence=confidence,
        true_iou=true_iou,
    )


@dataclass(frozen=True)
class ImageCount:
    """Images in which a class was found.

    Attributes:
        images: Looked at.
        found: Of these, with at least one box of the class.
        share: `found` of `images`, with Wilson's interval (`share_of_blocks`).
    """

    images: int
    found: int
    share: Rate


@dataclass(frozen=True)
class ClassCount:
    """Right and wrong boxes of one class; labels = true positives + false negatives.

    Attributes:
        labels: True boxes.
        true_positives: Labels found as what they are.
        false_positives: Boxes of the class without such a label, wherever they are.
        false_negatives: Labels not found as what they are.
        background_found: Of the false positives, those where no label of any class is, as upstream's matrix
            counts them: what the thesis calls false positives.
        taken_for_background: Of the false negatives, those that no box of any class met: what the thesis calls
            false negatives.
    """

    labels: int
    true_positives: int
    false_positives: int
    false_negatives: int
    background_found: int
    taken_for_background: int


def has_box(predictions: Predictions, class_id: int, confidence: float = CONFIDENCE) -> NDArray[np.bool_]:
    """Which images have at least one box of a class.

    The IoU of non-maximum suppression makes no difference here: the surest box of an image always survives it.

    Args:
        predictions: Stored at a confidence of at most `confidence`.
        class_id: As in label files.
        confidence: Lowest that counts.

    Returns:
        bool (images,), in the order of `predictions.images`.
    """
    boxes = predictions.boxes
    # Both sides in single precision, in which confidences are stored: 0.7 stored is below 0.7 in double.
    sure = boxes["confidence"].to_numpy(np.float32) >= np.float32(confidence)
    own = boxes.loc[sure & (boxes["class_id"] == class_id).to_numpy(), "image"]
    return predictions.images["image"].isin(own).to_numpy(np.bool_)


def count_images(
    predictions: Predictions, class_id: int, confidence: float = CONFIDENCE, blocks: Blocks | None = None
) -> ImageCount:
    """Count the images with at least one box of a class; needs no labels.

    Args:
        predictions: As for `has_box`, as are those that follow.
        class_id: As in label files.
        confidence: Lowest that counts.
        blocks: What images belong to, where it is known; None takes them as independent.
    """
    with_box = has_box(predictions, class_id, confidence).astype(np.int64)
    numbers = None if blocks is None else blocks.numbers(predictions.images["image"])
    share = share_of_blocks(with_box, np.ones_like(with_box), numbers)
    return ImageCount(len(with_box), int(with_box.sum()), share)


def count_class(confusion: Confusion, class_id: int) -> ClassCount:
    """Count right and wrong boxes of a class at the thresholds of a confusion matrix."""
    place = confusion.class_ids.index(class_id)
    counts = confusion.counts
    right, of_row, of_column = int(counts[place, place]), int(counts[place].sum()), int(counts[:, place].sum())
    return ClassCount(
        labels=of_column,
        true_positives=right,
        false_positives=of_row - right + int(confusion.left_out[place]),
        false_negatives=of_column - right,
        background_found=int(counts[place, -1]),
        taken_for_background=int(counts[-1, place]),
    )
