"""The rescue summary's sibling: every detector alone and with a rescue behind it."""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import add_not_run_argument

SUMMARY = "write what every detector finds alone and with a rescue behind it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for rescue_summary_rivals.csv, .md and .tex")
    parser.add_argument("--cascade", type=Path, required=True, help="rescue_cascade.csv of `uncover rescue_cascade`")
    add_not_run_argument(parser)


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.not_run import read_not_run
    from uncover.report.tables.rescued_rivals import write_rescued_rivals

    write_rescued_rivals(args.cascade, read_not_run(args.not_run), args.out)
    return 0
