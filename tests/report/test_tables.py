"""Tables: their three forms, and what tables 1 and 2 say."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

from uncover.report.tables.datasets import original_datasets, splits_table
from uncover.report.tables.table import Table


def test_the_csv_holds_all_digits_and_the_forms_for_people_three(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Set": ["a_b", "50 %"], "P": [0.123456789, None], "Count": [1, 2]})
    Table("table_99", "A title", frame, notes=["a note"]).write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table_99.csv", "table_99.md", "table_99.tex"]
    rows = list(csv.reader(io.StringIO((tmp_path / "table_99.csv").read_text())))
    assert rows == [["Set", "P", "Count"], ["a_b", "0.123456789", "1"], ["50 %", "n/a", "2"]]
    markdown = (tmp_path / "table_99.md").read_text()
    assert "| a_b | 0.123 | 1 |" in markdown and "| 50 % | n/a | 2 |" in markdown and "1. a note" in markdown
    latex = (tmp_path / "table_99.tex").read_text()
    assert r"a\_b & 0.123 & 1 \\" in latex and r"50 \% & n/a & 2 \\" in latex and r"\begin{tabular}{lrr}" in latex


def faces(source: str, photos: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"source": source, "photo": photos})


def test_table_1_counts_faces_where_they_are_annotated_and_frames_elsewhere() -> None:
    frames = pd.DataFrame({"source": "hof", "photo": ["x", "y"], "labelled": [False, False]})
    table = original_datasets([faces("wflw", ["a", "a", "a", "b"]), faces("merl_rav", ["c", "d"])], [frames])
    assert list(table.frame.columns) == ["Original Datasets", "Type of Images", "Total Amount"]
    assert table.frame.values.tolist() == [
        ["WFLW", "One face in 50 %, up to 3", 4],
        ["MERL RAV", "One face", 2],
        ["Hand Over Face", "One face", 2],
    ]


def test_table_1_has_a_row_for_a_set_that_is_not_at_hand() -> None:
    table = original_datasets([faces("wflw", ["a"])], [])
    assert "| Hand Over Face | n/a | n/a |" in table.to_markdown()
    assert "Hand Over Face: not in this run." in table.notes


def test_table_2_counts_photos_and_footnotes_what_falls_short() -> None:
    manifests = {
        "train": faces("wflw", ["a", "b"]),
        "val": faces("wflw", []),
        "wflw": faces("wflw", ["c"]),
    }
    summary = {
        "source": "wflw",
        "requested": {"train": 2, "val": 5, "test": None},
        "got": {"train": 2, "val": 0, "test": 2},
        "unused": {"other_pose": 3},
    }
    table = splits_table(manifests, [summary], [{"Original Datasets": "WFLW", "Train": 6000, "Val": 125, "Test": 794}])
    assert table.frame.values.tolist() == [["WFLW", 2, 0, 1]]
    assert table.notes[:3] == [
        "WFLW, Val: 0 of 5 photos requested (the thesis prints 125).",
        "WFLW, Test: 1 of 2 photos have no usable box (see rejected.csv).",
        "WFLW: photos in no set: 3 other pose.",
    ]


@pytest.mark.parametrize("value", [None, float("nan"), pd.NA])
def test_a_missing_number_is_never_nan(value: object) -> None:
    text = Table("t", "t", pd.DataFrame({"a": [value], "b": [1.5]})).to_markdown()
    assert "| n/a | 1.500 |" in text
