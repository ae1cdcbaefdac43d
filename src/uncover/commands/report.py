"""Report of a run: comparison with the thesis, HTML page, summary; comparison of two runs."""

from __future__ import annotations

import argparse
import functools
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from uncover.commands import verb
from uncover.commands._shared_arguments import (
    add_resampling_arguments,
    add_settings_argument,
    add_true_iou_argument,
    check_resampling_arguments,
)
from uncover.config.catalogue import FigurePrivacy

if TYPE_CHECKING:
    from uncover.workflow.costs import Spent

logger = logging.getLogger(__name__)


def _comparison_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="file to write")
    parser.add_argument(
        "--tables", type=Path, nargs="*", default=[], metavar="TABLE.csv", help="table_01.csv and others of the run"
    )
    parser.add_argument(
        "--records",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="further records of the run, in its folders, such as metrics/rgb10/val/all/summary.json",
    )
    parser.add_argument(
        "--published", type=Path, required=True, metavar="FILE", help="numbers of the thesis (config/published.yaml)"
    )
    add_settings_argument(parser)
    parser.add_argument(
        "--not-comparable",
        default="",
        metavar="WHY",
        help='reason why the numbers are not comparable, such as "synthetic data"',
    )


@verb("comparison", "compare the numbers of a run with those of the thesis", _comparison_arguments)
def run_comparison(args: argparse.Namespace) -> int:
    """Write every number that the thesis prints beside that of a run, with its interval.

    Numbers that a run does not have are n/a. Columns: table, row, column, published, ours, low, high, comparable and a
    note. Numbers of the running text of the thesis have "text" as table.

    Examples:
      uncover comparison comparison.csv --tables results/demo/tables/table_07.csv --published config/published.yaml
    """
    from uncover.atomic import check_new_file
    from uncover.config.load import check_config
    from uncover.config.values import read_pairs
    from uncover.console import wrote
    from uncover.errors import InputError
    from uncover.report.comparison import write_comparison

    if args.out.suffix != ".csv":
        raise InputError(f"{args.out}: expected OUT.csv, the file to write")
    check_new_file(args.out)
    # The name of the run has no effect on its settings.
    values = {"run": "unnamed", **read_pairs(args.settings, "--settings")}
    settings = check_config(values, "--settings").model_dump(mode="json")
    write_comparison(args.out, args.tables, args.records, args.published, settings, args.not_comparable)
    wrote(args.out)
    return 0


def _page_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.html", help="file to write")
    parser.add_argument("--run", required=True, dest="run_name", metavar="NAME", help="name of the run")
    parser.add_argument("--tables", type=Path, nargs="*", default=[], metavar="TABLE.md", help="tables, as Markdown")
    parser.add_argument("--figures", type=Path, nargs="*", default=[], metavar="FIGURE.png", help="figures, as PNG")
    parser.add_argument("--trial", type=Path, metavar="FILE", help="rescue_trial.csv of `uncover rescue_trial`")
    parser.add_argument("--videos", type=Path, metavar="FILE", help="videos.csv of `uncover evaluate videos`")
    parser.add_argument("--comparison", type=Path, metavar="FILE", help="comparison.csv of `uncover comparison`")
    parser.add_argument(
        "--rescues",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="rescue.csv of `uncover evaluate second`, in folders named as the model",
    )
    parser.add_argument(
        "--validations",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="summary.json of `uncover evaluate`, in folders named <model>/val/whole_face",
    )
    parser.add_argument(
        "--trainings",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="summary.json of `uncover train`, in folders named as the model",
    )
    strip = parser.add_argument_group("image strip", "a missed photo, its heatmap and the detections; requires --trial")
    strip.add_argument(
        "--datasets", type=Path, nargs="*", default=[], metavar="DIR", help="data sets, in folders named as their set"
    )
    strip.add_argument(
        "--missed", type=Path, nargs="*", default=[], metavar="SET.csv", help="their tables of `uncover missed`"
    )
    strip.add_argument(
        "--predictions",
        type=Path,
        metavar="DIR",
        help="folder with <method>/<set>.parquet of all methods of the trial",
    )
    strip.add_argument("--heatmaps", type=Path, metavar="DIR", help="folder with the heatmap sets <kind>/<set>")
    strip.add_argument(
        "--methods",
        nargs="*",
        default=[],
        metavar="NAME=GROUP[:HEATMAPS:INPUT]",
        help="as for `uncover rescue_trial`",
    )
    add_true_iou_argument(strip)
    strip.add_argument(
        "--privacy",
        choices=get_args(FigurePrivacy),
        default="pixelate",
        help="how faces of patients are hidden (default: pixelate)",
    )
    add_settings_argument(parser)
    parser.add_argument(
        "--facts",
        nargs="*",
        default=[],
        metavar="NAME=TEXT",
        help='further facts about the run, such as "Data=synthetic data"',
    )


@verb("page", "write the report of a run as one HTML file", _page_arguments)
def run_page(args: argparse.Namespace) -> int:
    """Write the report of a run as one self-contained HTML file: verdict, tables, figures, comparison and settings.

    Examples:
      uncover page report.html --run demo --tables results/demo/tables/table_07.md
    """
    from uncover.atomic import check_new_file
    from uncover.config.load import check_config
    from uncover.config.values import check_number, read_pairs
    from uncover.console import wrote
    from uncover.errors import InputError
    from uncover.report.page import PageParts, write_page
    from uncover.report.picture_strip import StripParts
    from uncover.rescue.methods import read_methods

    if args.out.suffix != ".html":
        raise InputError(f"{args.out}: expected OUT.html, the file to write")
    check_new_file(args.out)
    for pair in args.facts:
        if "=" not in pair:
            raise InputError(f"{pair}: expected name=value")
    check_number("--true-iou", args.true_iou, 0, 1)
    strip = None
    if args.trial and args.missed and args.datasets:
        if args.predictions is None or args.heatmaps is None:
            raise InputError("--missed requires --predictions and --heatmaps too, for the image strip")
        strip = StripParts(
            datasets=args.datasets,
            missed=args.missed,
            predictions=args.predictions,
            heatmaps=args.heatmaps,
            methods=read_methods(args.methods),
            true_iou=args.true_iou,
            privacy=args.privacy,
        )
    parts = PageParts(
        tables=args.tables,
        figures=args.figures,
        trial=args.trial,
        comparison=args.comparison,
        rescues=args.rescues,
        validations=args.validations,
        trainings=args.trainings,
        videos=args.videos,
        strip=strip,
    )
    values = {"run": args.run_name, **read_pairs(args.settings, "--settings")}
    config = check_config(values, "--settings").model_dump(mode="json")
    # Those of the detectors are in a table of their own.
    seeds = ", ".join(f"{name} {section['seed']}" for name, section in config.items() if _has_seed(section))
    facts = {"Seeds": seeds, **dict(pair.split("=", 1) for pair in args.facts)}
    write_page(args.out, args.run_name, parts, args.settings, facts)
    text = f"{len(args.tables)} tables, {len(args.figures)} figures"
    wrote(args.out, text, tables=len(args.tables), figures=len(args.figures))
    return 0


def _has_seed(section: object) -> bool:
    return isinstance(section, dict) and "seed" in section


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", type=Path, metavar="RUN_A", help="folder of a run, such as results/as_released")
    parser.add_argument("b", type=Path, metavar="RUN_B", help="folder of another run, such as results/thesis")
    parser.add_argument("--out", type=Path, metavar="OUT.csv", help="write all numbers to OUT.csv, OUT.md and OUT.tex")
    add_resampling_arguments(parser)


@verb("compare", "compare the tables of two runs, with paired intervals", _compare_arguments)
def run_compare(args: argparse.Namespace) -> int:
    """Compare the tables of two runs, number by number: A, B, and B - A.

    Rows and columns are matched by name. Rows of only one run, and text that differs, are listed separately. Scores of
    a detector get a paired interval if both runs have its predictions and labels on the same photos: both are scored on
    the same resamples. Prints a summary. To compare a run with the numbers of the thesis, see `uncover comparison`.

    Examples:
      uncover compare results/as_released results/thesis
      uncover compare results/demo results/mine --out compared.csv --json
    """
    from uncover.atomic import check_new_file
    from uncover.console import result, wrote
    from uncover.errors import InputError
    from uncover.report.compared_runs import as_values, compare_runs, read_runs, summary_text, write_lines

    check_resampling_arguments(args)
    if args.out is not None:
        if args.out.suffix != ".csv":
            raise InputError(f"{args.out}: expected OUT.csv, the file to write")
        check_new_file(args.out)
    a, b = read_runs(args.a, args.b)
    lines = compare_runs(a, b, args.bootstrap, args.seed)
    if args.out is not None:
        write_lines(args.out, lines, a, b)
        wrote(args.out, f"{len(lines)} lines", lines=len(lines))
    print(summary_text(lines, a, b), end="")
    result(as_values(lines, a, b))
    return 0


REPORTS = {
    "comparison.csv": "comparison with the thesis",
    "workflow.html": "report of Snakemake, with every rule and its code",
    "report.html": "report of the results",
}


SMALL_SHARE = 0.01
"""Share of the whole time: rules below it are summed up in one line."""


def _summary_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of the run, such as results/demo")
    parser.add_argument("--tables", action="store_true", help="print the tables of the thesis too")


@verb("summary", "print the results of a run, where they are, and its times", _summary_arguments)
def run_summary(args: argparse.Namespace) -> int:
    """Print the time of a run by rule, and the folders and reports with its results.

    Examples:
      uncover summary results/demo
      uncover summary results/demo --tables
    """
    from uncover.console import result
    from uncover.errors import InputError
    from uncover.paths import RunPaths
    from uncover.workflow.costs import seconds_at_work, spent_by_rule

    paths = RunPaths(args.run_folder)
    tables, benchmarks = Path(paths.tables), Path(paths.benchmarks)
    if not tables.is_dir():
        raise InputError(f"{args.run_folder}: has no tables; expected the folder of a run, such as results/demo")
    if args.tables:
        for path in [*sorted(tables.glob("table_[01][0-9].md")), *sorted(tables.glob("rescue_*.md"))]:
            print(path.read_text(encoding="utf-8"))
    stages = _stages(spent_by_rule(benchmarks))
    print("time by rule: number of jobs, wall-clock seconds, CPU seconds")
    for stage, (jobs, seconds, processor) in stages.items():
        print(f"  {stage:<20} {jobs:>4} jobs {seconds:>8.1f} s {processor:>8.1f} s")
    print(f"wall-clock time of all jobs, which ran in parallel: {seconds_at_work(benchmarks):.0f} s")
    folders: dict[str, dict[str, object]] = {}
    for folder in map(Path, (paths.tables, paths.figures, paths.datasets, paths.all_heatmaps)):
        if folder.is_dir():
            names = {path.stem for path in folder.iterdir() if not path.name.startswith(".")}
            print(f"{folder.name}: {folder} ({len(names)})")
            folders[folder.name] = {"path": str(folder), "count": len(names)}
    reports = {name: args.run_folder / name for name in REPORTS if (args.run_folder / name).is_file()}
    for name, path in reports.items():
        print(f"{REPORTS[name]}: {path}")
    result(
        {
            "stages": {
                stage: dict(zip(("jobs", "seconds", "cpu_seconds"), spent, strict=True))
                for stage, spent in stages.items()
            },
            "run_seconds": seconds_at_work(benchmarks),
            "folders": folders,
            "reports": {name: str(path) for name, path in reports.items()},
        }
    )
    return 0


def _stages(rules: Mapping[str, Spent]) -> dict[str, Spent]:
    """Rules by their time, the longest first; tables, figures and short rules are one line each; the sum is last."""
    from uncover.report.registry import declared
    from uncover.workflow.costs import Spent

    whole = functools.reduce(Spent.plus, rules.values(), Spent())
    stages: dict[str, Spent] = {}
    for rule, own in rules.items():
        small = own.seconds < SMALL_SHARE * whole.seconds
        stage = f"{declared()[rule].kind}s" if rule in declared() else "others" if small else rule
        stages[stage] = stages.get(stage, Spent()).plus(own)
    order = sorted(stages, key=lambda stage: (stage == "others", -stages[stage].seconds))
    return {stage: stages[stage] for stage in order} | {"all": whole}
