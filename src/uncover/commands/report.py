"""The report of a run: comparison, page, summary."""

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
    check_resampling_arguments,
)
from uncover.config.catalogue import FigurePrivacy

if TYPE_CHECKING:
    from uncover.workflow.costs import Spent

logger = logging.getLogger(__name__)


def _comparison_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="file to write")
    parser.add_argument("--tables", type=Path, nargs="*", default=[], help="table_01.csv and others of the run")
    parser.add_argument(
        "--records",
        type=Path,
        nargs="*",
        default=[],
        help="further records of the run, under their names there, such as metrics/rgb10/val/all/summary.json",
    )
    parser.add_argument("--published", type=Path, required=True, help="the thesis's numbers (config/published.yaml)")
    add_settings_argument(parser)
    parser.add_argument(
        "--not-comparable",
        default="",
        metavar="WHY",
        help='say of every number why it is not, such as "synthetic data"',
    )


@verb("comparison", "write the comparison with the thesis's numbers", _comparison_arguments)
def run_comparison(args: argparse.Namespace) -> int:
    """Every number that the thesis prints beside ours, with its interval.

    What a run does not have is n/a, never left out. Columns: table, row, column, published, ours, low, high,
    comparable and a note. Numbers of the thesis's running text stand there as the table "text".
    """
    from uncover.atomic import check_new_file
    from uncover.config.load import check_config
    from uncover.config.values import read_pairs
    from uncover.errors import InputError
    from uncover.report.comparison import write_comparison

    if args.out.suffix != ".csv":
        raise InputError(f"{args.out}: expected OUT.csv, the file to write")
    check_new_file(args.out)
    # Whatever the run is called, its settings are read the same.
    values = {"run": "unnamed", **read_pairs(args.settings, "--settings")}
    settings = check_config(values, "--settings").model_dump(mode="json")
    write_comparison(args.out, args.tables, args.records, args.published, settings, args.not_comparable)
    return 0


def _page_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.html", help="file to write")
    parser.add_argument("--run", required=True, dest="run_name", metavar="NAME", help="name of the run")
    parser.add_argument("--tables", type=Path, nargs="*", default=[], metavar="TABLE.md")
    parser.add_argument("--figures", type=Path, nargs="*", default=[], metavar="FIGURE.png")
    parser.add_argument("--trial", type=Path, help="rescue_trial.csv of `uncover rescue_trial`")
    parser.add_argument("--videos", type=Path, help="videos.csv of `uncover evaluate videos`")
    parser.add_argument("--comparison", type=Path, help="comparison.csv of `uncover comparison`")
    parser.add_argument("--rescues", type=Path, nargs="*", default=[], help="rescue.csv, in folders named as the model")
    parser.add_argument(
        "--validations",
        type=Path,
        nargs="*",
        default=[],
        help="summary.json of `uncover evaluate`, in folders named <model>/val/whole_face",
    )
    parser.add_argument(
        "--trainings",
        type=Path,
        nargs="*",
        default=[],
        help="summary.json of `uncover train`, in folders named as the model",
    )
    strip = parser.add_argument_group("first pictures", "a missed photo, its heatmap and what was found; needs --trial")
    strip.add_argument("--datasets", type=Path, nargs="*", default=[], help="data sets, in folders named as their set")
    strip.add_argument("--missed", type=Path, nargs="*", default=[], help="their tables of `uncover missed`")
    strip.add_argument(
        "--predictions", type=Path, help="folder with <method>/<set>.parquet of all methods of the trial"
    )
    strip.add_argument("--heatmaps", type=Path, help="folder with <kind>/<set> of the heatmaps")
    strip.add_argument(
        "--methods",
        nargs="*",
        default=[],
        metavar="NAME=GROUP[:HEATMAPS:INPUT]",
        help="as `uncover rescue_trial` was given them: a detector has no boxes where its heatmap is blank",
    )
    strip.add_argument("--true-iou", type=float, default=0.5, help="from which a box is correct (default: 0.5)")
    strip.add_argument(
        "--privacy",
        choices=get_args(FigurePrivacy),
        default="pixelate",
        help="what of frames of patients may be shown (default: pixelate)",
    )
    add_settings_argument(parser)
    parser.add_argument(
        "--facts",
        nargs="*",
        default=[],
        metavar="NAME=TEXT",
        help='further lines on how it was made, "Data=synthetic data"',
    )


@verb("page", "write the report of a run as one HTML file", _page_arguments)
def run_page(args: argparse.Namespace) -> int:
    """The report of a run as one HTML file: verdict, tables, figures, comparison, and how it was made.

    It holds everything itself and asks for nothing else. Tables are given in their Markdown form, figures as PNG.
    """
    from uncover.atomic import check_new_file
    from uncover.config.load import check_config
    from uncover.config.values import check_number, read_pairs
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
            raise InputError("--missed needs --predictions and --heatmaps too, for the first pictures")
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
    # Those of the detectors stand in a table of their own.
    seeds = ", ".join(f"{name} {section['seed']}" for name, section in config.items() if _has_seed(section))
    facts = {"Seeds": seeds, **dict(pair.split("=", 1) for pair in args.facts)}
    write_page(args.out, args.run_name, parts, args.settings, facts)
    logger.info(f"{args.out}: {len(args.tables)} tables, {len(args.figures)} figures")
    return 0


def _has_seed(section: object) -> bool:
    return isinstance(section, dict) and "seed" in section


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", type=Path, metavar="RUN_A", help="folder of a run, such as results/as_released")
    parser.add_argument("b", type=Path, metavar="RUN_B", help="folder of another run, such as results/thesis")
    parser.add_argument("--out", type=Path, metavar="OUT.csv", help="write every number there, and OUT.md and OUT.tex")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    add_resampling_arguments(parser)


@verb("compare", "put the tables of two runs side by side, with paired intervals", _compare_arguments)
def run_compare(args: argparse.Namespace) -> int:
    """Put every number of the tables of two runs side by side: A, B, and B less A.

    Rows and columns are matched by their names; what only one run has is listed as such, and so are words that differ.
    Scores of one detector get a paired interval where both runs have its predictions and labels on the very same
    photos: both are scored on the same draws of photos. Prints a summary; for what a run has beside the thesis's own
    numbers see `uncover comparison`.
    """
    import json

    from uncover.atomic import check_new_file
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
        logger.info(f"{args.out}: {len(lines)} lines")
    if args.json:
        print(json.dumps(as_values(lines, a, b), indent=1))
    else:
        print(summary_text(lines, a, b), end="")
    return 0


REPORTS = {
    "comparison.csv": "beside the thesis",
    "workflow.html": "report of Snakemake, with every rule and its code",
    "report.html": "report, the one to read",
}


SMALL_SHARE = 0.01
"""Of all time: rules below it are told together."""


def _summary_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of the run, such as results/demo")
    parser.add_argument("--tables", action="store_true", help="print the thesis's tables too")


@verb("summary", "print what a run has made, and where", _summary_arguments)
def run_summary(args: argparse.Namespace) -> int:
    """Print where the time of a run went, and where its results are."""
    from uncover.errors import InputError
    from uncover.paths import RunPaths
    from uncover.workflow.costs import seconds_at_work, spent_by_rule

    paths = RunPaths(args.run_folder)
    tables, benchmarks = Path(paths.tables), Path(paths.benchmarks)
    if not tables.is_dir():
        raise InputError(f"{args.run_folder}: no tables in it; expected the folder of a run, such as results/demo")
    if args.tables:
        for path in [*sorted(tables.glob("table_[01][0-9].md")), *sorted(tables.glob("rescue_*.md"))]:
            print(path.read_text(encoding="utf-8"))
    stages = _stages(spent_by_rule(benchmarks))
    print("where the time went: jobs, their seconds by the clock, seconds of processors")
    for stage, (jobs, seconds, processor) in stages.items():
        print(f"  {stage:<20} {jobs:>4} jobs {seconds:>8.1f} s {processor:>8.1f} s")
    print(f"by the clock, as they ran side by side: {seconds_at_work(benchmarks):.0f} s")
    for folder in map(Path, (paths.tables, paths.figures, paths.datasets, paths.all_heatmaps)):
        if folder.is_dir():
            names = {path.stem for path in folder.iterdir() if not path.name.startswith(".")}
            print(f"{folder.name}: {folder} ({len(names)})")
    for name, what in REPORTS.items():
        if (args.run_folder / name).is_file():
            print(f"{what}: {args.run_folder / name}")
    return 0


def _stages(rules: Mapping[str, Spent]) -> dict[str, Spent]:
    """What took most first; tables, figures and what took little each on one line; all together last."""
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
