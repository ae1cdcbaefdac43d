"""Match predicted boxes to true boxes of the same class by IoU, as in YOLOv5's validation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.metrics.detections import Detections, box_iou

if TYPE_CHECKING:
    import pandas as pd

    from uncover.metrics.predictions import Predictions

IOUS: NDArray[np.float32] = (np.arange(50, 100, 5) / 100).astype(np.float32)
"""float32 (10,), the thresholds 0.50, 0.55 ... 0.95."""

NO_LABEL = -1
IGNORED_CLASS = -1
"""Class of ignored true boxes, which count neither as missed nor as false, whatever class is predicted."""


@dataclass(frozen=True)
class LabelledSet:
    """Predicted and true boxes of a set of images.

    Attributes:
        images: Number of images, including those without boxes.
        predicted: Boxes by image, within an image by decreasing confidence.
        true: Boxes by image; their confidence has no meaning.
    """

    images: int
    predicted: Detections
    true: Detections

    def by_image(self) -> Iterator[tuple[int, slice, slice]]:
        """Number of each image, and its rows of `predicted` and of `true`."""
        edges = np.arange(self.images + 1)
        predicted, true = (np.searchsorted(each.image_rows, edges) for each in (self.predicted, self.true))
        for image in range(self.images):
            yield image, slice(predicted[image], predicted[image + 1]), slice(true[image], true[image + 1])


@dataclass(frozen=True)
class Matched:
    """Matched boxes, from which scores are computed.

    Attributes:
        images: Number of images.
        correct: bool (N, K), whether each prediction is correct at each IoU threshold.
        confidence: float32 (N,).
        predicted_class: int64 (N,).
        predicted_image: int64 (N,).
        true_class: int64 (M,).
        true_image: int64 (M,).
    """

    images: int
    correct: NDArray[np.bool_]
    confidence: NDArray[np.float32]
    predicted_class: NDArray[np.int64]
    predicted_image: NDArray[np.int64]
    true_class: NDArray[np.int64]
    true_image: NDArray[np.int64]


def label_set(predictions: Predictions, truth: pd.DataFrame, class_ids: Collection[int]) -> LabelledSet:
    """Predicted and true boxes of some classes.

    Args:
        predictions: Predictions on the set.
        truth: As `read_truth` returns it.
        class_ids: Classes to keep.

    Raises:
        InputError: A true box is in an image without predictions.
    """
    images = predictions.images["image"]
    boxes = predictions.boxes[predictions.boxes["class_id"].isin(list(class_ids))]
    ignored = truth[truth["class_id"] == IGNORED_CLASS]
    truth = truth[truth["class_id"].isin(list(class_ids))]
    if len(ignored):
        boxes = boxes[~_on_ignored(boxes, truth, ignored)]
    strange = ~truth["image"].isin(images)
    if strange.any():
        image = truth.loc[strange, "image"].iloc[0]
        raise InputError(f"image {image}: has labels but no predictions; predict on it or remove its labels")
    predicted, true = (Detections.from_pandas(each, images).sorted() for each in (boxes, truth))
    return LabelledSet(len(images), predicted, true)


def _on_ignored(boxes: pd.DataFrame, truth: pd.DataFrame, ignored: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each prediction overlaps an ignored true box more than one that counts: bool (N,)."""
    corners = ["x1", "y1", "x2", "y2"]
    found = np.zeros(len(boxes), np.bool_)
    places = boxes.groupby("image").indices
    for image, theirs in ignored.groupby("image"):
        rows = places.get(image)
        if rows is None:
            continue
        own = boxes[corners].to_numpy(np.float32)[rows]
        on_ignored = box_iou(theirs[corners].to_numpy(np.float32), own).max(axis=0)
        on_true = box_iou(truth.loc[truth["image"] == image, corners].to_numpy(np.float32), own).max(axis=0, initial=0)
        found[rows] = (on_ignored >= IOUS[0]) & (on_ignored > on_true)
    return found


def match_set(boxes: LabelledSet, ious: Sequence[float] | NDArray[np.float32] = IOUS) -> Matched:
    """Determine for every predicted box of a set whether it is correct.

    Args:
        boxes: Boxes of the set.
        ious: (K,) thresholds.
    """
    predicted, true = boxes.predicted, boxes.true
    predicted_class, true_class = predicted.class_ids, true.class_ids
    label = np.full(len(predicted), NO_LABEL, np.int64)
    overlap = np.zeros(len(predicted), np.float32)
    for _, own, labels in boxes.by_image():
        if own.stop > own.start and labels.stop > labels.start:
            row, overlap[own] = _best_labels(
                predicted.boxes[own], predicted_class[own], true.boxes[labels], true_class[labels]
            )
            label[own] = np.where(row == NO_LABEL, NO_LABEL, row + labels.start)
    return Matched(
        boxes.images,
        _first_hits(label, overlap, ious),
        np.asarray(predicted.confidence, np.float32),
        predicted_class,
        predicted.image_rows,
        true_class,
        true.image_rows,
    )


def match_image(
    predicted: NDArray[np.floating], true: NDArray[np.floating], ious: Sequence[float] | NDArray[np.float32] = IOUS
) -> NDArray[np.bool_]:
    """Which predictions of one image are correct; equals `process_batch` of yolov5 7.0.14, with the same arrays.

    Args:
        predicted: (N, 6) x1 y1 x2 y2 confidence class, by decreasing confidence.
        true: (M, 5) class x1 y1 x2 y2, in the same frame.
        ious: (K,) thresholds.

    Returns:
        bool (N, K).
    """
    best = _best_labels(predicted[:, :4], predicted[:, 5], true[:, 1:], true[:, 0])
    return _first_hits(*best, ious)


def _best_labels(
    boxes: NDArray[np.floating], classes: NDArray[Any], true_boxes: NDArray[np.floating], true_classes: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The label of the same class with the highest IoU for each of N predictions of one image.

    Returns:
        int64 (N,) row of the labels, `NO_LABEL` if the class has none; float32 (N,) the IoU. Of labels with equal IoU,
        the last.
    """
    if not len(true_boxes):
        return np.full(len(boxes), NO_LABEL, np.int64), np.zeros(len(boxes), np.float32)
    overlaps = np.where(true_classes[:, None] == classes, box_iou(true_boxes, boxes), np.float32(-1))
    label = len(true_boxes) - 1 - overlaps[::-1].argmax(axis=0)
    overlap = np.take_along_axis(overlaps, label[None], axis=0)[0]
    return np.where(overlap < 0, NO_LABEL, label), np.maximum(overlap, 0)


def _first_hits(
    label: NDArray[np.int64], overlap: NDArray[np.float32], ious: Sequence[float] | NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Which predictions are correct, given the best label of each.

    In yolov5 7.0.14 a label is matched to the first prediction that overlaps enough, i.e. the most confident one;
    other releases sort again, so that it is matched to the one of highest IoU.

    Args:
        label: int64 (N,), as returned by `_best_labels`, by decreasing confidence.
        overlap: float32 (N,), as returned by `_best_labels`.
        ious: (K,) thresholds; an IoU equal to the threshold is enough.

    Returns:
        bool (N, K).
    """
    correct = np.zeros((len(label), len(ious)), np.bool_)
    for place, iou in enumerate(np.asarray(ious, np.float32)):
        near = np.flatnonzero((overlap >= iou) & (label != NO_LABEL))
        correct[near[np.unique(label[near], return_index=True)[1]], place] = True
    return correct
