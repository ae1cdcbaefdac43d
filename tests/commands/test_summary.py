"""What `uncover summary` says at the end of a demo."""

from __future__ import annotations

from pathlib import Path

import pytest

from uncover.cli import main


def test_the_summary_shows_tables_the_slowest_stages_first_and_the_report_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = {
        "tables/table_02.md": "# Two",
        "tables/table_13.md": "# Thirteen",
        "tables/table_07_variants.md": "# Others",
        "tables/rescue_summary.md": "# Rescue",
        "benchmarks/table_02.tsv": "s\n0.5\n",
        "benchmarks/train/rgb10.tsv": "s\n60.25\n",
        "benchmarks/train/rgb1.tsv": "s\n30\n",
        "figures/figure_17.png": "",
        "report.html": "",
        "workflow.html": "",
    }
    for name, text in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert main(["summary", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("#")] == ["# Two", "# Thirteen", "# Rescue"]
    stages = [line.split() for line in lines if " jobs " in line]
    assert [stage[:4] for stage in stages] == [
        ["train", "2", "jobs", "90.2"],
        ["table_02", "1", "jobs", "0.5"],
        ["all", "3", "jobs", "90.8"],
    ]
    assert lines[-1].endswith(f"{tmp_path / 'report.html'}") and str(tmp_path / "workflow.html") in lines[-2]


def test_a_folder_that_is_no_run_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", str(tmp_path)]) == 2
    assert "no tables in it" in capsys.readouterr().err
