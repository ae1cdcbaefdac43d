"""The report of a run as one HTML file: verdict, tables, figures, comparison, and how it was made.

It holds everything itself and asks for nothing else. Tables are given in their Markdown form, figures as PNG.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import add_settings_argument

SUMMARY = "write the report of a run as one HTML file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
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
    add_settings_argument(parser)
    parser.add_argument(
        "--facts", nargs="*", default=[], metavar="NAME=TEXT", help='further lines on how it was made, "Data=stand-in"'
    )


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_new_file
    from uncover.config.load import check_config
    from uncover.config.values import read_pairs
    from uncover.console import say
    from uncover.errors import InputError
    from uncover.report.page import Parts, write_page

    if args.out.suffix != ".html":
        raise InputError(f"{args.out}: expected OUT.html, the file to write")
    check_new_file(args.out)
    for pair in args.facts:
        if "=" not in pair:
            raise InputError(f"{pair}: expected name=value")
    parts = Parts(
        tables=args.tables,
        figures=args.figures,
        trial=args.trial,
        comparison=args.comparison,
        rescues=args.rescues,
        validations=args.validations,
        trainings=args.trainings,
        videos=args.videos,
    )
    values = {"run": args.run_name, **read_pairs(args.settings, "--settings")}
    config = check_config(values, "--settings").model_dump(mode="json")
    # Those of the detectors stand in a table of their own.
    seeds = ", ".join(f"{name} {section['seed']}" for name, section in config.items() if _has_seed(section))
    facts = {"Seeds": seeds, **dict(pair.split("=", 1) for pair in args.facts)}
    write_page(args.out, args.run_name, parts, args.settings, facts)
    say(f"{args.out}: {len(args.tables)} tables, {len(args.figures)} figures")
    return 0


def _has_seed(section: object) -> bool:
    return isinstance(section, dict) and "seed" in section
