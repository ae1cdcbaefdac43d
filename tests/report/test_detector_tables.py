"""Tables 4 to 6 and the counts on val: numbers, intervals and the thesis's values where they belong."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.report import records
from uncover.cli import main
from uncover.errors import InputError
from uncover.report.tables.detectors import faces_on_val
from uncover.report.tables.table import Table, companion_rows

COLUMNS = ["P", "R", "F1", "mAP50", "mAP50_95"]


def summaries(root: Path, scope: str, sets: tuple[str, ...] = ("val", "merl", "wflw")) -> list[str]:
    shift = {"val": 0.0, "merl": -0.05, "wflw": -0.2}
    return [
        str(
            records.write_summary(
                root / name / scope, {key: value + shift[name] for key, value in records.SCORES.items()}
            )
        )
        for name in sets
    ]


def write_table(root: Path, name: str, *paths: str) -> int:
    return main([name, str(root / "out"), "--summaries", *paths, "--published", str(records.PUBLISHED)])


@pytest.mark.parametrize(
    ("name", "scope", "published"),
    [("table_04", "all", 0.784), ("table_05", "whole_face", 0.861), ("table_06", "whole_face", 0.891)],
)
def test_each_set_has_our_scores_and_the_thesis_s(tmp_path: Path, name: str, scope: str, published: float) -> None:
    assert write_table(tmp_path, name, *summaries(tmp_path, scope)) == 0
    frame = pd.read_csv(tmp_path / "out" / f"{name}.csv")
    assert list(frame.columns[:6]) == ["Set", *COLUMNS]
    assert frame["Set"].tolist() == ["Val", "MERL RAV", "WFLW"]
    assert frame.loc[0, COLUMNS].tolist() == pytest.approx([0.8, 0.7, 0.75, 0.78, 0.4])
    assert frame["mAP50_95"].tolist() == pytest.approx([0.4, 0.35, 0.2])
    assert frame.loc[1, ["R_low", "R_high"]].tolist() == pytest.approx([0.64, 0.66])
    assert frame.loc[2, "F1_published"] == published


def test_people_see_intervals_and_the_thesis_below_each_row(tmp_path: Path) -> None:
    write_table(tmp_path, "table_04", *summaries(tmp_path, "all"))
    lines = (tmp_path / "out" / "table_04.md").read_text(encoding="utf-8").splitlines()
    assert lines[2] == "| Set | P | R | F1 | mAP50 | mAP50_95 |"
    assert lines[4:7] == [
        "| Val | 0.800 | 0.700 | 0.750 | 0.780 | 0.400 |",
        "| – 95 % interval | 0.790–0.810 | 0.690–0.710 | 0.740–0.760 | 0.770–0.790 | 0.390–0.410 |",
        "| – thesis | 0.919 | 0.906 | 0.912 | 0.939 | 0.633 |",
    ]
    notes = "\n".join(lines[13:])
    assert "Val: 60 photos, 700 labels; P, R and F1 at confidence 0.412." in notes
    assert "yolov5n at 320 px, confidence at least 0.001, NMS at IoU 0.5." in notes
    assert "bootstrap over photos, 1000 resamples" in notes
    latex = (tmp_path / "out" / "table_04.tex").read_text(encoding="utf-8")
    assert r"\begin{tabular}{lrrrrr}" in latex and r"– 95 \% interval & 0.790–0.810 &" in latex


def test_a_set_that_is_not_at_hand_keeps_its_row(tmp_path: Path) -> None:
    assert write_table(tmp_path, "table_04", *summaries(tmp_path, "all", ("val", "wflw"))) == 0
    frame = pd.read_csv(tmp_path / "out" / "table_04.csv")
    assert frame["Set"].tolist() == ["Val", "MERL RAV", "WFLW"]
    assert frame.loc[1, COLUMNS].isna().all() and frame.loc[1, "P_published"] == 0.91
    text = (tmp_path / "out" / "table_04.md").read_text(encoding="utf-8")
    assert "| MERL RAV | n/a | n/a | n/a | n/a | n/a |\n| – thesis | 0.910 |" in text
    assert "MERL RAV: not in this run." in text


def test_scores_of_another_scope_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert write_table(tmp_path, "table_05", *summaries(tmp_path, "all")) == 2
    assert "is in folder val/all; expected val|merl|wflw/whole_face" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_companions_that_are_missing_leave_no_row() -> None:
    frame = pd.DataFrame({"Set": ["a"], "P": [0.5], "P_low": [float("nan")], "P_high": [0.6], "R": [None]})
    assert companion_rows(frame).values.tolist() == [["a", "0.500", "n/a"]]
    counts = pd.DataFrame({"Model": ["a"], "Found": [3], "Found_published": [1618]})
    assert companion_rows(counts).values.tolist() == [["a", "3"], ["– thesis", "1618"]]


def test_what_people_see_may_be_laid_out_otherwise_than_the_csv(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0], "b": [2.0]})
    Table("t", "t", frame, shown=pd.DataFrame({"a": ["one"]})).write(tmp_path)
    assert (tmp_path / "t.csv").read_text() == "a,b\n1.0,2.0\n"
    assert "| a |\n| --- |\n| one |" in (tmp_path / "t.md").read_text()
    assert r"\begin{tabular}{r}" in (tmp_path / "t.tex").read_text()


def face_counts(found: int, false: int, missed: int, left_out: int = 0) -> dict[str, int]:
    names = ("labels", "true_positives", "background_found", "false_positives", "false_negatives")
    return dict(zip(names, (found + missed, found, false, false + left_out, missed), strict=True))


def test_counts_on_val_stand_beside_the_thesis_s(tmp_path: Path) -> None:
    counts = {"rgb1": face_counts(57, 4, 3), "rgb10": face_counts(55, 9, 5, left_out=2)}
    paths = [records.write_classes(tmp_path / model / "val" / "whole_face", own) for model, own in counts.items()]
    faces_on_val(paths, records.PUBLISHED).write(tmp_path / "out")
    frame = pd.read_csv(tmp_path / "out" / "table_val_counts.csv")
    assert list(frame.columns[:5]) == ["Model", "Faces", "Found", "False", "Missed"]
    assert frame.iloc[:, :5].values.tolist() == [["rgb10", 60, 55, 9, 5], ["rgb1", 60, 57, 4, 3]]
    assert frame.filter(like="_published").values.tolist() == [[1620, 1618, 32, 2], [1620, 1617, 35, 3]]
    text = (tmp_path / "out" / "table_val_counts.md").read_text(encoding="utf-8")
    assert "| rgb1 | 60 | 57 | 4 | 3 |\n| – thesis | 1620 | 1617 | 35 | 3 |" in text
    assert "ignores boxes in photos where no box matches a face: rgb10 2, rgb1 0." in text


def test_counts_of_another_class_or_set_are_refused(tmp_path: Path) -> None:
    path = records.write_classes(tmp_path / "rgb10" / "merl" / "whole_face", face_counts(1, 0, 0))
    with pytest.raises(InputError, match=r"expected a path that ends in rgb10\|rgb1/val/whole_face/classes.csv"):
        faces_on_val([path], records.PUBLISHED)
    path = records.write_classes(tmp_path / "rgb10" / "val" / "whole_face", face_counts(1, 0, 0), class_id=1)
    with pytest.raises(InputError, match=r"has classes \[1\]; expected only 2"):
        faces_on_val([path], records.PUBLISHED)
