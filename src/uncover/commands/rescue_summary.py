"""The rescue summary: what share of the missed faces each method finds, at equally many false boxes."""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import add_not_run_argument

SUMMARY = "write the rescue summary: who finds the missed faces, at equally many false boxes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for rescue_summary.csv, .md and .tex")
    parser.add_argument("--trial", type=Path, required=True, help="rescue_trial.csv of `uncover rescue_trial`")
    add_not_run_argument(parser)


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.not_run import read_not_run
    from uncover.report.tables.rescue_summary import write_rescue_summary

    write_rescue_summary(args.trial, read_not_run(args.not_run), args.out)
    return 0
