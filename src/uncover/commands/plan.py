"""Say what a run will cost before it is started: jobs, time, GPUs, disk, and why each expensive job runs.

TARGET is a file of a run or a rule; without one it is everything. Nothing is run. Times are foretold from the benchmark
files of earlier runs in results/, larger or smaller ones too; --speeds FILE states those of a machine that is not at
hand, as YAML: a rule a line, {start: seconds, each: seconds for a unit of work}.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "say what a run will cost, and why its jobs run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="file of a run, or rule (default: everything)")
    add_config_arguments(parser)
    parser.add_argument(
        "--gpus", type=int, nargs="+", default=[1], metavar="N", help="machines to simulate, by their GPUs (default: 1)"
    )
    parser.add_argument("--cores", type=int, default=8, metavar="N", help="processors beside each GPU (default: 8)")
    parser.add_argument(
        "--wait", type=float, default=5.0, metavar="S", help="seconds that a job waits before it begins (default: 5)"
    )
    parser.add_argument("--speeds", type=Path, metavar="FILE", help="speeds of another machine, by rule")
    parser.add_argument(
        "--photos", nargs="+", default=[], metavar="SET=N", help="sizes of sets that are not made yet, such as hof=4384"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Which config a run has, as Snakemake is told."""
    parser.add_argument(
        "--configfile", type=Path, nargs="+", default=[], metavar="FILE", help="config (default: config/demo.yaml)"
    )
    parser.add_argument(
        "--config", nargs="+", default=[], metavar="KEY=VALUE", help="values that replace some of the config's"
    )


def run(args: argparse.Namespace) -> int:
    import json
    import shutil

    from uncover.config.options import check_number
    from uncover.config.values import read_pairs
    from uncover.workflow.costs import Costs, measured_jobs, read_speeds
    from uncover.workflow.engine import read_plan
    from uncover.workflow.plan import look_ahead, outlook_text
    from uncover.workflow.work import Work, read_photos

    for count in args.gpus:
        check_number("--gpus", count, 0)
    check_number("--cores", args.cores, 1)
    check_number("--wait", args.wait, 0)
    results = Path("results")
    speeds = read_speeds(args.speeds) if args.speeds else None
    plan = read_plan(args.targets, args.configfile, read_pairs(args.config, "--config"))
    costs = Costs(measured_jobs(plan, results), speeds)
    work = Work(plan.config, read_photos(args.photos))
    outlook = look_ahead(plan, work, costs, results, args.gpus, args.cores, args.wait)
    if args.json:
        print(json.dumps(outlook.to_dict(), indent=1))
    else:
        free = shutil.disk_usage(results if results.is_dir() else Path(".")).free
        print(outlook_text(outlook, plan, free), end="")
    return 0
