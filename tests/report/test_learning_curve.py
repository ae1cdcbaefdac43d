"""The learning curve: one table of many records, and a figure that shows what stands in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from uncover.errors import InputError
from uncover.report.figures.training import draw_learning_curve
from uncover.report.learning_curve import collect_learning_curve, curve_of, mean_curve, read_learning_curve


def record(folder: Path, count: int, group: str, freeze: int, ap50: float | None, **changes: object) -> Path:
    """`left_out.json` of a fine-tuning."""
    values = {
        **{
            "count": count,
            "group": group,
            "group_kind": "infant",
            "freeze": freeze,
            "seed": 0,
            "trained_on": min(count, 36),
            "start": "abc",
        },
        **{"frames": 20, "faces": 18, "frames_without_face": 2, "confidence": 0.4, "true_iou": 0.5, "names": []},
        **{"ap50": ap50, "ap50_95": ap50 and ap50 / 2, "recall": ap50, "precision": ap50},
        **{"false_boxes": 3, "false_boxes_without_face": 1, "frames_with_false_alarm": 1},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{group}-{freeze}-{count}.json"
    path.write_text(json.dumps(values | changes))
    return path


@pytest.fixture
def records(tmp_path: Path) -> list[Path]:
    """Two infants, initial weights, two numbers of frames, backbone free and frozen."""
    scores = {(0, 0): (0.2, 0.4), (5, 0): (0.5, 0.7), (50, 0): (0.8, 1.0), (5, 10): (0.3, 0.6), (50, 10): (0.5, None)}
    return [
        record(tmp_path, count, group, freeze, score)
        for (count, freeze), of in scores.items()
        for group, score in zip(("infant_01", "infant_02"), of, strict=True)
    ]


def test_the_table_has_a_row_per_record_whatever_their_order(records: list[Path], tmp_path: Path) -> None:
    collect_learning_curve(records, tmp_path / "a.csv")
    collect_learning_curve(records[::-1], tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    table = read_learning_curve(tmp_path / "a.csv")
    assert len(table) == len(records) and {"count", "group", "seed", "frames_scored", "ap50"} <= set(table.columns)
    row = table[(table["count"] == 50) & (table["freeze"] == 10)].set_index("group")
    assert row.loc["infant_01", "ap50"] == 0.5 and np.isnan(row.loc["infant_02", "ap50"])
    assert row.loc["infant_01", ["trained_on", "frames_scored", "faces"]].tolist() == [36, 20, 18]


def test_the_mean_is_over_infants_that_have_a_face(records: list[Path], tmp_path: Path) -> None:
    table = collect_learning_curve(records, tmp_path / "a.csv")
    free = mean_curve(curve_of(table[table["freeze"] == 0], "ap50"))
    assert {count: round(rate.value, 9) for count, rate in free.items()} == {0: 0.3, 5: 0.6, 50: 0.9}
    # Two values 0.2 apart: the quantile of Student's t of one degree of freedom is 12.706.
    assert free[5].low == 0 and free[5].high == 1 and 0.1 * 12.706 > 0.6
    frozen = mean_curve(curve_of(table[table["freeze"] == 10], "ap50"))
    assert frozen[50].value == 0.5 and np.isnan(frozen[50].low)


def test_seeds_of_one_infant_are_no_further_infants(tmp_path: Path) -> None:
    rows = [record(tmp_path / str(seed), 5, "a", 0, score, seed=seed) for seed, score in enumerate((0.2, 0.4))]
    rows.append(record(tmp_path, 5, "b", 0, 0.9))
    curve = curve_of(collect_learning_curve(rows, tmp_path / "a.csv"), "ap50")
    assert curve.loc[5].round(9).tolist() == [0.3, 0.9]


def test_the_figure_has_a_line_per_infant_and_one_of_their_mean(records: list[Path], tmp_path: Path) -> None:
    collect_learning_curve(records, tmp_path / "a.csv")
    figure = draw_learning_curve(tmp_path / "a.csv")
    left = figure.axes[0]
    lines = left.get_lines()
    thin = [line for line in lines if line.get_linewidth() < 1]
    thick = [line for line in lines if line.get_linewidth() == 2]
    assert len(thin) == 2 * 2 and len(thick) == 2
    assert thick[0].get_ydata().tolist() == pytest.approx([0.3, 0.6, 0.9])
    # The frozen ones begin at the same initial weights, which were scored once.
    assert thick[1].get_ydata().tolist() == pytest.approx([0.3, 0.45, 0.5])
    assert [label.get_text() for label in left.get_xticklabels()] == ["0\n(start)", "5", "50\n(only 36)"]
    shown = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert shown == ["all layers trained", "backbone frozen"]
    # An interval where there are two infants: three of the free ones, two of the frozen ones.
    assert sum(line.get_linewidth() == 1 for line in lines) == 3 + 2


def test_records_that_do_not_belong_together_are_refused(records: list[Path], tmp_path: Path) -> None:
    cases = {
        "infant_01 with 0 frames, freeze 0, seed 0 is given twice": [*records, records[0]],
        "score all with the same --confidence": [*records, record(tmp_path, 9, "x", 0, 0.1, confidence=0.5)],
        "initial weights differ": [*records, record(tmp_path, 9, "y", 0, 0.1, start="other")],
    }
    for says, given in cases.items():
        with pytest.raises(InputError, match=says):
            collect_learning_curve(given, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [("ap50", 1.5, "row 1: ap50 is 1.5"), ("count", "many", "row 1: count is many"), ("recall", -1, "row 1: recall")],
)
def test_a_spoilt_table_is_named(records: list[Path], tmp_path: Path, column: str, value: object, says: str) -> None:
    path = tmp_path / "a.csv"
    table = collect_learning_curve(records, path).astype(object)
    table.loc[0, column] = value
    table.to_csv(path, index=False)
    with pytest.raises(InputError, match=says):
        read_learning_curve(path)


def test_a_table_without_rows_is_named(records: list[Path], tmp_path: Path) -> None:
    collect_learning_curve(records, tmp_path / "a.csv")
    pd.read_csv(tmp_path / "a.csv").iloc[:0].to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError, match="no rows"):
        read_learning_curve(tmp_path / "a.csv")
