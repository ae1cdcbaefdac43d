"""Plan of a run, reasons of its jobs, check of the installation, schema of the config."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from uncover.commands import verb

logger = logging.getLogger(__name__)


def _plan_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="file of a run, or rule (default: all)")
    add_config_arguments(parser)
    parser.add_argument(
        "--gpus", type=int, nargs="+", default=[1], metavar="N", help="GPUs of each machine to simulate (default: 1)"
    )
    parser.add_argument("--cores", type=int, default=8, metavar="N", help="CPU cores per GPU (default: 8)")
    parser.add_argument(
        "--wait",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="time before a job starts, as in a queue (default: 5)",
    )
    parser.add_argument(
        "--speeds", type=Path, metavar="FILE", help="YAML file with the speeds of another machine, by rule"
    )
    parser.add_argument(
        "--photos",
        nargs="+",
        default=[],
        metavar="SET=N",
        help="images of sets that do not exist yet, such as hof=4384",
    )


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """The config of a run, as for Snakemake."""
    parser.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="config files of the run (default: config/demo.yaml)",
    )
    parser.add_argument(
        "--config", nargs="+", default=[], metavar="KEY=VALUE", help="values that replace those of the config files"
    )


@verb("plan", "print the jobs, time and disk space that a run requires", _plan_arguments)
def run_plan(args: argparse.Namespace) -> int:
    """Print the jobs, time, GPUs and disk that a run requires, and why each expensive job runs. Nothing is run.

    TARGET is a file of a run or a rule; without one, the whole run. Times are estimated from the benchmark files of
    earlier runs in results/, also of larger or smaller ones. --speeds FILE gives those of another machine, as YAML: a
    line per rule, or for several such as table_*, {start: seconds, each: seconds per unit of work}. If a time cannot be
    estimated, neither it nor a sum with it is printed: the plan lists these jobs, and what to run for an estimate.

    Examples:
      uncover plan --configfile config/demo.yaml
      uncover plan table_07 --configfile config/thesis.yaml --gpus 1 4 8
      uncover plan --configfile config/thesis.yaml --speeds speeds.yaml --json
    """
    import shutil

    from uncover.config.values import check_number, read_pairs
    from uncover.console import result
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
    _log_warnings(plan.warnings)
    free = shutil.disk_usage(results if results.is_dir() else Path(".")).free
    print(outlook_text(outlook, plan, free), end="")
    result(outlook.to_dict())
    return 0


def _log_warnings(warnings: Sequence[str]) -> None:
    for line in warnings:
        logger.warning(line)


def _why_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", help="output file of a run")
    add_config_arguments(parser)


@verb("why", "print why a job of a run would run again", _why_arguments)
def run_why(args: argparse.Namespace) -> int:
    """Print why the job that writes a file would run again: the files, definitions in the code and config keys that
    changed since it ran. Nothing is run.

    PATH is an output file of a run, such as results/demo/tables/table_07.csv.

    Examples:
      uncover why results/demo/tables/table_07.csv
      uncover why results/mine/detectors/rgb10/weights.pt --configfile mine.yaml
    """
    from uncover.config.values import read_pairs
    from uncover.console import result
    from uncover.errors import InputError
    from uncover.workflow.causes import Causes, causes_text
    from uncover.workflow.engine import read_plan
    from uncover.workflow.packages import other_versions

    plan = read_plan([args.path], args.configfile, read_pairs(args.config, "--config"))
    job = plan.maker(args.path)
    if job is None:
        raise InputError(f"{args.path}: no rule writes it; expected a file of {plan.run_folder}")
    _log_warnings(plan.warnings)
    text, versions = causes_text(Causes(plan), job, args.path), list(map(str, other_versions(plan)))
    print(text, end="")
    for version in versions:
        print(f"  {version}")
    result({"path": args.path, "causes": text.splitlines(), "versions": versions})
    return 0


THESIS = Path("config", "thesis.yaml")


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--configfile",
        type=Path,
        metavar="FILE",
        help=f"config whose raw data is checked (default: {THESIS}, if it exists)",
    )


@verb("doctor", "check the installation: packages, GPUs, free disk, raw data", _doctor_arguments)
def run_doctor(args: argparse.Namespace) -> int:
    """Check the installation: versions of packages, GPUs, free disk, and the raw data that is present or missing, with
    the place to request it.

    Runs in any folder; findings that need a checkout or a config are "unknown" without one. The exit code is 1 if there
    is a "problem": a required package is missing, or the disk is full.

    Examples:
      uncover doctor
      uncover doctor --configfile mine.yaml --json
    """
    from uncover.config.load import load_config
    from uncover.console import result
    from uncover.workflow.doctor import examine

    file = args.configfile or (THESIS if THESIS.is_file() else None)
    findings = examine(None if file is None else load_config(file), Path("."))
    width = max(len(finding.topic) for finding in findings)
    for finding in findings:
        print(f"{finding.verdict:<8} {finding.topic:<{width}}  {finding.found}")
    fields = ("verdict", "topic", "found")
    result({"findings": [{field: getattr(finding, field) for field in fields} for finding in findings]})
    return int(any(finding.verdict == "problem" for finding in findings))


def _schema_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("config"),
        metavar="DIR",
        help="folder of schema.json and README.md (default: config)",
    )


@verb("schema", "write the config's schema and table of keys", _schema_arguments)
def run_schema(args: argparse.Namespace) -> int:
    """Write config/schema.json and the table of keys in config/README.md from the config model.

    Examples:
      uncover schema
    """
    from uncover.atomic import new_file
    from uncover.config.document import schema_text, with_key_table
    from uncover.console import wrote

    readme = args.folder / "README.md"
    texts = {
        args.folder / "schema.json": schema_text(),
        readme: with_key_table(readme.read_text(encoding="utf-8")),
    }
    for path, text in texts.items():
        with new_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        wrote(path)
    return 0
