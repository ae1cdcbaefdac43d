"""An evaluation as a whole: what it says of a set, and the record that it leaves."""

from __future__ import annotations

import json
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.metrics.conftest import RandomSet, random_set
from uncover.errors import InputError
from uncover.metrics.evaluation import SCORES, Evaluation, as_text, evaluate
from uncover.metrics.predictions import Predictions


def record(evaluation: Evaluation, folder: Path) -> tuple[dict, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Summary, classes, curves and confusion matrix, read back."""
    evaluation.write(folder)
    return (
        json.loads((folder / "summary.json").read_text()),
        pd.read_csv(folder / "classes.csv"),
        pd.read_parquet(folder / "curves.parquet"),
        pd.read_csv(folder / "confusion.csv", index_col="predicted"),
    )


def test_the_record_says_what_was_scored(a_set: RandomSet, tmp_path: Path) -> None:
    evaluation = evaluate(a_set.predictions, a_set.truth, resamples=50).with_unpredicted(3)
    summary, classes, curves, matrix = record(evaluation, tmp_path / "record")
    assert (summary["images"], summary["images_without_labels"]) == (20, 5)
    assert summary["labels"] == len(a_set.truth) == classes["labels"].sum()
    assert summary["predictions"] == len(a_set.predictions.boxes)
    assert summary["label_files_without_predictions"] == 3 and summary["settings"] == a_set.predictions.settings
    assert classes["class"].tolist() == summary["classes"] == ["eyes", "nose", "whole face", "right face"]
    assert classes["labels"].tolist() == [int((a_set.truth["class_id"] == number).sum()) for number in range(4)]
    with_labels = classes["labels"] > 0
    assert with_labels.tolist() == [True, True, True, False]
    for score in SCORES:
        assert classes.loc[~with_labels, score].isna().all()
        assert classes.loc[with_labels, score].mean() == pytest.approx(summary[score]["value"])
        assert summary[score]["low"] <= summary[score]["high"]
        assert (classes.loc[with_labels, f"{score}_low"] <= classes.loc[with_labels, f"{score}_high"]).all()
    assert set(curves["class_id"]) == {-1, 0, 1, 2} and set(curves["kind"]) == {"f1_confidence", "precision_recall"}
    assert (matrix.to_numpy()[:, :-1].sum(axis=0) == classes["labels"]).all()
    wrong = classes["true_positives"] + classes["false_negatives"]
    assert (wrong == classes["labels"]).all()
    sure = a_set.predictions.boxes[a_set.predictions.boxes["confidence"] > 0.25]
    assert (classes["true_positives"] + classes["false_positives"]).sum() == len(sure)


def test_curves_agree_with_the_scores(a_set: RandomSet, tmp_path: Path) -> None:
    summary, classes, curves, _ = record(evaluate(a_set.predictions, a_set.truth, resamples=0), tmp_path / "record")
    for row in classes.dropna().itertuples():
        own = curves[curves["class_id"] == row.class_id]
        f1 = own[own["kind"] == "f1_confidence"]
        assert np.interp(summary["confidence"], f1["x"], f1["y"]) == pytest.approx(row.F1)
        assert np.interp(row.best_confidence, f1["x"], f1["y"]) == pytest.approx(row.best_F1)
        precision = own[own["kind"] == "precision_recall"]
        assert np.trapezoid(precision["y"], precision["x"]) == pytest.approx(row.AP50, abs=0.01)
    mean = curves[(curves["class_id"] == -1) & (curves["kind"] == "f1_confidence")]
    assert np.interp(summary["confidence"], mean["x"], mean["y"]) == pytest.approx(summary["F1"]["value"])


def test_one_class_alone(a_set: RandomSet, tmp_path: Path) -> None:
    summary, classes, _, matrix = record(
        evaluate(a_set.predictions, a_set.truth, ["whole face"], resamples=0), tmp_path / "record"
    )
    faces = int((a_set.truth["class_id"] == 2).sum())
    assert classes["class"].tolist() == ["whole face"] and matrix.shape == (2, 2)
    assert summary["labels"] == faces and summary["labels_of_other_classes"] == len(a_set.truth) - faces
    # The set is made so that nobody predicts this class.
    assert summary["predictions"] == 0 and summary["AP50"] == {"value": 0.0, "low": None, "high": None}


def test_a_model_of_one_class_is_not_blamed_for_the_others(a_set: RandomSet) -> None:
    boxes = a_set.predictions.boxes[a_set.predictions.boxes["class_id"] == 0]
    only = Predictions(boxes, a_set.predictions.images, {"classes": {"0": "eyes"}})
    evaluation = evaluate(only, a_set.truth, resamples=0)
    assert list(evaluation.names.values()) == ["eyes"]
    expected = evaluate(a_set.predictions, a_set.truth, ["eyes"], resamples=0)
    # Without resamples the interval is nan, which from Python 3.13 on makes dataclasses differ.
    np.testing.assert_equal(*(astuple(each.rates["AP50"]) for each in (evaluation, expected)))


@pytest.mark.parametrize("images", [1, 2, 20])
@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("found", [True, False])
def test_sets_with_little_in_them(tmp_path: Path, images: int, labelled: bool, found: bool) -> None:
    """One image, no label, no box: no crash, no made-up number, and valid JSON."""
    drawn = random_set(2, images=images)
    truth = drawn.truth if labelled else drawn.truth.iloc[:0]
    boxes = drawn.predictions.boxes if found else drawn.predictions.boxes.iloc[:0]
    predictions = Predictions(boxes, drawn.predictions.images, drawn.predictions.settings)
    evaluation = evaluate(predictions, truth, resamples=20)
    summary, classes, curves, _ = record(evaluation, tmp_path / "record")
    has_labels = labelled and images > 1
    assert (summary["AP50"]["value"] is None) == (not has_labels) == (summary["confidence"] is None)
    assert (summary["AP50"]["low"] is None) == (not has_labels)
    assert len(classes) == 4 and curves.empty == (not has_labels)
    assert "all" in as_text(evaluation) and "nan" not in as_text(evaluation)


def test_one_image_has_scores_but_no_interval() -> None:
    drawn = random_set(4, images=2)
    second = drawn.predictions.images["image"].iloc[1]
    boxes, images = (frame[frame["image"] == second] for frame in (drawn.predictions.boxes, drawn.predictions.images))
    evaluation = evaluate(Predictions(boxes, images, drawn.predictions.settings), drawn.truth, resamples=20)
    rate = evaluation.rates["AP50"]
    assert evaluation.images == 1 and rate.value > 0 and np.isnan(rate.low) and np.isnan(rate.high)


def test_what_is_asked_for_in_vain(a_set: RandomSet) -> None:
    with pytest.raises(InputError, match=r"class 'wing': the detector has no such class; expected one of: eyes, nose"):
        evaluate(a_set.predictions, a_set.truth, ["wing"])
    truth = a_set.truth.assign(image="other.jpg")
    with pytest.raises(InputError, match=r"image other.jpg: has labels but no predictions"):
        evaluate(a_set.predictions, truth)


def test_the_order_of_images_and_labels_changes_nothing(a_set: RandomSet) -> None:
    turned = Predictions(
        a_set.predictions.boxes.iloc[::-1], a_set.predictions.images.iloc[::-1], a_set.predictions.settings
    )
    one, two = (
        evaluate(predictions, truth, resamples=0)
        for predictions, truth in ((a_set.predictions, a_set.truth), (turned, a_set.truth.iloc[::-1]))
    )
    assert one.rates.keys() == two.rates.keys()
    assert all(one.rates[name].value == pytest.approx(two.rates[name].value) for name in one.rates)
    assert np.array_equal(one.confusion.counts, two.confusion.counts)
