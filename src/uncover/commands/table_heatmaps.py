"""Heatmaps that are blank, saturated or inverted, by variant, set and class (not in the thesis)."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write the table of blank and doubtful heatmaps"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_heatmaps.csv, .md and .tex")
    parser.add_argument(
        "--lints",
        type=Path,
        nargs="+",
        required=True,
        help="lint.csv of `uncover heatmaps collect`, in folders named <variant>/<set>",
    )


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.heatmaps import write_heatmaps

    write_heatmaps(args.lints, args.out)
    return 0
