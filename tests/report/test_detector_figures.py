"""Figures 17 to 20, 24 and 25: what is drawn is what the records say."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.axes import Axes

from tests.report import records
from uncover.cli import main
from uncover.metrics.intervals import Rate
from uncover.report.figures.scores import confusion_matrix, f1_confidence
from uncover.report.figures.training import training, training_record
from uncover.report.records import ConfusionTable, read_f1_curves

PEAKS = {"eyes": (0.2, 0.6), "nose": (0.4, 0.8), "whole face": (0.6, 0.9)}


def lines(axes: Axes) -> dict[str, np.ndarray]:
    """Points of the lines of a panel, by label."""
    return {str(line.get_label()): np.asarray(line.get_xydata()) for line in axes.get_lines()}


def test_figure_17_draws_each_curve_and_marks_the_best(tmp_path: Path) -> None:
    curves = read_f1_curves(records.write_curves(tmp_path, PEAKS))
    (axes,) = f1_confidence(curves, 0.4, 0.69, 0.373).axes
    drawn = lines(axes)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == [
        "eyes 0.60 at 0.20", "nose 0.80 at 0.40", "whole face 0.90 at 0.60", "mean 0.69 at 0.400",
        "thesis: mean at 0.373",
    ]  # fmt: skip
    assert drawn["nose 0.80 at 0.40"][40] == pytest.approx([0.4, 0.8])
    mean = drawn["mean 0.69 at 0.400"]
    assert mean[40] == pytest.approx([0.4, np.mean([0.48, 0.8, 0.72])])
    assert drawn["thesis: mean at 0.373"][:, 0].tolist() == [0.373, 0.373]
    assert [0.4, 0.69] in [points[0].tolist() for points in drawn.values() if len(points) == 1]


def test_figure_17_tells_classes_apart_without_colour_and_the_mean_by_its_weight(tmp_path: Path) -> None:
    (axes,) = f1_confidence(read_f1_curves(records.write_curves(tmp_path, PEAKS)), 0.4, 0.69).axes
    curves = [line for line in axes.get_lines() if len(line.get_xydata()) == 101]
    assert len({line.get_marker() for line in curves}) == len({line.get_color() for line in curves}) == 4
    widths = {str(line.get_label()).split()[0]: line.get_linewidth() for line in curves}
    assert widths["mean"] > 3 * widths["nose"]


ACCURACY = Rate(0.7462, 0.712, 0.78)
COUNTS = np.array([[30, 1, 6], [0, 0, 2], [10, 0, 0]])


def test_a_confusion_matrix_shows_shares_of_columns_and_counts() -> None:
    figure = confusion_matrix(ConfusionTable(("eyes", "nose", "background"), COUNTS), "WFLW test set", ACCURACY, 0.747)
    axes = figure.axes[0]
    shown: dict[tuple[int, int], list[str]] = {}
    for text in axes.texts:
        column, row = text.get_position()
        shown.setdefault((round(row), column), []).append(text.get_text())
    assert shown == {
        (0, 0): ["0.75", "30"],
        (0, 1): ["1.00", "1"],
        (0, 2): ["0.75", "6"],
        (1, 2): ["0.25", "2"],
        (2, 0): ["0.25", "10"],
    }
    shares = np.asarray(axes.get_images()[0].get_array())
    assert shares.tolist() == [[0.75, 1, 0.75], [0, 0, 0.25], [0.25, 0, 0]]
    assert axes.get_title() == "WFLW test set: overall accuracy 74.6 % (95 %: 71.2–78.0; thesis: 74.7)"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["eyes", "nose", "background"]
    assert axes.get_xticklabels()[0].get_text() == "eyes\n(40)"
    bold = [text.get_text() for text in axes.texts if text.get_fontweight() == "bold"]
    assert bold == ["0.75"]


def test_a_class_without_labels_has_no_shares_and_small_shares_only_a_count() -> None:
    counts = np.array([[999, 0, 0], [1, 0, 0], [0, 0, 0]])
    figure = confusion_matrix(
        ConfusionTable(("eyes", "nose", "background"), counts), "validation set", Rate(float("nan"))
    )
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["1.00", "999", "1"]
    assert np.ma.getmaskarray(axes.get_images()[0].get_array())[:, 1:].all()
    assert axes.get_title() == "Validation set: overall accuracy n/a"


def test_a_training_record_draws_every_loss_and_metric_and_marks_the_best_epoch() -> None:
    record = records.training_rows(12, best=7)
    figure = training_record(record)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == [
        "box loss", "objectness loss", "class loss", "precision (0.900)", "recall (0.800)", "mAP50 (0.700)",
        "mAP50-95 (0.600)",
    ]  # fmt: skip
    panels = {axes.get_title().split(" (")[0]: axes for axes in figure.axes if axes.get_title()}
    for title, columns in {
        "box loss": {"train": "train/box_loss", "val": "val/box_loss"},
        "objectness loss": {"train": "train/obj_loss", "val": "val/obj_loss"},
        "class loss": {"train": "train/cls_loss", "val": "val/cls_loss"},
        "mAP50-95": {"val": "metrics/mAP_0.5:0.95"},
        "recall": {"val": "metrics/recall"},
    }.items():
        drawn = lines(panels[title])
        assert set(drawn) == {*columns, "best epoch"}
        for label, column in columns.items():
            assert drawn[label] == pytest.approx(record[["epoch", column]].to_numpy())
        assert drawn["best epoch"][0, 0] == 7
    assert {axes.get_ylabel() for axes in panels.values()} == {"loss (no unit)", "share"}


def test_the_released_record_stands_beside_ours_and_is_labelled() -> None:
    released = records.training_rows(20, best=15)
    figure = training_record(records.training_rows(12, best=7), released)
    box, *_ = figure.axes
    assert lines(box)["thesis, val"] == pytest.approx(released[["epoch", "val/box_loss"]].to_numpy())
    legend = figure.axes[3].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        "train", "val", "thesis, train", "thesis, val", "best epoch",
    ]  # fmt: skip
    assert legend.get_title().get_text() == "best epoch 7, 12 run\n(in brackets: its values)\nthesis: 15, 20 run"
    ours, theirs = (
        next(line for line in box.get_lines() if line.get_label() == name) for name in ("val", "thesis, val")
    )
    assert theirs.get_linewidth() < ours.get_linewidth() and theirs.get_linestyle() != "-"


def test_a_training_says_how_many_photos_it_learnt_from(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text('{"train_images": 1200, "val_images": 1}')
    path = records.write_record(tmp_path, records.training_rows(4, best=2))
    legend = training(path, summary=tmp_path / "summary.json").axes[3].get_legend()
    told = [text.get_text() for text in legend.get_texts()]
    assert told == ["train, n = 1,200 photos", "val, n = 1 photo", "best epoch"]


def test_a_model_of_one_class_has_no_class_loss() -> None:
    axes = training_record(records.training_rows(3, best=1, class_loss=0)).axes[2]
    assert set(lines(axes)) == {"best epoch"} and [text.get_text() for text in axes.texts] == ["none with one class"]


@pytest.mark.parametrize(
    "name",
    [
        "figure_19",
        "figure_24",
        *(pytest.param(name, marks=pytest.mark.whole_run) for name in ("figure_20", "figure_25")),
    ],
)
def test_a_command_writes_a_whole_figure(tmp_path: Path, name: str) -> None:
    folder, out = tmp_path / "record", tmp_path / "figures"
    records.write_confusion(folder, ["eyes", "nose"], COUNTS.tolist())
    records.write_summary(folder)
    records.write_record(folder, records.training_rows(4, best=2))
    files = {name: str(folder / name) for name in ("confusion.csv", "summary.json", "results.csv")}
    known = ["--summary", files["summary.json"], "--published", str(records.PUBLISHED)]
    options = {
        "figure_19": ["--confusion", files["confusion.csv"], *known],
        "figure_20": ["--confusion", files["confusion.csv"], *known],
        "figure_24": ["--record", files["results.csv"], "--released", files["results.csv"]],
        "figure_25": ["--record", files["results.csv"]],
    }
    assert main([name, str(out), *options[name]]) == 0
    picture = cv2.imread(str(out / f"{name}.png"))
    assert picture is not None and min(picture.shape[:2]) > 500
    assert (out / f"{name}.pdf").read_bytes().startswith(b"%PDF")
