"""Precision, recall, F1 and average precision on cases small enough to compute by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncover.metrics.average_precision import (
    CONFIDENCES,
    RECALLS,
    ClassMetrics,
    ap_per_class,
    area,
    fitness,
    precision_at_recall,
)


def score(hits: list[bool], labels: int, confidences: list[float] | None = None) -> ClassMetrics:
    """One class, the same boxes correct at every threshold."""
    confidence = np.linspace(0.95, 0.05, len(hits)) if confidences is None else np.array(confidences)
    correct = np.tile(np.array(hits, bool).reshape(-1, 1), (1, 10))
    return ap_per_class(correct, confidence, np.zeros(len(hits)), np.zeros(labels))


@pytest.mark.parametrize(
    ("hits", "labels", "ap"),
    [
        ([True], 1, 0.995),  # upstream reads precision 0 at recall 1, so half a step of a hundredth is missing
        ([True, True], 2, 0.995),
        ([False, True], 1, 0.4975),  # half of the boxes above every recall are right
        ([True, False], 1, 0.995),  # a false box below all hits costs nothing
        ([False], 1, 0.0),
        ([], 1, 0.0),
        # Precision 1 up to recall 0.5, from there straight down to 0 at recall 1.
        ([True], 2, 0.75),
        # The same, but from 0.5 on: another, false box lies below. One step of a hundredth goes from 1 to 0.5.
        ([True, False], 2, 0.49 + 0.01 * 0.75 + 0.125),
    ],
)
def test_average_precision(hits: list[bool], labels: int, ap: float) -> None:
    metrics = score(hits, labels)
    assert metrics.map50 == pytest.approx(ap, abs=1e-9) == metrics.map50_95


def test_precision_and_recall_lie_between_boxes_on_a_straight_line() -> None:
    metrics = score([True, False], 2, [0.8, 0.4])
    precision, recall = (
        np.interp([0.9, 0.79, 0.6, 0.4, 0.1], CONFIDENCES, curve[0])
        for curve in (metrics.precision_curve, metrics.recall_curve)
    )
    assert precision == pytest.approx([1, 1, 0.75, 0.5, 0.5], abs=0.02)
    assert recall == pytest.approx([0, 0.5, 0.5, 0.5, 0.5], abs=0.01)


def test_the_best_confidence_is_the_middle_of_where_f1_is_best() -> None:
    metrics = score([True, True, False], 2, [0.9, 0.7, 0.3])
    # F1 is 1 at 0.7 and falls on both sides, upwards more steeply: the smoothed maximum lies a little below.
    assert 0.6 < metrics.best_confidence < 0.7
    assert metrics.f1[0] > 0.9 and metrics.best == metrics.best_of_class[0]


def test_classes_with_labels_alone_count() -> None:
    correct = np.ones((3, 10), bool)
    metrics = ap_per_class(correct, np.array([0.9, 0.8, 0.7]), np.array([4, 4, 7]), np.array([4, 4, 9]))
    assert metrics.class_ids.tolist() == [4, 9]
    assert (metrics.labels.tolist(), metrics.predictions.tolist()) == ([2, 1], [2, 0])
    assert metrics.map50 == pytest.approx(0.995 / 2)


def test_without_labels_every_mean_is_0() -> None:
    metrics = score([False, False], 0)
    means = (metrics.mean_precision, metrics.mean_recall, metrics.mean_f1, metrics.map50, metrics.map50_95)
    assert means == (0, 0, 0, 0, 0)


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 10))
def test_scores_are_shares_and_the_curve_falls(hits: list[bool], missed: int) -> None:
    labels = sum(hits) + missed
    metrics = score(hits, labels)
    if not labels:
        return
    for values in (metrics.ap, metrics.precision_curve, metrics.recall_curve, metrics.f1_curve):
        assert ((values >= 0) & (values <= 1)).all()
    assert (np.diff(metrics.precision_recall[0]) <= 1e-12).all()
    assert (np.diff(metrics.recall_curve[0]) <= 1e-12).all()
    assert metrics.map50 <= 0.995 + 1e-12


def test_precision_at_recall_of_many_at_once() -> None:
    hits = np.array([[0, 1, 2], [1, 1, 1], [0, 0, 0], [1, 2, 3]])
    found = np.array([[0, 2, 3], [1, 1, 1], [0, 0, 0], [1, 2, 3]])
    read = precision_at_recall(hits, found, np.array([2, 2, 2, 0]), np.array([3, 2, 0, 3]), np.array([0, 0.5, 0.75, 1]))
    assert read[0].tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 0])
    assert read[1].tolist() == pytest.approx([1, 0.5, 0.25, 0])
    assert read[2].tolist() == [0, 0, 0, 0] and np.isnan(read[3]).all()


def test_area_of_a_constant_is_the_constant() -> None:
    assert area(np.full((2, len(RECALLS)), 0.3)) == pytest.approx([0.3, 0.3])


def test_fitness_weighs_the_strict_score_most() -> None:
    assert fitness(1, 0) == pytest.approx(0.1) and fitness(0, 1) == pytest.approx(0.9)
