"""The comparison: no published number is dropped, each stands beside the right one of ours, and none is NaN."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.report.records import (
    PUBLISHED,
    training_rows,
    write_classes,
    write_confusion,
    write_record,
    write_summary,
)
from uncover.cli import main
from uncover.report.comparison import number_text
from uncover.report.text_numbers import RECORDS, SOURCES, WITHOUT_SOURCE

RESCUE = ("set", "threshold", "heatmaps", "predictions", "correct", "images_with_boxes", "images_correct")


def compare(run: Path, *words: object) -> pd.DataFrame:
    """The comparison of the files below a folder; everything as text."""
    out = run / "comparison.csv"
    out.unlink(missing_ok=True)
    tables = [path for path in sorted(run.rglob("tables/*.csv"))]
    records = [path for name in RECORDS for path in run.glob(name)]
    given = ["comparison", out, "--published", PUBLISHED, "--tables", *tables, "--records", *records, *words]
    assert main([str(word) for word in given]) == 0
    return pd.read_csv(out, dtype=str, keep_default_na=False)


def ours(table: pd.DataFrame, name: str, row: str, column: str = "value") -> tuple[str, str, str]:
    (found,) = table[(table["table"] == name) & (table["row"] == row) & (table["column"] == column)].to_dict("records")
    return found["ours"], found["low"], found["high"]


def write_csv(path: Path, rows: list[dict[str, object]], na: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False, na_rep=na)


def published_numbers() -> int:
    """Counted without the package: numbers in cells that do not name their row, and numbers of the text."""
    content = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    text = content.pop("text")
    cells = [
        value
        for table in content.values()
        for row in table["rows"]
        for column, value in row.items()
        if column not in table["key"] and isinstance(value, int | float)
    ]
    return len(cells) + len(text)


def test_every_published_number_has_a_row_also_in_a_run_that_has_nothing(tmp_path: Path) -> None:
    table = compare(tmp_path)
    assert len(table) == published_numbers()
    settings = {name for name, source in SOURCES.items() if source.record == "settings"}
    assert set(table.loc[table["ours"] != "n/a", "row"]) == settings
    assert set(table["comparable"]) == {"True"} and not table["note"].eq("").all()
    assert "nan" not in (tmp_path / "comparison.csv").read_text(encoding="utf-8").lower()
    assert set(table["column"][table["table"] == "text"]) == {"value"}


def test_every_number_of_the_text_has_a_source_or_a_reason() -> None:
    names = set(yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))["text"])
    assert set(SOURCES) >= names - set(WITHOUT_SOURCE) and not set(WITHOUT_SOURCE) & set(SOURCES)


def test_cells_of_tables_are_found_by_the_thesiss_names(tmp_path: Path) -> None:
    rows = [
        {"CAM Model": "Grad++ (avg)", "Set": "Val", "P": 0.5, "P_low": 0.4, "P_high": 0.6, "R": None},
        # The thesis spells this row with a blank elsewhere.
        {"CAM Model": "Grad ++ (10 Class)", "Set": "MERL", "P": 0.25, "P_low": None, "P_high": None, "R": 1 / 3},
    ]
    write_csv(tmp_path / "tables/table_07.csv", rows, na="n/a")
    write_csv(tmp_path / "tables/table_02.csv", [{"Original Datasets": "WFLW", "Train": 70, "Val": 20}])
    table = compare(tmp_path, "--not-comparable", "synthetic data")
    assert ours(table, "table_07", "Grad++ (avg) / Val", "P") == ("0.5", "0.4", "0.6")
    assert ours(table, "table_07", "Grad++ (10 class) / MERL", "P") == ("0.25", "n/a", "n/a")
    assert ours(table, "table_07", "Grad++ (10 class) / MERL", "R") == ("0.333333", "n/a", "n/a")
    assert ours(table, "table_02", "WFLW", "Train") == ("70", "n/a", "n/a")
    notes = table.set_index(["table", "row", "column"])["note"]
    assert notes["table_07", "Grad++ (avg) / Val", "R"] == "synthetic data; n/a in our table"
    assert notes["table_07", "Hires (avg) / Val", "P"] == "synthetic data; our table has no such row"
    assert notes["table_02", "WFLW", "Test"] == "synthetic data; our table has no column Test"
    assert notes["table_10", "Easy", "P"] == "synthetic data; not made in this run"
    assert notes["table_07", "Grad++ (avg) / Val", "P"] == "synthetic data"
    assert set(table["comparable"]) == {"False"}


def test_numbers_of_the_text_come_from_their_records(tmp_path: Path) -> None:
    """Detections of the thesis are photos: of 11 boxes in 7 photos, 5 photos are right and 2 wrong."""
    # Those of tables 4 to 6, not those that trials and cascades rest on.
    metrics = tmp_path / "rgb_tables" / "metrics" / "rgb10"
    write_summary(tmp_path / "metrics" / "rgb10" / "val" / "all", confidence=0.2)
    write_summary(metrics / "val" / "all", confidence=0.412)
    write_confusion(metrics / "merl" / "all", ["eyes", "nose", "eyes nose"], [
        [6, 0, 0, 3],
        [0, 9, 1, 0],
        [0, 0, 4, 0],
        [2, 1, 0, 0],
    ])  # fmt: skip
    write_classes(metrics, {"labels": 9})
    write_record(tmp_path / "models" / "rgb10", training_rows(5, best=3))
    training = {"epochs_run": 5, "settings": {"epochs": 25}}
    (tmp_path / "models/rgb10/summary.json").write_text(json.dumps(training))
    missed = [{"image": f"{number}.jpg", "missed": number < 2} for number in range(7)]
    write_csv(tmp_path / "missed/merl.csv", missed)
    rescue = [dict(zip(RESCUE, ("wflw", way, 9, *counts), strict=True)) for way, counts in
              (("set", (11, 6, 7, 5)), ("val", (4, 4, 4, 4)))]  # fmt: skip
    write_csv(tmp_path / "metrics/gradcampp_avg/rescue.csv", rescue)
    hof = [{"Model": "rgb1", "Frames": 40, "Detected": 30, "Share": 0.75, "Share_low": 0.6, "Share_high": 0.85}]
    write_csv(tmp_path / "tables/table_hof.csv", hof)
    write_csv(tmp_path / "tables/table_10.csv", [{"Set": "Hard", "F1": 0.5, "F1_low": 0.4, "F1_high": 0.6}])
    table = compare(tmp_path, "--settings", "rescue.missed_confidence=0.3", "evolution.mutation_sigma=0.1")
    expected = {
        "best_f1_confidence": ("0.412", "n/a", "n/a"),
        "val_accuracy": ("83.1", "82", "84"),
        "epoch_stopped": ("5", "n/a", "n/a"),
        "epochs_allowed": ("25", "n/a", "n/a"),
        "box_loss_first": ("0.05", "n/a", "n/a"),
        "box_loss_last": ("0.01", "n/a", "n/a"),
        "curve_map50": ("0.7", "n/a", "n/a"),
        "merl_missed": ("2", "n/a", "n/a"),
        "merl_tested": ("7", "n/a", "n/a"),
        "wflw_gradcampp_avg_correct": ("5", "n/a", "n/a"),
        "wflw_gradcampp_avg_incorrect": ("2", "n/a", "n/a"),
        "wflw_heatmaps": ("9", "n/a", "n/a"),
        "hof_rgb1_found": ("30", "n/a", "n/a"),
        "hof_rgb1_share": ("75", "60", "85"),
        "hof_confidence": ("0.3", "n/a", "n/a"),
        "evolve_mutation_variance": ("0.01", "n/a", "n/a"),
        "conclusion_slapi_hard_f1": ("50", "40", "60"),
    }
    assert {name: ours(table, "text", name) for name in expected} == expected
    shares = {name: ours(table, "text", f"merl_{name}") for name in ("eyes_false_positive", "eyes_false_negative")}
    assert shares["eyes_false_positive"][0] == "100" and shares["eyes_false_negative"][0] == "25"
    share, low, high = ours(table, "text", "merl_nose_as_eyes_nose")
    assert share == "20" and float(low) < 20 < float(high)
    notes = table[table["table"] == "text"].set_index("row")["note"]
    assert (
        notes["merl_nose_as_eyes_nose"]
        == "percent; interval treats boxes as independent, although those of one photo are not"
    )


def test_a_row_that_stands_twice_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(tmp_path / "tables/table_10.csv", [{"Set": "Easy", "P": 1}, {"Set": "easy", "P": 0}])
    path = tmp_path / "tables" / "table_10.csv"
    assert main(["comparison", str(tmp_path / "c.csv"), "--published", str(PUBLISHED), "--tables", str(path)]) == 2
    assert "table_10: 2 rows named 'Easy'" in capsys.readouterr().err
    assert main(["comparison", str(tmp_path / "c.txt"), "--published", str(PUBLISHED)]) == 2


@pytest.mark.parametrize(
    ("value", "text"), [(14580.0, "14580"), (0.1234567, "0.123457"), (float("nan"), "n/a"), (0.0, "0"), (1e-5, "1e-05")]
)
def test_numbers_are_written_short_but_whole(value: float, text: str) -> None:
    assert number_text(value) == text
