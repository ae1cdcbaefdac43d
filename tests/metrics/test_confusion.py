"""The confusion matrix and counts at fixed thresholds, on boxes whose answer is known by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from tests.metrics.conftest import RandomSet
from uncover.metrics.confusion import Confusion, Ties, confusion
from uncover.metrics.counts import count_class, count_images, has_box
from uncover.metrics.matching import label_set
from uncover.metrics.predictions import CORNERS, Predictions

NAMES = {2: "whole face", 9: "mouth"}
PLACES = [(0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10), (60, 0, 70, 10)]
"""Far from each other."""

Boxes = Sequence[tuple[str, int, int, float]]


def predictions_of(found: Boxes, images: str = "abc") -> Predictions:
    rows = [(image, NAMES[number], number, confidence, *PLACES[place]) for image, number, place, confidence in found]
    boxes = pd.DataFrame(rows, columns=["image", "class", "class_id", "confidence", *CORNERS])
    boxes = boxes.astype({"confidence": np.float32, "class_id": np.int64})
    known = {str(number): name for number, name in NAMES.items()}
    return Predictions(boxes, pd.DataFrame({"image": list(images), "width": 70, "height": 10}), {"classes": known})


def matrix_of(found: Boxes, true: Sequence[tuple[str, int, int]], ties: Ties = "upstream") -> Confusion:
    """Boxes (image, class, place, confidence) against labels (image, class, place)."""
    truth = pd.DataFrame([(image, number, *PLACES[place]) for image, number, place in true])
    truth = truth.set_axis(["image", "class_id", *CORNERS], axis=1)
    return confusion(label_set(predictions_of(found), truth, NAMES), NAMES, ties=ties)


FOUND = [
    ("a", 2, 0, 0.9),  # right
    ("a", 9, 1, 0.8),  # there is a whole face
    ("a", 9, 3, 0.7),  # there is nothing
    ("a", 2, 2, 0.25),  # not above the threshold, so the mouth is missed
    ("b", 2, 3, 0.9),  # there is nothing, and nothing else is right here
    ("c", 9, 0, 0.9),  # the image has no label
]
TRUE = [("a", 2, 0), ("a", 2, 1), ("a", 9, 2), ("b", 2, 0)]


def test_each_cell() -> None:
    matrix = matrix_of(FOUND, TRUE)
    assert matrix.names == ("whole face", "mouth", "background")
    assert matrix.counts.tolist() == [[1, 0, 0], [1, 0, 1], [1, 1, 0]]
    assert matrix.left_out.tolist() == [1, 1]
    assert matrix.shares[:, 0].tolist() == pytest.approx([1 / 3] * 3)
    assert matrix.accuracy == pytest.approx((1 / 3 + 0) / 2) and matrix.accuracy_all_cells == pytest.approx(1 / 5)


def test_counts_of_a_class() -> None:
    matrix = matrix_of(FOUND, TRUE)
    face, mouth = count_class(matrix, 2), count_class(matrix, 9)
    assert (face.labels, face.true_positives, face.false_positives, face.false_negatives) == (3, 1, 1, 2)
    assert (face.background_found, face.taken_for_background) == (0, 1)
    assert (mouth.labels, mouth.true_positives, mouth.false_positives, mouth.false_negatives) == (1, 0, 3, 1)
    assert (mouth.background_found, mouth.taken_for_background) == (1, 1)


def test_of_equal_boxes_the_surest_may_count() -> None:
    found = [("a", 2, 0, 0.9), ("a", 9, 0, 0.3), ("a", 2, 1, 0.8)]
    true = [("a", 2, 0), ("a", 2, 1)]
    assert matrix_of(found, true, "surest").counts.tolist() == [[2, 0, 0], [0, 0, 1], [0, 0, 0]]
    upstream = matrix_of(found, true)
    assert upstream.counts.sum() == 3 and upstream.counts[:, 0].sum() == 2


def test_nothing_at_all() -> None:
    empty = Predictions(predictions_of([]).boxes, predictions_of([]).images, {})
    truth = pd.DataFrame({"image": [], "class_id": [], **{corner: [] for corner in CORNERS}})
    matrix = confusion(label_set(empty, truth, NAMES), NAMES)
    assert not matrix.counts.any()
    assert np.isnan(matrix.accuracy) and np.isnan(matrix.accuracy_all_cells) and np.isnan(matrix.shares).all()
    assert np.isnan(matrix.accuracy_interval(10, 0).low)


def test_a_class_without_labels_is_no_part_of_the_accuracy() -> None:
    assert matrix_of([("a", 2, 0, 0.9), ("a", 9, 1, 0.9)], [("a", 2, 0), ("b", 2, 0)]).accuracy == 0.5


def test_as_a_table(a_set: RandomSet) -> None:
    names = a_set.predictions.class_names
    matrix = confusion(label_set(a_set.predictions, a_set.truth, names), names)
    frame = matrix.to_frame()
    assert list(frame) == ["predicted", "eyes", "nose", "whole face", "right face", "background"]
    assert frame["predicted"].tolist() == list(frame)[1:]
    assert np.array_equal(frame.iloc[:, 1:].to_numpy(), matrix.counts)


def test_images_with_a_face() -> None:
    found = [("a", 2, 0, 0.4), ("a", 2, 1, 0.9), ("b", 2, 0, 0.3999), ("c", 9, 0, 0.9)]
    predictions = predictions_of(found, images="cabd")
    assert has_box(predictions, 2).tolist() == [False, True, False, False]
    assert has_box(predictions, 2, 0.3).tolist() == [False, True, True, False]
    count = count_images(predictions, 2)
    assert (count.images, count.found, count.share.value) == (4, 1, 0.25)
    assert count.share.low < 0.25 < count.share.high


@pytest.mark.parametrize("confidence", [0.1, 0.3, 0.4, 0.6, 0.7, 0.9])
def test_a_confidence_that_equals_the_threshold_counts_though_stored_in_single_precision(confidence: float) -> None:
    assert count_images(predictions_of([("a", 2, 0, confidence)]), 2, confidence).found == 1
