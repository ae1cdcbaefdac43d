"""Targets that are asked for by name: all files of one kind, and the tables of another run beside ours."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.dag.conftest import Checkout

TABLES, FIGURES = ("table_", "rescue_summary"), ("figure_",)


@pytest.mark.parametrize(
    ("target", "made", "not_made"),
    [
        pytest.param(
            "datasets",
            {"label_faces": 4, "label_frames": 4},
            ("train", "predict", *TABLES, *FIGURES),
            marks=pytest.mark.whole_run,
        ),
        pytest.param("models", {"train": 8}, ("predict_second", *TABLES, *FIGURES), marks=pytest.mark.whole_run),
        pytest.param(
            "heatmaps",
            {"make_heatmaps_learned": 1, "make_heatmaps_tested": 1, "draw_boxes": 7},
            ("predict_second", "evaluate", *TABLES, *FIGURES),
            marks=pytest.mark.whole_run,
        ),
        ("tables", {"table_04": 1, "rescue_summary": 1, "table_web": 1}, ("comparison", "report_page", *FIGURES)),
        pytest.param(
            "figures",
            {"figure_15": 1, "figure_31": 1, "figure_rescue": 1},
            ("comparison", "report_page", "table_"),
            marks=pytest.mark.whole_run,
        ),
        ("report", {"report_page": 1, "comparison": 1, "table_04": 1, "figure_31": 1}, ("all",)),
    ],
)
def test_a_kind_of_files_is_a_target(
    plain_checkout: Checkout, target: str, made: dict[str, int], not_made: tuple[str, ...]
) -> None:
    jobs = plain_checkout.planned(target)
    assert jobs.pop(target) == 1
    assert {rule: jobs.get(rule) for rule in made} == made
    assert [rule for rule in jobs if rule.startswith(not_made)] == []


def dry_run(checkout: Checkout, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(checkout.python), "-m", "snakemake", "--cores", "2", "--dry-run", *words]
    command += ["--configfile", "config/tiny.yaml"]
    return subprocess.run(command, cwd=checkout.root, capture_output=True, text=True)


@pytest.mark.whole_run
def test_another_run_is_compared_as_it_lies_on_the_disk(plain_checkout: Checkout, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout", plain_checkout.python)
    shutil.copytree(plain_checkout.root, checkout.root, symlinks=True)
    target = "results/tiny/compare/other.csv"
    done = dry_run(checkout, target)
    told = (done.stdout + done.stderr).strip().splitlines()
    assert done.returncode == 2
    assert told[-1] == "error: results/other: contains no tables; make that run first, with its own config"
    assert not any("Traceback" in line or "Exception" in line for line in told)
    for name in ("tables/table_04.csv", "tables/own.csv", "predictions/rgb1/val.parquet"):
        file = checkout.root / "results" / "other" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    done = dry_run(checkout, target)
    assert done.returncode == 0, done.stderr
    (block,) = [block for block in (done.stdout + done.stderr).split("\n\n") if "rule compare_runs:" in block]
    for name in ("results/other/tables/own.csv", "results/other/predictions/rgb1/val.parquet"):
        assert name in block
    assert "results/tiny/tables/table_13.csv" in block and "results/tiny/compare/other.md" in block


def test_a_run_is_not_compared_with_itself(plain_checkout: Checkout) -> None:
    done = dry_run(plain_checkout, "results/tiny/compare/tiny.csv")
    assert done.returncode != 0 and "compare/tiny.csv" in done.stdout + done.stderr
