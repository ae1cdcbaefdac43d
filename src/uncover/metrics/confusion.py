"""Confusion matrix at fixed thresholds, as counted by YOLOv5's validation, and the thesis's accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.metrics.detections import box_iou
from uncover.metrics.intervals import Rate, percentile_interval, resample_images
from uncover.metrics.matching import LabelledSet

CONFIDENCE, IOU = 0.25, 0.45
"""Upstream's thresholds; a box must exceed both."""

BACKGROUND = "background"
NO_BOX = -1

Ties = Literal["upstream", "surest"]


@dataclass(frozen=True)
class Confusion:
    """Confusion matrix of predicted and true classes.

    Attributes:
        class_ids: Ids of the C classes.
        names: Names of the classes, "background" last.
        counts: int64 (C + 1, C + 1); rows are predicted, columns true. The last row counts missed labels, the last
            column false positives in the background.
        left_out: int64 (C,), boxes of each class that upstream's rule does not count in the last column: those in
            images without any matched box, including images without labels.
        found_by_image: int64 (images, C), labels predicted with the right class.
        labels_by_image: int64 (images, C), all labels.
        confidence: Boxes must exceed this confidence.
        iou: A box and a label must exceed this IoU to match.
    """

    class_ids: tuple[int, ...]
    names: tuple[str, ...]
    counts: NDArray[np.int64]
    left_out: NDArray[np.int64]
    found_by_image: NDArray[np.int64]
    labels_by_image: NDArray[np.int64]
    confidence: float
    iou: float

    @property
    def shares(self) -> NDArray[np.float64]:
        """float64 (C + 1, C + 1), each column divided by its sum, as in figures; NaN in a column of zeros."""
        total = self.counts.sum(axis=0)
        return np.divide(self.counts, total, out=np.full(self.counts.shape, np.nan), where=total > 0)

    @property
    def accuracy(self) -> float:
        """Overall accuracy as in the thesis: mean of the classes' shares on the diagonal; NaN without labels.

        The thesis (section 4.4) does not define how it computes 83.1, 85.4 and 74.7 %. It reads the accuracy of a class
        off the diagonal of upstream's figure: columns divided by their sums, printed with two digits. A mean of ten
        such numbers has exactly the one decimal of a percent that it reports. The cell of background predicted as
        background is empty by construction, so a mean over eleven cells would be too low.
        """
        diagonal = np.diag(self.shares)[:-1]
        known = diagonal[~np.isnan(diagonal)]
        return float(known.mean()) if len(known) else float("nan")

    @property
    def accuracy_all_cells(self) -> float:
        """Sum of the diagonal over the sum of all cells, which includes background false positives; NaN if empty."""
        total = self.counts.sum()
        return float(np.trace(self.counts) / total) if total else float("nan")

    def accuracy_interval(self, resamples: int, seed: int, blocks: NDArray[np.int64] | None = None) -> Rate:
        """`accuracy` with its bootstrap interval over images, or over blocks as for `resample_images`."""
        images = len(self.labels_by_image)
        values = []
        for weights in resample_images(images, resamples, seed, blocks=blocks):
            found, labels = weights @ self.found_by_image, weights @ self.labels_by_image
            shares = np.divide(found, labels, out=np.zeros(found.shape), where=labels > 0)
            known = (labels > 0).sum(axis=1)
            values.append(np.divide(shares.sum(axis=1), known, out=np.full(len(known), np.nan), where=known > 0))
        return percentile_interval(self.accuracy, np.concatenate([np.zeros(0), *values]))

    def to_frame(self) -> pd.DataFrame:
        """Counts with the names on both axes; the first column, "predicted", contains the row names."""
        frame = pd.DataFrame(self.counts, columns=list(self.names))
        frame.insert(0, "predicted", list(self.names))
        return frame


def confusion(
    boxes: LabelledSet,
    names: Mapping[int, str],
    confidence: float = CONFIDENCE,
    iou: float = IOU,
    ties: Ties = "upstream",
) -> Confusion:
    """Count predicted against true classes; `counts` equals `ConfusionMatrix` of yolov5 7.0.14 after validation.

    Boxes and labels are matched regardless of class: each box with the label of highest IoU, then each label with the
    box of highest IoU among those.

    Boxes with equal IoU are common: non-maximum suppression keeps one box per class at the same place. Upstream sorts
    by IoU with an unstable sort and reverses the result, so usually the least confident class gets the label; which one
    may depend on the processor.

    Args:
        boxes: Boxes of the set; all their classes are in `names`.
        names: Class names by id, in the order of rows and columns.
        confidence: Boxes must exceed this confidence.
        iou: A box and a label must exceed this IoU to match.
        ties: Which of several boxes with equal IoU gets a label: as in upstream's sort, or the most confident one.
    """
    ids = tuple(names)
    row_of = {class_id: row for row, class_id in enumerate(ids)}
    predicted_row = np.array([row_of[int(number)] for number in boxes.predicted.class_ids], np.int64)
    true_row = np.array([row_of[int(number)] for number in boxes.true.class_ids], np.int64)
    background = len(ids)
    counts = np.zeros((background + 1, background + 1), np.int64)
    left_out = np.zeros(background, np.int64)
    found = np.zeros((boxes.images, background), np.int64)
    labels = np.zeros((boxes.images, background), np.int64)
    np.add.at(labels, (boxes.true.image_rows, true_row), 1)
    for image, predicted, true in boxes.by_image():
        sure = np.flatnonzero(boxes.predicted.confidence[predicted] > confidence)
        rows, columns = predicted_row[predicted][sure], true_row[true]
        overlaps = box_iou(boxes.true.boxes[true], boxes.predicted.boxes[predicted][sure])
        box_of_label = _pair(overlaps, iou, ties)
        met = box_of_label != NO_BOX
        as_what = np.where(met, rows[box_of_label] if len(rows) else background, background)
        np.add.at(counts, (as_what, columns), 1)
        np.add.at(found[image], columns[as_what == columns], 1)
        alone = np.delete(rows, box_of_label[met])
        if met.any():
            np.add.at(counts[:, background], alone, 1)
        else:
            np.add.at(left_out, alone, 1)
    return Confusion(ids, (*names.values(), BACKGROUND), counts, left_out, found, labels, confidence, iou)


def _pair(overlaps: NDArray[np.float32], iou: float, ties: Ties) -> NDArray[np.int64]:
    """Box of each label, `NO_BOX` if unmatched: int64 (M,) from (M, N) overlaps."""
    label, box = np.nonzero(overlaps > iou)
    for axis in (1, 0):
        overlap = overlaps[label, box]
        # Same call as upstream, so that pairs of equal IoU have the same order.
        order = np.lexsort((box, -overlap)) if ties == "surest" else np.argsort(overlap)[::-1]
        kept = order[np.unique((label, box)[axis][order], return_index=True)[1]]
        label, box = label[kept], box[kept]
    box_of_label = np.full(len(overlaps), NO_BOX, np.int64)
    box_of_label[label] = box
    return box_of_label
