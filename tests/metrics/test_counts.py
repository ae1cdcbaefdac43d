"""Scores of faces at a fixed confidence, against a case counted by hand and against the curves of whole evaluations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.metrics.counts import score_faces
from uncover.metrics.evaluation import evaluate
from uncover.metrics.predictions import Predictions

FACE = (10.0, 10.0, 50.0, 50.0)
ELSEWHERE = (60.0, 60.0, 90.0, 90.0)


def predictions(rows: list[tuple[str, float, tuple[float, ...]]], images: list[str]) -> Predictions:
    boxes = pd.DataFrame(
        [(image, "whole face", 2, confidence, *box) for image, confidence, box in rows],
        columns=["image", "class", "class_id", "confidence", "x1", "y1", "x2", "y2"],
    ).astype({"confidence": np.float32})
    sizes = pd.DataFrame({"image": images, "width": 100, "height": 100})
    return Predictions(boxes, sizes, {"classes": {"2": "whole face"}})


def truth(images: list[str], class_id: int = 2) -> pd.DataFrame:
    return pd.DataFrame(
        [(image, class_id, *FACE) for image in images], columns=["image", "class_id", "x1", "y1", "x2", "y2"]
    )


def test_a_case_counted_by_hand() -> None:
    found = [
        ("a", 0.9, FACE),  # finds the face
        ("a", 0.8, FACE),  # the same once more
        ("b", 0.3, FACE),  # too unsure
        ("c", 0.7, ELSEWHERE),  # beside the face
        ("d", 0.5, FACE),  # no face there
        ("d", 0.4, ELSEWHERE),  # neither there, just sure enough
    ]
    scores = score_faces(predictions(found, list("abcde")), truth(list("abc")), 0.4)
    assert (scores.frames, scores.faces, scores.frames_without_face) == (5, 3, 2)
    assert scores.recall == pytest.approx(1 / 3) and scores.precision == pytest.approx(1 / 5)
    assert (scores.false_boxes, scores.false_boxes_without_face, scores.frames_with_false_alarm) == (4, 2, 1)
    lower = score_faces(predictions(found, list("abcde")), truth(list("abc")), 0.3)
    assert lower.recall == pytest.approx(2 / 3) and lower.precision == pytest.approx(2 / 6)


def test_ignored_faces_are_neither_missed_nor_wrong_to_find() -> None:
    nearer_the_face = (10.0, 10.0, 50.0, 42.0)
    ignored = truth(["a", "c"], class_id=-1).assign(x1=60.0, y1=60.0, x2=90.0, y2=90.0)
    ignored = pd.concat([ignored, truth(["b"], class_id=-1).assign(y2=35.0)], ignore_index=True)
    found = [
        ("a", 0.9, FACE),
        ("a", 0.8, ELSEWHERE),  # on an ignored face
        ("c", 0.7, ELSEWHERE),  # likewise, in a photo without any other
        ("b", 0.6, nearer_the_face),  # overlaps an ignored face by half, and one that counts by more
        ("d", 0.5, ELSEWHERE),  # nothing there
    ]
    scores = score_faces(predictions(found, list("abcd")), pd.concat([truth(["a", "b"]), ignored]), 0.4)
    assert (scores.faces, scores.recall, scores.false_boxes) == (2, 1, 1)
    plain = score_faces(predictions(found, list("abcd")), truth(["a", "b"]), 0.4)
    assert (plain.faces, plain.recall, plain.false_boxes) == (2, 1, 3)


def test_the_overlap_decides_what_finds_a_face_and_average_precision_keeps_its_own() -> None:
    half = (10.0, 10.0, 50.0, 28.0)  # IoU 0.45 with the face
    found, true = predictions([("a", 0.9, half), ("b", 0.8, FACE)], ["a", "b"]), truth(["a", "b"])
    usual, lower = score_faces(found, true, 0.4), score_faces(found, true, 0.4, 0.4)
    assert (usual.recall, usual.false_boxes, usual.true_iou) == (0.5, 1, 0.5)
    assert (lower.recall, lower.false_boxes, lower.true_iou) == (1, 0, 0.4)
    assert lower.ap50 == usual.ap50 and lower.ap50_95 == usual.ap50_95


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0.01, 0.99), st.sampled_from([FACE, ELSEWHERE]))))
def test_average_precision_is_that_of_a_whole_evaluation(rows: list) -> None:
    found, true = predictions(rows, list("abcd")), truth(list("abc"))
    rates = evaluate(found, true, resamples=0).rates
    scores = score_faces(found, true, 0.4)
    assert scores.ap50 == pytest.approx(rates["AP50"].value)
    assert scores.ap50_95 == pytest.approx(rates["AP50_95"].value)


def test_without_a_face_there_is_no_recall_and_without_a_box_no_precision() -> None:
    empty = score_faces(predictions([("a", 0.9, FACE)], ["a"]), truth([]), 0.4)
    assert (empty.ap50, empty.recall, empty.precision, empty.frames_with_false_alarm) == (None, None, 0, 1)
    nothing = score_faces(predictions([], ["a"]), truth(["a"]), 0.4)
    assert (nothing.recall, nothing.precision, nothing.false_boxes) == (0, None, 0)


def test_boxes_of_other_classes_do_not_count() -> None:
    assert score_faces(predictions([], ["a"]), truth(["a"], class_id=0), 0.4).faces == 0
