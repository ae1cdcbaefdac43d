"""Table 10's sibling: how all detectors, those of others too, score on whole faces, by set."""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import add_not_run_argument

SUMMARY = "write table 10's sibling: all detectors, those of others too, on every set"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_10_rivals.csv, .md and .tex")
    parser.add_argument(
        "--summaries",
        type=Path,
        nargs="*",
        default=[],
        help="summary.json of evaluations, in folders named <detector>/<set>/whole_face",
    )
    add_not_run_argument(parser)


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.not_run import read_not_run
    from uncover.report.tables.rivals_by_set import write_rivals_by_set

    write_rivals_by_set(args.summaries, read_not_run(args.not_run), args.out)
    return 0
