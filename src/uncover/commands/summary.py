"""Print where the results of a run are, the tables it has, and how long each stage took."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "print what a run has made, and where"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of the run, such as results/demo")


def run(args: argparse.Namespace) -> int:
    from uncover.errors import InputError
    from uncover.workflow.stages import seconds_by_rule

    if not (args.run_folder / "tables").is_dir():
        raise InputError(f"{args.run_folder}: no tables in it; expected the folder of a run, such as results/demo")
    for path in sorted((args.run_folder / "tables").glob("table_0*.md")):
        print(path.read_text(encoding="utf-8"))
    print("seconds by stage (jobs that run side by side are added up)")
    for rule, (jobs, seconds) in seconds_by_rule(args.run_folder / "benchmarks").items():
        print(f"  {rule:<16} {jobs:>3} jobs {seconds:>8.1f} s")
    for folder in (args.run_folder / kind for kind in ("tables", "figures", "datasets", "heatmaps")):
        if folder.is_dir():
            names = sorted({path.stem for path in folder.iterdir() if not path.name.startswith(".")})
            print(f"{folder.name}: {folder} ({', '.join(names)})")
    report = args.run_folder / "report.html"
    if report.is_file():
        print(f"report: {report}")
    return 0
