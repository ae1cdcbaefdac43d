"""Print where the results of a run are, the tables it has, and how long each stage took."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "print what a run has made, and where"
REPORTS = {
    "comparison.csv": "beside the thesis",
    "workflow.html": "report of Snakemake, with every rule and its code",
    "report.html": "report, the one to read",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of the run, such as results/demo")


def run(args: argparse.Namespace) -> int:
    from uncover.errors import InputError
    from uncover.paths import RunPaths
    from uncover.workflow.costs import seconds_at_work, seconds_by_rule

    paths = RunPaths(args.run_folder)
    tables, benchmarks = Path(paths.tables), Path(paths.benchmarks)
    if not tables.is_dir():
        raise InputError(f"{args.run_folder}: no tables in it; expected the folder of a run, such as results/demo")
    for path in [*sorted(tables.glob("table_[01][0-9].md")), *sorted(tables.glob("rescue_*.md"))]:
        print(path.read_text(encoding="utf-8"))
    print("seconds by stage (jobs that run side by side are added up)")
    stages = seconds_by_rule(benchmarks)
    for rule, (jobs, seconds) in sorted(stages.items(), key=lambda stage: -stage[1][1]):
        print(f"  {rule:<20} {jobs:>4} jobs {seconds:>8.1f} s")
    jobs = sum(number for number, _ in stages.values())
    seconds = sum(each for _, each in stages.values())
    at_work = seconds_at_work(benchmarks)
    print(f"  {'all':<20} {jobs:>4} jobs {seconds:>8.1f} s, in {at_work:.1f} s by the clock")
    for folder in map(Path, (paths.tables, paths.figures, paths.datasets, paths.all_heatmaps)):
        if folder.is_dir():
            names = sorted({path.stem for path in folder.iterdir() if not path.name.startswith(".")})
            print(f"{folder.name}: {folder} ({', '.join(names)})")
    for name, what in REPORTS.items():
        if (args.run_folder / name).is_file():
            print(f"{what}: {args.run_folder / name}")
    return 0
