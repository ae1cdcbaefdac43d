"""The record of a training."""

import pandas as pd
import pytest

from uncover.detector.record import COLUMNS, epoch_line, epoch_row, fitness_of, write_record

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
    assert "epoch 2/17" in line and "mAP50 0.600" in line and "at most 2.0 min left" in line
