"""The record of a training, and which finished training a folder holds."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from uncover.errors import InputError
from uncover.yolov5.results import COLUMNS, check_finished, epoch_line, epoch_row, fitness_of, write_record

UPSTREAM = (
    "epoch,train/box_loss,train/obj_loss,train/cls_loss,metrics/precision,metrics/recall,metrics/mAP_0.5,"
    "metrics/mAP_0.5:0.95,val/box_loss,val/obj_loss,val/cls_loss,x/lr0,x/lr1,x/lr2"
)


def row(epoch: int) -> dict[str, float]:
    return epoch_row(epoch, [0.1, 0.2, 0.3, 0.8, 0.7, 0.6, 0.4, 0.11, 0.22, 0.33, 0.01, 0.02, 0.03], 6.0, 2.0)


def test_columns_begin_with_upstreams_in_order():
    assert ",".join(COLUMNS).startswith(UPSTREAM)


def test_record_reads_back(tmp_path):
    write_record(tmp_path / "results.csv", [row(0), row(1)])
    table = pd.read_csv(tmp_path / "results.csv")
    assert list(table.columns) == list(COLUMNS)
    assert table["epoch"].tolist() == [0, 1]
    assert table["metrics/mAP_0.5:0.95"].tolist() == [0.4, 0.4]


def test_fitness_is_mostly_map50_95():
    assert fitness_of(row(0)) == pytest.approx(0.1 * 0.6 + 0.9 * 0.4)


def test_the_line_says_what_is_left():
    line = epoch_line([row(0), row(1)], epochs=17)
    assert "epoch 2/17" in line and "mAP50 0.600" in line and "up to 2.0 min left" in line


TOLD = {"model": "yolov5n", "train_images": 4, "settings": {"epochs": 3, "hyperparameters": {"lr0": 0.01}}}


@pytest.mark.parametrize(
    ("wanted", "other"),
    [
        (TOLD, None),
        (TOLD | {"digests": {"training": "a"}, "classes": {"0": "x"}}, None),  # of what the old one says nothing
        (TOLD | {"model": "yolov5s"}, r"settings \(model: yolov5n there, yolov5s here\)"),
        (TOLD | {"train_images": 5}, r"data \(train_images: 4 there, 5 here\)"),
        (TOLD | {"settings": {"hyperparameters": {"lr0": 0.1}}}, r"settings \(lr0: 0.01 there, 0.1 here\)"),
        (TOLD | {"settings": {"new_setting": 1}}, None),
    ],
)
def test_a_finished_model_stays_unless_it_is_of_the_same_training(tmp_path, wanted, other):
    check_finished(tmp_path, wanted, tmp_path / "state")
    (tmp_path / "weights.pt").touch()
    with pytest.raises(InputError, match=r"without summary\.json; pass another name, or remove the folder first"):
        check_finished(tmp_path, wanted, tmp_path / "state")
    (tmp_path / "summary.json").write_text(json.dumps(TOLD))
    if other is None:
        check_finished(tmp_path, wanted, tmp_path / "state")
        return
    with pytest.raises(InputError, match=f"has a trained model of other {other}; pass another name"):
        check_finished(tmp_path, wanted, tmp_path / "state")


@pytest.mark.parametrize("name", ["training", "validation", "maps", "start"])
def test_digests_tell_other_data_and_other_start_weights(tmp_path, name):
    (tmp_path / "weights.pt").touch()
    (tmp_path / "summary.json").write_text(json.dumps({"digests": {name: "a"}}))
    with pytest.raises(InputError, match="of other " + ("initial weights;" if name == "start" else "data;")):
        check_finished(tmp_path, {"digests": {name: "b"}}, tmp_path / "state")
