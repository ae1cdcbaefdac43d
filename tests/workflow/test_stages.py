"""How long a run took, from its benchmark files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from uncover.workflow.stages import seconds_at_work, seconds_by_rule


def write_benchmark(path: Path, seconds: float, ended: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\n{seconds}\t0:00:00\n", encoding="utf-8")
    os.utime(path, (ended, ended))


def test_time_by_the_clock_counts_jobs_side_by_side_once_and_pauses_not_at_all(tmp_path: Path) -> None:
    write_benchmark(tmp_path / "train" / "rgb10.tsv", 60, 1060)
    write_benchmark(tmp_path / "train" / "rgb1.tsv", 30, 1070)
    write_benchmark(tmp_path / "predict" / "rgb1" / "val.tsv", 5, 1050)
    write_benchmark(tmp_path / "table_01.tsv", 2.5, 90_000)
    assert seconds_at_work(tmp_path) == pytest.approx(70 + 2.5)
    assert seconds_by_rule(tmp_path) == {"predict": (1, 5), "table_01": (1, 2.5), "train": (2, 90)}


def test_a_run_without_benchmarks_took_no_time(tmp_path: Path) -> None:
    assert seconds_at_work(tmp_path / "benchmarks") == 0
