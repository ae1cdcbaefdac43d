"""Readers of evaluation and training records: what they take, and what they refuse in one clear line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.report import records
from uncover.errors import InputError
from uncover.report.records import (
    best_row,
    read_confusion,
    read_evaluation,
    read_evaluations,
    read_f1_curves,
    read_training_record,
)


def test_a_summary_gives_scores_with_intervals(tmp_path: Path) -> None:
    evaluation = read_evaluation(records.write_summary(tmp_path))
    assert (evaluation.images, evaluation.labels, evaluation.confidence) == (60, 700, 0.412)
    score = evaluation.scores["AP50"]
    assert (score.value, score.low, score.high) == pytest.approx((0.78, 0.77, 0.79))
    assert evaluation.accuracy.value == 0.831


def test_a_score_without_interval_is_no_error(tmp_path: Path) -> None:
    path = records.write_summary(tmp_path, P={"value": 0.5, "low": None, "high": None}, confidence=None)
    evaluation = read_evaluation(path)
    assert evaluation.scores["P"].value == 0.5 and np.isnan(evaluation.scores["P"].low)
    assert np.isnan(evaluation.confidence)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"P": {"low": 0.1}}, "summary.json: P is {'low': 0.1}, expected value, low and high"),
        ({"R": {"value": "high"}}, "summary.json: R, value is 'high', expected a number or null"),
        ({"confidence": True}, "summary.json: confidence is True"),
    ],
)
def test_a_spoilt_summary_is_named(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_evaluation(records.write_summary(tmp_path, **changes))


def test_a_missing_or_foreign_summary_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; make it with 'uncover evaluate'"):
        read_evaluation(tmp_path / "summary.json")
    (tmp_path / "summary.json").write_text('{"images": 3}')
    with pytest.raises(InputError, match="with the keys images, labels, confidence"):
        read_evaluation(tmp_path / "summary.json")


def test_folders_say_which_set_was_scored(tmp_path: Path) -> None:
    paths = [records.write_summary(tmp_path / name / "all", images=n) for name, n in (("wflw", 2), ("val", 1))]
    found = read_evaluations(paths, ("val", "merl", "wflw"), "all")
    assert {name: each.images for name, each in found.items()} == {"val": 1, "wflw": 2}
    assert list(found) == ["val", "wflw"]
    with pytest.raises(InputError, match=r"is in folder wflw/all; expected val\|merl\|wflw/whole_face"):
        read_evaluations(paths, ("val", "merl", "wflw"), "whole_face")
    with pytest.raises(InputError, match="set wflw is given twice"):
        read_evaluations([paths[0], paths[0]], ("val", "merl", "wflw"), "all")


def test_only_f1_curves_are_read(tmp_path: Path) -> None:
    curves = read_f1_curves(records.write_curves(tmp_path, {"nose": (0.4, 0.9), "mouth": (0.6, 0.8)}))
    assert curves.groupby("class_id").size().to_dict() == {-1: 101, 0: 101, 1: 101}
    frame = pd.read_parquet(tmp_path / "curves.parquet")
    frame[frame["class_id"] >= 0].to_parquet(tmp_path / "curves.parquet")
    with pytest.raises(InputError, match="no curve of kind f1_confidence with class_id -1"):
        read_f1_curves(tmp_path / "curves.parquet")


def test_a_confusion_matrix_keeps_its_counts(tmp_path: Path) -> None:
    confusion = read_confusion(records.write_confusion(tmp_path, ["nose"], [[5, 2], [1, 0]]))
    assert confusion.names == ("nose", "background")
    assert confusion.counts.tolist() == [[5, 2], [1, 0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("predicted,nose,background\nnose,5,2\n", "the rows are named"),
        ("predicted,nose,background\nmouth,5,2\nbackground,1,0\n", "the rows are named"),
        ("nose,background\n5,2\n1,0\n", "no column predicted; expected a table of 'uncover evaluate'"),
        ("predicted,background,nose\nbackground,5,2\nnose,1,0\n", "the rows are named"),
        ("predicted,nose,background\nnose,5,x\nbackground,1,0\n", "row 1, background: 'x', expected a count"),
        ("predicted,nose,background\nnose,5,0.5\nbackground,1,0\n", "row 1, background: '0.5', expected a count"),
        ("predicted,nose,background\nnose,5,\nbackground,1,-1\n", "row 1, background: 'nan', expected a count"),
        ("predicted,nose,background\nnose,5,3\nbackground,1,-1\n", "row 2, background: '-1', expected a count"),
        ("", "is not a CSV file"),
    ],
)
def test_a_spoilt_confusion_matrix_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "confusion.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_confusion(tmp_path / "confusion.csv")


def test_the_padded_headers_that_yolov5_writes_are_read(tmp_path: Path) -> None:
    frame = records.training_rows(4, best=2)
    plain = read_training_record(records.write_record(tmp_path / "ours", frame))
    lines = [",".join(f"{cell:>24}" for cell in row) for row in [list(frame.columns), *frame.astype(str).to_numpy()]]
    (tmp_path / "results.csv").write_text("\n".join(lines) + "\n")
    pd.testing.assert_frame_equal(read_training_record(tmp_path / "results.csv"), plain)


def test_the_best_epoch_is_the_last_of_the_fittest() -> None:
    frame = records.training_rows(5, best=1)
    assert best_row(frame)["epoch"] == 1
    frame.loc[3, list(records.METRICS)] = frame.loc[1, list(records.METRICS)]
    assert best_row(frame)["epoch"] == 3
    # 0.1 of mAP50 and 0.9 of mAP50-95: the second weighs more
    frame.loc[4, ["metrics/mAP_0.5", "metrics/mAP_0.5:0.95"]] = [0.5, 0.65]
    assert best_row(frame)["epoch"] == 4


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda frame: frame.drop(columns="val/obj_loss"), "no column val/obj_loss"),
        (lambda frame: frame.iloc[:0], "no rows"),
        (
            lambda frame: frame.assign(**{"train/box_loss": [0.1, None]}),
            "row 3, train/box_loss: 'nan', expected a number",
        ),
        (lambda frame: frame.astype(object).replace(1, "two"), "row 3, epoch: 'two', expected a number"),
        (lambda frame: frame.iloc[::-1], "expected increasing whole numbers"),
    ],
)
def test_a_spoilt_training_record_is_named(tmp_path: Path, spoil: object, message: str) -> None:
    path = records.write_record(tmp_path, spoil(records.training_rows(2, best=1)))  # type: ignore[operator]
    with pytest.raises(InputError, match=message):
        read_training_record(path)
