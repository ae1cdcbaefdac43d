"""Detected and missed faces at a fixed confidence, counted by image (thesis section 4.4.1)."""

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
"""Confidence threshold of the thesis for a detected face."""


@dataclass(frozen=True)
class FaceScores:
    """Scores of whole faces on some frames; None if undefined.

    Attributes:
        frames: Number of frames.
        faces: Number of true faces.
        frames_without_face: Number of frames without a face.
        ap50: Average precision at IoU 0.5, over all confidences.
        ap50_95: Mean average precision over IoU 0.5, 0.55 ... 0.95.
        recall: Share of faces that are detected at the confidence threshold.
        precision: Share of boxes at the confidence threshold that are correct.
        false_boxes: False positives at the confidence threshold, in all frames.
        false_boxes_without_face: False positives in frames without a face.
        frames_with_false_alarm: Frames without a face that have a false positive.
        confidence: Confidence threshold.
        true_iou: Smallest IoU of a correct box; not used for average precision.
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
        """Values by name."""
        return asdict(self)


def score_faces(predictions: Predictions, truth: pd.DataFrame, confidence: float, true_iou: float = 0.5) -> FaceScores:
    """Score whole faces.

    Args:
        predictions: Boxes with confidences down to nearly 0, as average precision requires.
        truth: True boxes, as `read_truth` returns them.
        confidence: Confidence threshold for recall, precision and false positives.
        true_iou: Smallest IoU with a true face at which a box is correct.

    Raises:
        InputError: A true box is in an image without predictions.
    """
    boxes = label_set(predictions, truth, [WHOLE_FACE])
    matched = match_set(boxes)
    metrics = ap_per_class(matched.correct, matched.confidence, matched.predicted_class, matched.true_class)
    faces = len(boxes.true)
    # A face is matched to its most confident box, so removing less confident boxes does not change other matches.
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
    """Number of images in which a class was detected.

    Attributes:
        images: Number of images.
        found: Images with at least one box of the class.
        share: Share `found` / `images`, with Wilson's interval (`share_of_blocks`).
    """

    images: int
    found: int
    share: Rate


@dataclass(frozen=True)
class ClassCount:
    """True and false positives of one class; labels = true positives + false negatives.

    Attributes:
        labels: Number of true boxes.
        true_positives: Labels predicted with this class.
        false_positives: Boxes of the class that match no label of it.
        false_negatives: Labels not predicted with this class.
        background_found: False positives that match no label of any class, as counted in upstream's matrix; the
            thesis calls these false positives.
        taken_for_background: False negatives that no box of any class matches; the thesis calls these false
            negatives.
    """

    labels: int
    true_positives: int
    false_positives: int
    false_negatives: int
    background_found: int
    taken_for_background: int


def has_box(predictions: Predictions, class_id: int, confidence: float = CONFIDENCE) -> NDArray[np.bool_]:
    """Find the images with at least one box of a class.

    The IoU of non-maximum suppression has no effect, as it always keeps the most confident box of an image.

    Args:
        predictions: Predictions stored at a confidence of at most `confidence`.
        class_id: Id as in label files.
        confidence: Confidence threshold.

    Returns:
        bool (images,), in the order of `predictions.images`.
    """
    boxes = predictions.boxes
    # Both sides in single precision, as stored: a stored 0.7 is below 0.7 in double precision.
    sure = boxes["confidence"].to_numpy(np.float32) >= np.float32(confidence)
    own = boxes.loc[sure & (boxes["class_id"] == class_id).to_numpy(), "image"]
    return predictions.images["image"].isin(own).to_numpy(np.bool_)


def count_images(
    predictions: Predictions, class_id: int, confidence: float = CONFIDENCE, blocks: Blocks | None = None
) -> ImageCount:
    """Count the images with at least one box of a class. Requires no labels.

    Args:
        predictions: As for `has_box`.
        class_id: Id as in label files.
        confidence: Confidence threshold.
        blocks: Number of each image's block, if known; None treats images as independent.
    """
    with_box = has_box(predictions, class_id, confidence).astype(np.int64)
    numbers = None if blocks is None else blocks.numbers(predictions.images["image"])
    share = share_of_blocks(with_box, np.ones_like(with_box), numbers)
    return ImageCount(len(with_box), int(with_box.sum()), share)


def count_class(confusion: Confusion, class_id: int) -> ClassCount:
    """True and false positives of a class at the thresholds of a confusion matrix."""
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
