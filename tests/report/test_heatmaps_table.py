"""The table of blank and doubtful heatmaps: every class of every set for programs, sums for people."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from uncover.cli import main
from uncover.report.tables.heatmaps import COLUMNS

Row = tuple[str, int, int, int, float | None, float | None, int, int, float | None, float | None, int | None]


def write_lint(root: Path, variant: str, name: str, rows: list[Row]) -> str:
    path = root / variant / name / "lint.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(path, index=False)
    return str(path)


def two_sets(root: Path) -> list[str]:
    """On val 3 of 10 images have a mouth, 2 of these no map; on hof 9 of 30 have one, all with a map."""
    val = write_lint(
        root,
        "hirescam",
        "val",
        [
            ("mouth", 10, 10, 3, 0.9, 2 / 3, 2, 0, 1.0, 0.0, 0),
            ("joint", 10, 10, 8, 0.2, 0.0, 0, 0, 0.0, 0.25, 0),
            ("all classes", 10, 20, 11, 0.5, 1 / 11, 2, 0, 0.1, 0.2, 0),
        ],
    )
    hof = write_lint(
        root,
        "hirescam",
        "hof",
        [
            ("mouth", 30, 30, 9, 0.7, 0.0, 0, 1, 0.0, 1 / 3, 0),
            ("joint", 30, 30, 0, 1.0, None, 0, 0, None, None, 0),
            ("all classes", 30, 60, 9, 0.85, 0.0, 0, 1, 0.0, 1 / 3, 0),
        ],
    )
    return [val, hof]


def test_the_csv_has_a_row_for_each_variant_set_and_class(tmp_path: Path) -> None:
    paths = two_sets(tmp_path)
    paths.append(write_lint(tmp_path, "gradcampp", "val", [("all classes", 10, 20, 11, 0.5, None, 0, 0, 0.1, 0.2, 7)]))
    assert main(["table_heatmaps", str(tmp_path / "out"), "--lints", *paths]) == 0
    frame = pd.read_csv(tmp_path / "out" / "table_heatmaps.csv")
    assert list(frame.columns[:5]) == ["Variant", "Set", "Class", "Images", "Maps"]
    assert len(frame) == 7
    assert frame.loc[0, ["Variant", "Set", "Class", "Detected"]].tolist() == ["hirescam", "val", "mouth", 3]
    assert frame.loc[0, "Blank though detected"] == pytest.approx(2 / 3)
    assert frame.loc[6, ["Variant", "Trained on"]].tolist() == ["gradcampp", 7]
    assert (tmp_path / "out" / "table_heatmaps.tex").read_text().startswith(r"\begin{table}")


def test_people_see_all_sets_by_class_with_each_share_of_its_own_maps(tmp_path: Path) -> None:
    assert main(["table_heatmaps", str(tmp_path / "out"), "--lints", *two_sets(tmp_path)]) == 0
    lines = (tmp_path / "out" / "table_heatmaps.md").read_text(encoding="utf-8").splitlines()
    # By hand, of 40 maps 9 + 21 are blank, of 12 detected 2; of the 10 others 1 is saturated, and 0 + 3 are inverted.
    assert "| hirescam | all sets | mouth | 40 | 12 | 0.75 | 0.17 | 2 | 1 | 0.10 | 0.30 | 0 |" in lines
    # What is 0/0 in one set does not spoil the other.
    assert "| hirescam | all sets | joint | 40 | 8 | 0.80 | 0.00 | 0 | 0 | 0.00 | 0.25 | 0 |" in lines
    assert "| hirescam | hof | all classes | 30 | 9 | 0.85 | 0.00 | 0 | 1 | 0.00 | 0.33 | 0 |" in lines
    assert not any("| hof | mouth |" in line for line in lines)
    assert "| Not finite |" in lines[2]


def test_what_nobody_knows_is_not_zero(tmp_path: Path) -> None:
    path = write_lint(tmp_path, "hirescam", "hof", [("all classes", 4, 40, 0, 1.0, None, 0, 0, None, None, None)])
    assert main(["table_heatmaps", str(tmp_path / "out"), "--lints", path]) == 0
    text = (tmp_path / "out" / "table_heatmaps.md").read_text(encoding="utf-8")
    assert "| all sets | all classes | 4 | 0 | 1.00 | n/a | 0 | n/a | n/a | n/a |" in text
    assert "| Not finite |" not in text


def test_what_is_no_lint_table_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hirescam" / "val" / "lint.csv"
    assert main(["table_heatmaps", str(tmp_path / "out"), "--lints", str(path)]) == 2
    assert "does not exist; make it with 'uncover heatmaps collect'" in capsys.readouterr().err
    good = write_lint(tmp_path, "hirescam", "val", [("all classes", 4, 40, 0, 1.0, None, 0, 0, None, None, None)])
    assert main(["table_heatmaps", str(tmp_path / "out"), "--lints", good, good]) == 2
    assert "second lint table of hirescam/val" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
