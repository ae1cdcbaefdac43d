"""What surrounds a run: its plan, why something is made again, what is installed, the config's schema."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from uncover.commands import verb

logger = logging.getLogger(__name__)


def _plan_arguments(parser: argparse.ArgumentParser) -> None:
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


@verb("plan", "say what a run will cost, and why its jobs run", _plan_arguments)
def run_plan(args: argparse.Namespace) -> int:
    """Say what a run will cost before it is started: jobs, time, GPUs, disk, and why each expensive job runs.

    TARGET is a file of a run or a rule; without one it is everything. Nothing is run. Times are foretold from the
    benchmark files of earlier runs in results/, larger or smaller ones too; --speeds FILE states those of a machine
    that is not at hand, as YAML: a rule a line, or several as table_*, {start: seconds, each: seconds for a unit of
    work}. A time that cannot be known from these is not told, nor is a sum with it: the plan says which jobs those are,
    and what would make their time known.
    """
    import json
    import shutil

    from uncover.config.values import check_number, read_pairs
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
    _pass_on(plan.warnings)
    if args.json:
        print(json.dumps(outlook.to_dict(), indent=1))
    else:
        free = shutil.disk_usage(results if results.is_dir() else Path(".")).free
        print(outlook_text(outlook, plan, free), end="")
    return 0


def _pass_on(warnings: Sequence[str]) -> None:
    for line in warnings:
        logger.warning(line)


def _why_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", help="file that a run makes")
    add_config_arguments(parser)


@verb("why", "say why a file would be made again", _why_arguments)
def run_why(args: argparse.Namespace) -> int:
    """Say why a file would be made again: which file, definition in the code or field of the config is another than it
    was.

    PATH is a file that a run makes, such as results/demo/tables/table_07.csv. Nothing is run.
    """
    from uncover.config.values import read_pairs
    from uncover.errors import InputError
    from uncover.workflow.causes import Causes, causes_text
    from uncover.workflow.engine import read_plan
    from uncover.workflow.packages import other_versions

    plan = read_plan([args.path], args.configfile, read_pairs(args.config, "--config"))
    job = plan.maker(args.path)
    if job is None:
        raise InputError(f"{args.path}: no rule makes it; expected a file of {plan.run_folder}")
    _pass_on(plan.warnings)
    print(causes_text(Causes(plan), job, args.path), end="")
    for other in other_versions(plan):
        print(f"  {other}")
    return 0


THESIS = Path("config", "thesis.yaml")


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--configfile", type=Path, help=f"whose raw data to look for (default: {THESIS}, where there is one)"
    )


@verb("doctor", "print versions, GPUs, free disk, and which raw data is there", _doctor_arguments)
def run_doctor(args: argparse.Namespace) -> int:
    """Print what is installed, GPUs, free disk, and which raw data is present or missing and where to ask for it.

    It works in any folder; what only a checkout or a config can tell is "unknown" elsewhere. The exit code is 1 where
    there is a "problem", with which nothing works: a package that is not installed, or no room on the disk.
    """
    from uncover.config.load import load_config
    from uncover.workflow.doctor import examine

    file = args.configfile or (THESIS if THESIS.is_file() else None)
    findings = examine(None if file is None else load_config(file), Path("."))
    width = max(len(finding.topic) for finding in findings)
    for finding in findings:
        print(f"{finding.verdict:<8} {finding.topic:<{width}}  {finding.found}")
    return int(any(finding.verdict == "problem" for finding in findings))


def _schema_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, default=Path("config"), help="folder of schema.json and README.md")


@verb("schema", "write the config's schema and table of keys", _schema_arguments)
def run_schema(args: argparse.Namespace) -> int:
    """Write config/schema.json and the table of keys in config/README.md from the config model."""
    from uncover.atomic import new_file
    from uncover.config.document import schema_text, with_key_table

    readme = args.folder / "README.md"
    texts = {
        args.folder / "schema.json": schema_text(),
        readme: with_key_table(readme.read_text(encoding="utf-8")),
    }
    for path, text in texts.items():
        with new_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return 0
