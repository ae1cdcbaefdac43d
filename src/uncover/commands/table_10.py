"""Table 10: the ten-part RGB detector on frames of four grades of occlusion."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write table 10: the ten-part RGB detector on frames of each grade of occlusion"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_10.csv, .md and .tex")
    parser.add_argument(
        "--summaries",
        type=Path,
        nargs="+",
        required=True,
        help="summary.json of evaluations of rgb10, in folders named slapi_<grade>/whole_face",
    )
    parser.add_argument("--published", type=Path, required=True, help="the thesis's numbers (config/published.yaml)")


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.graded_frames import write_graded_frames

    write_graded_frames(args.summaries, args.published, args.out)
    return 0
