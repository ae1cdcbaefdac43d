"""Two small runs side by side: what is matched, what is in one only, and which rows get intervals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from uncover.cli import main
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.metrics.evaluation import evaluate
from uncover.metrics.predictions import Predictions, write_predictions
from uncover.metrics.truth import read_truth
from uncover.report.compared_runs import Line, RunFolder, compare_runs, row_keys
from uncover.report.tables.detectors import SCORE_OF_COLUMN

FACE = CLASS_NAMES[WHOLE_FACE]
PHOTOS, SIDE = 12, 100


def make_run(folder: Path, found: int, photos: int = PHOTOS, shade: int = 0, model: str = "rgb1") -> Path:
    """A run with a face in each of some photos, of which a detector finds the first, and the table of its scores."""
    dataset = folder / "datasets" / "merl"
    for part in ("images", "labels"):
        (dataset / part).mkdir(parents=True, exist_ok=True)
    names = [f"{number:02}.png" for number in range(photos)]
    for name in names:
        (dataset / "images" / name).write_bytes(f"{name} {shade}".encode())
        (dataset / "labels" / name).with_suffix(".txt").write_text(f"{WHOLE_FACE} 0.5 0.5 0.4 0.4\n")
    classes = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASS_NAMES))
    (dataset / "data.yaml").write_text(f"names:\n{classes}")
    rows = [
        {
            "image": name,
            "class": FACE,
            "class_id": WHOLE_FACE,
            "confidence": 0.9 - 0.01 * number,
            "x1": 30.0,
            "y1": 30.0,
        }
        # A miss is a box in the corner.
        | ({"x2": 70.0, "y2": 70.0} if number < found else {"x1": 0.0, "y1": 0.0, "x2": 9.0, "y2": 9.0})
        for number, name in enumerate(names)
    ]
    images = pd.DataFrame({"image": names, "width": SIDE, "height": SIDE})
    boxes = pd.DataFrame(rows).astype({"confidence": np.float32, **dict.fromkeys(("x1", "y1", "x2", "y2"), np.float32)})
    predictions = Predictions(boxes, images, {"classes": {str(WHOLE_FACE): FACE}})
    write_predictions(folder / "predictions" / model / "merl.parquet", predictions)
    evaluation = evaluate(predictions, read_truth(dataset / "labels", images, {WHOLE_FACE: FACE}), [FACE], 100)
    evaluation.write(folder / "metrics" / model / "merl" / "whole_face")
    cells = {column: evaluation.rates[score] for column, score in SCORE_OF_COLUMN.items()}
    row = {"Set": "MERL RAV"} | {column: rate.value for column, rate in cells.items()}
    row |= {f"{column}_low": rate.low for column, rate in cells.items()} | {"P_published": 0.5}
    row |= {f"{column}_high": rate.high for column, rate in cells.items()}
    write(folder, "table_06", [row])
    return folder


def write(folder: Path, name: str, rows: list[dict[str, object]]) -> None:
    path = folder / "tables" / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False, na_rep="n/a")


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    return make_run(tmp_path / "old", 6), make_run(tmp_path / "new", 9)


def lines_of(a: Path, b: Path, resamples: int = 200) -> list[Line]:
    return compare_runs(RunFolder(a, a.name), RunFolder(b, b.name), resamples, 0)


def recall(lines: list[Line]) -> Line:
    (line,) = [line for line in lines if line.column == "R"]
    return line


def test_scores_on_the_same_photos_get_paired_intervals(runs: tuple[Path, Path]) -> None:
    lines = lines_of(*runs)
    assert [line.column for line in lines] == ["P", "R", "F1", "mAP50", "mAP50_95"]
    line = recall(lines)
    assert (line.row, line.note) == ("MERL RAV", "")
    assert float(line.a) == pytest.approx(6 / 12, abs=0.1) and float(line.a_low) < float(line.a) < float(line.a_high)
    assert float(line.difference) == pytest.approx(float(line.b) - float(line.a), abs=1e-5)
    assert float(line.low) <= float(line.difference) <= float(line.high)
    # Three of twelve photos are found by the second alone, and none by the first.
    assert float(line.low) >= 0 and all(each.low for each in lines)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda old, new: make_run(new, 9, photos=10), "no interval: different photos (12 and 10, 10 in both)"),
        (lambda old, new: make_run(new, 9, shade=1), "no interval: different photos with the same names"),
        (lambda old, new: shutil.rmtree(new / "predictions"), "no interval: predictions or labels are missing"),
        (lambda old, new: shutil.rmtree(new / "datasets"), "no interval: predictions or labels are missing"),
        (
            lambda old, new: shutil.copytree(old / "predictions", new / "predictions", dirs_exist_ok=True),
            "no interval: the stored predictions do not reproduce the scores",
        ),
    ],
)
def test_without_the_same_photos_there_is_a_difference_and_no_interval(
    runs: tuple[Path, Path], change: Callable[[Path, Path], object], note: str
) -> None:
    change(*runs)
    line = recall(lines_of(*runs))
    assert line.difference and (line.low, line.high, line.note) == ("", "", note)


def test_other_labels_of_the_same_photos_are_told(runs: tuple[Path, Path]) -> None:
    old, new = runs
    (new / "datasets" / "merl" / "labels" / "11.txt").write_text("")
    predictions = new / "predictions" / "rgb1" / "merl.parquet"
    out = new / "metrics" / "rgb1" / "merl" / "whole_face"
    labels = str(new / "datasets" / "merl")
    assert main(["evaluate", str(predictions), "--labels", labels, "--out", str(out), "--class", FACE]) == 0
    scores = json.loads((out / "summary.json").read_text())
    write(
        new,
        "table_06",
        [{"Set": "MERL RAV"} | {column: scores[name]["value"] for column, name in SCORE_OF_COLUMN.items()}],
    )
    line = recall(lines_of(old, new))
    assert line.low and line.note == "different labels of the same photos"


def test_missed_photos_are_those_of_the_list(runs: tuple[Path, Path]) -> None:
    for run in runs:
        names = [f"{number:02}.png" for number in range(PHOTOS)]
        table = pd.DataFrame({"image": names, "width": SIDE, "height": SIDE, "faces": 1, "confidence": 0.1})
        table["missed"] = [number % 2 == 0 for number in range(PHOTOS)]
        table["hirescam:joint"] = [number != 4 for number in range(PHOTOS)]
        (run / "missed").mkdir()
        table.to_csv(run / "missed" / "merl.csv", index=False)
        seen = table.loc[table["missed"] & table["hirescam:joint"], "image"]
        whole = pd.read_parquet(run / "predictions" / "rgb1" / "merl.parquet")
        images = pd.DataFrame({"image": list(seen), "width": SIDE, "height": SIDE})
        some = Predictions(
            whole[whole["image"].isin(seen)].reset_index(drop=True), images, {"classes": {str(WHOLE_FACE): FACE}}
        )
        found = evaluate(some, read_truth(run / "datasets" / "merl" / "labels", images, {WHOLE_FACE: FACE}), [FACE], 0)
        found.write(run / "metrics" / "rgb1" / "merl" / "missed")
        row = {"CAM Model": "x", "Set": "MERL"} | {
            column: found.rates[name].value for column, name in SCORE_OF_COLUMN.items()
        }
        write(run, "table_07", [row])
    line = next(line for line in lines_of(*runs) if line.table == "table_07" and line.column == "R")
    assert line.low and line.note == ""


def test_what_is_in_one_run_only_is_listed(runs: tuple[Path, Path]) -> None:
    old, new = runs
    write(old, "table_a", [{"Set": "x", "N": 1, "Gone": 2}, {"Set": "y", "N": 3, "Gone": 4}])
    write(new, "table_a", [{"Set": "z", "N": 1}, {"Set": "y", "N": 3.5}])
    write(new, "table_b", [{"Set": "x", "N": 1}])
    lines = [line for line in lines_of(old, new) if line.table != "table_06"]
    told = [(line.table, line.row, line.column, line.difference, line.note) for line in lines]
    assert told == [
        ("table_a", "", "Gone", "", "only in old"),
        ("table_a", "x", "", "", "only in old"),
        ("table_a", "y", "N", "0.5", ""),
        ("table_a", "z", "", "", "only in new"),
        ("table_b", "", "", "", "only in new"),
    ]


def test_words_are_told_where_they_differ_and_numbers_always(runs: tuple[Path, Path]) -> None:
    old, new = runs
    rows = [
        {"Name": "a", "N": 5, "Kind": "SGD"},
        {"Name": "b", "N": "not run", "Kind": "x"},
        {"Name": "c", "N": 2, "Kind": "y"},
    ]
    write(old, "table_a", rows)
    write(new, "table_a", [rows[0] | {"Kind": "Adam", "N": 5.0}, rows[1] | {"N": 7}, rows[2]])
    lines = [line for line in lines_of(old, new) if line.table == "table_a"]
    assert [(line.row, line.column, line.a, line.b, line.difference, line.differs) for line in lines] == [
        ("a", "N", "5", "5.0", "0", False),
        ("a", "Kind", "SGD", "Adam", "", True),
        ("b", "N", "not run", "7.0", "", True),
        ("c", "N", "2", "2.0", "0", False),
    ]


@pytest.mark.parametrize(
    ("columns", "rows", "keys"),
    [
        (("Set", "P", "R"), [("x", 1, 2), ("y", 1, 2)], ["Set"]),
        (("Model", "Set", "P"), [("a", "x", 1), ("b", "x", 1)], ["Model", "Set"]),
        (("Model", "Set", "P"), [("a", "x", 1), ("a", "y", 1)], ["Model", "Set"]),
        (
            ("Detector", "Conf", "Set", "N"),
            [("a", 0.4, "x", 1), ("b", 0.4, "x", 2), ("a", 0.4, "y", 1)],
            ["Detector", "Set"],
        ),
        (("Set", "At", "Ok"), [("x", 0.1, "True"), ("x", 0.5, "False")], ["Set", "At"]),
        (
            ("Set", "Rate", "Kind", "Why"),
            [("x", 0.1, "set", "w"), ("x", 0.5, "set", "w"), ("x", 0.1, "val", "w"), ("x", 0.5, "val", "w")],
            ["Set", "Rate", "Kind"],
        ),
        (("N", "M"), [(1, 1), (2, 1)], ["N"]),
    ],
)
def test_rows_are_named_by_words_before_numbers(
    columns: tuple[str, ...], rows: list[tuple[object, ...]], keys: list[str]
) -> None:
    table = pd.DataFrame([list(map(str, row)) for row in rows], columns=list(columns))
    assert row_keys(table, table) == keys


def test_a_declared_table_says_what_names_its_rows(runs: tuple[Path, Path]) -> None:
    for run, kind in zip(runs, ("One face", "Up to 3"), strict=True):
        write(run, "table_01", [{"Original Datasets": "WFLW", "Type of Images": kind, "Total Amount": 7}])
    lines = [line for line in lines_of(*runs) if line.table == "table_01"]
    assert [(line.row, line.column, line.a, line.b) for line in lines] == [
        ("WFLW", "Type of Images", "One face", "Up to 3"),
        ("WFLW", "Total Amount", "7", "7"),
    ]


def test_rows_of_one_name_are_matched_in_order(runs: tuple[Path, Path]) -> None:
    for run, values in zip(runs, ((1, 1), (1, 2)), strict=True):
        write(run, "table_a", [{"Name": "a", "N": value, "M": value} for value in values])
    lines = [line for line in lines_of(*runs) if line.table == "table_a"]
    assert [(line.row, line.column, line.difference) for line in lines] == [
        *(("a", "N", "0"), ("a", "M", "0")),
        *(("a #2", "N", "1"), ("a #2", "M", "1")),
    ]


def test_rows_of_another_method_are_not_held_against_each_other(runs: tuple[Path, Path]) -> None:
    for run, model in zip(runs, ("x", "y"), strict=True):
        write(run, "table_a", [{"Model": model, "Set": name, "N": 1} for name in ("easy", "hard")])
    lines = [line for line in lines_of(*runs) if line.table == "table_a"]
    assert [(line.row, line.note) for line in lines] == [
        *(("x / easy", "only in old"), ("x / hard", "only in old")),
        *(("y / easy", "only in new"), ("y / hard", "only in new")),
    ]


def test_the_command_writes_three_forms_and_prints_a_summary(
    runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "compare" / "new.csv"
    assert main(["compare", *map(str, runs), "--out", str(out), "--bootstrap", "100"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# old and new") and "| table_06 | 5 |" in text
    table = pd.read_csv(out)
    assert list(table.columns) == [
        *("table", "row", "column", "a", "a_low", "a_high", "b", "b_low", "b_high"),
        *("difference", "low", "high", "note"),
    ]
    assert len(table) == 5 and table["low"].notna().all()
    page = out.with_suffix(".md").read_text()
    assert "# table_06: old to new" in page and " to " in page.splitlines()[-1] and "(+" in page
    assert out.with_suffix(".tex").read_text().count(r"\begin{tabular}") == 2


def test_programs_get_every_line(runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *map(str, runs), "--json", "--bootstrap", "0"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["a"] == str(runs[0]) and len(values["lines"]) == 5
    assert values["lines"][0]["low"] is None and values["tables"][0]["Numbers"] == 5


def test_tables_of_one_run_alone_are_listed(runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("table_01", "table_02"):
        write(runs[0], name, [{"Set": "x", "N": 1}])
    (runs[0] / "tables" / "table_06.csv").unlink()
    assert main(["compare", *map(str, runs)]) == 0
    text = capsys.readouterr().out
    assert "Only in old: table_01, table_02." in text and "Only in new: table_06." in text


def test_a_run_without_tables_is_one_line(
    runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["compare", str(runs[0]), str(tmp_path / "nowhere")]) == 2
    told = "no tables in it; expected the folder of a finished run, such as results/demo"
    assert capsys.readouterr().err == f"uncover compare: error: {tmp_path / 'nowhere'}: {told}\n"
