"""All boxes of a set as arrays, and which of the predicted ones are correct."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.metrics.matching import IOUS, NO_LABEL, best_labels, first_hits
from uncover.metrics.predictions import CORNERS

if TYPE_CHECKING:
    import pandas as pd

    from uncover.metrics.predictions import Predictions


@dataclass(frozen=True)
class SetBoxes:
    """Predicted and true boxes of a set, in the order of its images; of an image, by falling confidence.

    Attributes:
        images: Number of images, also those without any box.
        predicted: float32 (N, 6) x1 y1 x2 y2 (pixels) confidence class.
        predicted_image: int64 (N,), rising.
        true: float32 (M, 5) class x1 y1 x2 y2.
        true_image: int64 (M,), rising.
    """

    images: int
    predicted: NDArray[np.float32]
    predicted_image: NDArray[np.int64]
    true: NDArray[np.float32]
    true_image: NDArray[np.int64]

    def by_image(self) -> Iterator[tuple[int, slice, slice]]:
        """Number, rows of `predicted` and rows of `true` of every image."""
        edges = np.arange(self.images + 1)
        predicted, true = (np.searchsorted(image, edges) for image in (self.predicted_image, self.true_image))
        for image in range(self.images):
            yield image, slice(predicted[image], predicted[image + 1]), slice(true[image], true[image + 1])


@dataclass(frozen=True)
class Matched:
    """What scores are computed from.

    Attributes:
        images: Number of images.
        correct: bool (N, K), for each prediction whether it is correct at each IoU threshold.
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


def set_boxes(predictions: Predictions, truth: pd.DataFrame, class_ids: Collection[int]) -> SetBoxes:
    """Boxes of some classes as arrays.

    Args:
        predictions: Of the set.
        truth: As `read_truth` returns it.
        class_ids: Boxes of other classes are left out.

    Raises:
        InputError: A true box stands in an image that was not predicted on.
    """
    place = {image: number for number, image in enumerate(predictions.images["image"])}
    boxes = predictions.boxes[predictions.boxes["class_id"].isin(list(class_ids))]
    truth = truth[truth["class_id"].isin(list(class_ids))]
    strange = ~truth["image"].isin(predictions.images["image"])
    if strange.any():
        image = truth.loc[strange, "image"].iloc[0]
        raise InputError(f"image {image}: has labels but was not predicted on; predict on it or leave its labels out")
    predicted = boxes[[*CORNERS, "confidence", "class_id"]].to_numpy(np.float32)
    predicted_image = boxes["image"].map(place).to_numpy(np.int64)
    order = np.lexsort((-predicted[:, 4], predicted_image))
    true = truth[["class_id", *CORNERS]].to_numpy(np.float32)
    true_image = truth["image"].map(place).to_numpy(np.int64)
    true_order = np.argsort(true_image, kind="stable")
    return SetBoxes(len(place), predicted[order], predicted_image[order], true[true_order], true_image[true_order])


def match_set(boxes: SetBoxes, ious: NDArray[np.float32] = IOUS) -> Matched:
    """Decide for every predicted box of a set whether it is correct.

    Args:
        boxes: Of the set.
        ious: (K,) thresholds.
    """
    label = np.full(len(boxes.predicted), NO_LABEL, np.int64)
    overlap = np.zeros(len(boxes.predicted), np.float32)
    for _, predicted, true in boxes.by_image():
        if predicted.stop > predicted.start and true.stop > true.start:
            row, overlap[predicted] = best_labels(boxes.predicted[predicted], boxes.true[true])
            label[predicted] = np.where(row == NO_LABEL, NO_LABEL, row + true.start)
    return Matched(
        boxes.images,
        first_hits(label, overlap, ious),
        boxes.predicted[:, 4],
        boxes.predicted[:, 5].astype(np.int64),
        boxes.predicted_image,
        boxes.true[:, 0].astype(np.int64),
        boxes.true_image,
    )
