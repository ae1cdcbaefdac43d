"""Table 5: the ten-part RGB detector, its whole-face class, on val and both test sets."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write table 5: the ten-part RGB detector, its whole-face class"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_05.csv, .md and .tex")
    parser.add_argument(
        "--summaries",
        type=Path,
        nargs="+",
        required=True,
        help="summary.json of `uncover evaluate`, in folders named <set>/whole_face, set = val, merl, wflw",
    )
    parser.add_argument("--published", type=Path, required=True, help="the thesis's numbers (config/published.yaml)")


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.detectors import write_scores_table

    write_scores_table("table_05", args.summaries, args.published, args.out)
    return 0
