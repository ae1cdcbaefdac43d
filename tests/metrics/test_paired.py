"""Paired differences against scoring copies of the drawn photos, and against what must hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.metrics.conftest import RandomSet, random_set
from uncover.metrics.evaluation import evaluate
from uncover.metrics.intervals import resample_images
from uncover.metrics.paired import in_order_of, paired_differences, score
from uncover.metrics.predictions import Predictions


def halved(known: RandomSet, seed: int) -> RandomSet:
    """The same detector, less half of its boxes."""
    kept = np.random.default_rng(seed).random(len(known.predictions.boxes)) < 0.5
    boxes = known.predictions.boxes[kept].reset_index(drop=True)
    return RandomSet(Predictions(boxes, known.predictions.images, known.predictions.settings), known.truth)


def copies(known: RandomSet, weights: np.ndarray) -> RandomSet:
    """A set with each photo as often as it was drawn."""
    boxes, truth, images = [], [], []
    for image, count in zip(known.predictions.images["image"], weights, strict=True):
        for number in range(count):
            name = f"{number}_{image}"
            for rows, frame in (
                (boxes, known.predictions.boxes),
                (truth, known.truth),
                (images, known.predictions.images),
            ):
                rows.append(frame[frame["image"] == image].assign(image=name))
    joined = (pd.concat(rows, ignore_index=True) for rows in (boxes, images))
    return RandomSet(Predictions(*joined, known.predictions.settings), pd.concat(truth, ignore_index=True))


def test_scores_are_those_of_evaluate() -> None:
    known = random_set(3)
    found = evaluate(known.predictions, known.truth, resamples=0)
    assert score(known.predictions, known.truth, None).values == {
        name: pytest.approx(rate.value, nan_ok=True) for name, rate in found.rates.items() if "accuracy" not in name
    }


def test_differences_are_those_on_copies_of_the_same_drawn_photos() -> None:
    one = random_set(5, images=8)
    other = halved(one, 1)
    expected = []
    for weights in resample_images(8, 40, seed=7):
        for row in weights:
            ap = [
                evaluate(*(drawn.predictions, drawn.truth), resamples=0).rates["AP50"].value
                for drawn in (copies(one, row), copies(other, row))
            ]
            expected.append(ap[1] - ap[0])
    found = paired_differences(*(score(each.predictions, each.truth, None) for each in (one, other)), 40, 7)["AP50"]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(expected, [0.025, 0.975])), abs=1e-9)
    values = [evaluate(each.predictions, each.truth, resamples=0).rates["AP50"].value for each in (one, other)]
    assert found.value == pytest.approx(values[1] - values[0]) and found.value < 0


def test_a_detector_does_not_differ_from_itself_and_no_resamples_give_no_interval() -> None:
    known = random_set(5)
    own = score(known.predictions, known.truth, None)
    for rate in paired_differences(own, own, 50, 0).values():
        assert (rate.value, rate.low, rate.high) == (0, 0, 0)
    assert np.isnan(paired_differences(own, own, 0, 0)["P"].low)


def test_pairs_are_narrower_than_two_intervals_apart() -> None:
    one = random_set(9, images=40)
    boxes = one.predictions.boxes.iloc[1:].reset_index(drop=True)
    nearly = Predictions(boxes, one.predictions.images, one.predictions.settings)
    found = paired_differences(score(one.predictions, one.truth, None), score(nearly, one.truth, None), 200, 0)["AP50"]
    alone = evaluate(one.predictions, one.truth, resamples=200).rates["AP50"]
    assert found.high - found.low < 0.2 * (alone.high - alone.low)


def test_photos_come_in_the_order_of_the_other_set() -> None:
    known = random_set(2).predictions
    names = list(known.images["image"])[::-1][:5]
    found = in_order_of(known, names)
    assert list(found.images["image"]) == names and set(found.boxes["image"]) <= set(names)
    assert len(found.boxes) == known.boxes["image"].isin(names).sum()
