"""Equality with yolov5 7.0.14, the reference, on random boxes."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from tests.metrics.conftest import random_set
from uncover.metrics.average_precision import ap_per_class
from uncover.metrics.confusion import confusion
from uncover.metrics.evaluation import evaluate
from uncover.metrics.matching import IOUS, label_set, match_image, match_set

KINDS = ({}, {"digits": 1}, {"grid": 20.0}, {"grid": 40.0, "digits": 1, "boxes": 40}, {"classes": 1}, {"classes": 2})
"""Plain; ties of confidence; ties of overlap; both, in a crowd; one class; classes without boxes or labels."""


@pytest.fixture(scope="module")
def upstream() -> SimpleNamespace:
    """The functions of the package, which takes long to import and calls what NumPy no longer has."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setattr(np, "trapz", np.trapezoid, raising=False)
        import torch
        from yolov5.utils import metrics
        from yolov5.val import process_batch

    def score(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(np, "trapz", np.trapezoid, raising=False)
            return metrics.ap_per_class(*arrays, names=dict(enumerate("abcdefghij")))

    return SimpleNamespace(
        score=score,
        matrix=metrics.ConfusionMatrix,
        tensor=torch.tensor,
        match=lambda predicted, true: process_batch(
            torch.tensor(predicted), torch.tensor(true), torch.linspace(0.5, 0.95, 10)
        ).numpy(),
        ious=torch.linspace(0.5, 0.95, 10).numpy(),
    )


def test_thresholds(upstream: SimpleNamespace) -> None:
    assert np.array_equal(IOUS, upstream.ious)


@pytest.mark.parametrize("kind", KINDS)
def test_correct_boxes(upstream: SimpleNamespace, kind: dict[str, float]) -> None:
    some = 0
    for seed in range(10):
        drawn = random_set(seed, **kind)  # type: ignore[arg-type]
        for image in drawn.predictions.images["image"]:
            predicted, true = drawn.of_image(image)
            ours = match_image(predicted, true)
            # Upstream's validation does not ask where there is nothing to match.
            theirs = upstream.match(predicted, true) if len(true) and len(predicted) else np.zeros(ours.shape)
            assert np.array_equal(ours, theirs)
            assert np.array_equal(ours, match_image(predicted.astype(np.float64), true.astype(np.float64)))
            some += int(ours.sum())
    assert some > 100


@pytest.mark.parametrize("kind", KINDS)
def test_scores(upstream: SimpleNamespace, kind: dict[str, float]) -> None:
    for seed in range(10):
        drawn = random_set(seed, **kind)  # type: ignore[arg-type]
        matched = match_set(label_set(drawn.predictions, drawn.truth, range(10)))
        for dtype in (np.float32, np.float64):
            confidence = matched.confidence.astype(dtype)
            arrays = (matched.correct, confidence, matched.predicted_class, matched.true_class)
            ours = ap_per_class(*arrays)
            _, _, precision, recall, f1, ap, ids = upstream.score(*arrays)
            assert np.array_equal(ours.class_ids, ids)
            for own, their in ((ours.precision, precision), (ours.recall, recall), (ours.f1, f1), (ours.ap, ap)):
                np.testing.assert_allclose(own, their, rtol=0, atol=1e-12)
            assert ours.map50 > 0


def test_scores_without_any_box(upstream: SimpleNamespace) -> None:
    arrays = (np.zeros((0, 10), bool), np.zeros(0, np.float32), np.zeros(0), np.array([0, 0, 3]))
    ours = ap_per_class(*arrays)
    _, _, precision, recall, f1, ap, ids = upstream.score(*arrays)
    assert list(ids) == list(ours.class_ids) == [0, 3]
    assert not np.concatenate([precision, recall, f1, ap.ravel()]).any()
    assert not np.concatenate([ours.precision, ours.recall, ours.f1, ours.ap.ravel()]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_confusion_matrix(upstream: SimpleNamespace, kind: dict[str, float]) -> None:
    """Fed image by image as upstream's validation does it: images without labels not at all."""
    for seed in range(10):
        drawn = random_set(seed, **kind)  # type: ignore[arg-type]
        names = drawn.predictions.class_names
        ours = confusion(label_set(drawn.predictions, drawn.truth, names), names)
        theirs = upstream.matrix(nc=len(names))
        sure = 0
        for image in drawn.predictions.images["image"]:
            predicted, true = drawn.of_image(image)
            sure += int((predicted[:, 4] > 0.25).sum())
            if len(true) and len(predicted):
                theirs.process_batch(upstream.tensor(predicted), upstream.tensor(true))
            elif len(true):
                theirs.process_batch(None, upstream.tensor(true[:, 0]))
        assert np.array_equal(ours.counts, theirs.matrix)
        assert ours.counts[:-1].sum() + ours.left_out.sum() == sure
        assert ours.counts[:, :-1].sum() == len(drawn.truth)


def test_an_evaluation_of_one_class_is_upstreams_on_that_class_alone(upstream: SimpleNamespace) -> None:
    drawn = random_set(7)
    ours = evaluate(drawn.predictions, drawn.truth, ["nose"], resamples=0)
    stats = []
    for image in drawn.predictions.images["image"]:
        predicted, true = drawn.of_image(image)
        predicted, true = predicted[predicted[:, 5] == 1], true[true[:, 0] == 1]
        correct = upstream.match(predicted, true) if len(true) and len(predicted) else np.zeros((len(predicted), 10))
        stats.append((correct, predicted[:, 4], predicted[:, 5], true[:, 0]))
    _, _, precision, recall, f1, ap, _ = upstream.score(*(np.concatenate(part) for part in zip(*stats, strict=True)))
    values = {name: rate.value for name, rate in ours.rates.items()}
    assert values["P"] == pytest.approx(precision[0]) and values["R"] == pytest.approx(recall[0])
    assert values["F1"] == pytest.approx(f1[0]) == pytest.approx(values["F1_of_means"])
    assert values["AP50"] == pytest.approx(ap[0, 0]) and values["AP50_95"] == pytest.approx(ap[0].mean())
