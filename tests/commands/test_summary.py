"""What `uncover summary` says at the end of a demo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from uncover.cli import main


def test_the_summary_shows_the_slowest_stages_first_and_the_report_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = {
        "tables/table_02.md": "# Two",
        "tables/table_13.md": "# Thirteen",
        "tables/table_07_variants.md": "# Others",
        "tables/rescue_summary.md": "# Rescue",
        "benchmarks/table_02.tsv": "s\tcpu_time\n0.5\t0.25\n",
        "benchmarks/table_13.tsv": "s\tcpu_time\n1.5\t1\n",
        "benchmarks/train/rgb10.tsv": "s\tcpu_time\n60.25\t50\n",
        "benchmarks/train/rgb1.tsv": "s\tcpu_time\n30\t20\n",
        "benchmarks/read_faces/wflw.tsv": "s\tcpu_time\n0.5\tNA\n",
        "benchmarks/split_photos/wflw.tsv": "s\tcpu_time\n0.25\tNA\n",
        "figures/figure_17.png": "",
        "report.html": "",
        "workflow.html": "",
    }
    for name, text in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert main(["summary", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if " jobs " in line] == [
        ["train", "2", "jobs", "90.2", "s", "70.0", "s"],
        ["tables", "2", "jobs", "2.0", "s", "1.2", "s"],
        ["others", "2", "jobs", "0.8", "s", "0.0", "s"],
        ["all", "6", "jobs", "93.0", "s", "71.2", "s"],
    ]
    assert lines[-1].endswith(f"{tmp_path / 'report.html'}") and str(tmp_path / "workflow.html") in lines[-2]
    assert not [line for line in lines if line.startswith("#")]
    assert main(["summary", str(tmp_path), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["stages"]["train"] == {"jobs": 2, "seconds": 90.25, "cpu_seconds": 70}
    assert values["folders"]["figures"] == {"path": str(tmp_path / "figures"), "count": 1}
    assert values["reports"]["report.html"] == str(tmp_path / "report.html")
    assert main(["summary", str(tmp_path), "--tables"]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("#")]
    assert told == ["# Two", "# Thirteen", "# Rescue"]


def test_a_folder_that_is_no_run_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", str(tmp_path)]) == 2
    assert "has no tables" in capsys.readouterr().err
