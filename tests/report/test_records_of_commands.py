"""What training and evaluation really write is what tables and figures read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from tests.report import records
from tests.rescue.sets import STATED
from uncover.cli import main
from uncover.data.parts import CLASS_NAMES
from uncover.metrics.evaluation import evaluate
from uncover.metrics.predictions import Predictions
from uncover.report.records import read_confusion, read_evaluation, read_f1_curves, read_training_record
from uncover.yolov5.results import COLUMNS as TRAINING_COLUMNS
from uncover.yolov5.results import epoch_row, write_record

NAMES = {0: CLASS_NAMES[0], 2: CLASS_NAMES[2]}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation of two classes on val: of 30 faces 24 are found, of as many eyes 18, with 6 false ones."""
    truth, boxes = [], []
    for number in range(30):
        for class_id in NAMES:
            corners = np.array([10.0, 10, 40, 40]) + 50 * (class_id == 2)
            truth.append((f"{number}.png", class_id, *corners))
            if number < (24 if class_id == 2 else 18):
                boxes.append((f"{number}.png", NAMES[class_id], class_id, 0.9 - 0.01 * number, *corners))
            elif class_id == 0 and number < 24:
                boxes.append((f"{number}.png", NAMES[class_id], class_id, 0.3, *(corners + 400)))
    corners = ["x1", "y1", "x2", "y2"]
    images = pd.DataFrame({"image": sorted({row[0] for row in truth}), "width": 640, "height": 640})
    predictions = Predictions(
        pd.DataFrame(boxes, columns=["image", "class", "class_id", "confidence", *corners]),
        images,
        {"model": "yolov5n", "confidence": 0.001, **STATED, "image_size": 320, "nms_iou": 0.5, "classes": NAMES},
    )
    root = tmp_path_factory.mktemp("metrics") / "rgb10" / "val"
    labels = pd.DataFrame(truth, columns=["image", "class_id", *corners])
    evaluate(predictions, labels, None, resamples=50).write(root / "all")
    evaluate(predictions, labels, [NAMES[2]], resamples=50).write(root / "whole_face")
    return root


def test_an_evaluation_is_read_back(record: Path) -> None:
    evaluation = read_evaluation(record / "all" / "summary.json")
    assert (evaluation.images, evaluation.labels, evaluation.resamples) == (30, 60, 50)
    assert evaluation.scores["R"].value == pytest.approx(0.7, abs=0.02)
    assert all(score.low <= score.value <= score.high for score in evaluation.scores.values())
    assert evaluation.accuracy.value == pytest.approx(0.7)
    assert evaluation.settings["nms_iou"] == 0.5
    confusion = read_confusion(record / "all" / "confusion.csv")
    assert confusion.names == ("eyes", "whole face", "background")
    assert confusion.counts.tolist() == [[18, 0, 6], [0, 24, 0], [12, 6, 0]]
    curves = read_f1_curves(record / "all" / "curves.parquet")
    mean = curves[curves["class_id"] == -1]
    assert np.interp(evaluation.confidence, mean["x"], mean["y"]) == pytest.approx(
        evaluation.scores["F1"].value, abs=0.02
    )


def test_tables_and_figures_are_made_of_it(record: Path, tmp_path: Path) -> None:
    out, published = str(tmp_path), ["--published", str(records.PUBLISHED)]
    summary, whole_face = str(record / "all" / "summary.json"), record / "whole_face"
    files = {name: str(record / "all" / name) for name in ("confusion.csv", "curves.parquet")}
    assert main(["table_04", out, "--summaries", summary, *published]) == 0
    assert main(["table_05", out, "--summaries", str(whole_face / "summary.json"), *published]) == 0
    assert main(["table_val_counts", out, "--classes", str(whole_face / "classes.csv"), *published]) == 0
    assert main(["figure_17", out, "--curves", files["curves.parquet"], "--summary", summary, *published]) == 0
    assert main(["figure_18", out, "--confusion", files["confusion.csv"], "--summary", summary, *published]) == 0
    for name in ("figure_17", "figure_18"):
        picture = cv2.imread(str(tmp_path / f"{name}.png"))
        assert picture is not None and min(picture.shape[:2]) > 500 and picture.std() > 10
        assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    counts = pd.read_csv(tmp_path / "table_val_counts.csv")
    assert counts[["Faces", "Found", "False", "Missed"]].values.tolist() == [[30, 24, 0, 6]]


def test_a_training_s_record_is_read_back(tmp_path: Path) -> None:
    values = np.linspace(0.1, 0.9, len(TRAINING_COLUMNS) - 3).tolist()
    write_record(tmp_path / "results.csv", [epoch_row(epoch, values, 1.0, 0.5) for epoch in range(3)])
    frame = read_training_record(tmp_path / "results.csv")
    assert frame["epoch"].tolist() == [0, 1, 2]
    assert frame["train/box_loss"].tolist() == pytest.approx([0.1] * 3)
