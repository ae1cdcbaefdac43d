"""Table 9: what the heatmap detectors find in missed frames of Hand Over Face."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write table 9: the heatmap detectors on missed frames of Hand Over Face"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_09.csv, .md and .tex")
    parser.add_argument(
        "--records",
        type=Path,
        nargs="+",
        required=True,
        help="rescue.csv of `uncover evaluate_second`, in folders named as their detector",
    )
    parser.add_argument("--published", type=Path, help="the thesis's numbers (config/published.yaml)")
    parser.add_argument(
        "--variants",
        nargs="+",
        default=[],
        metavar="NAME",
        help="detectors of other kinds of heatmaps: write table_09_variants of these instead",
    )


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.rescued import write_rescued

    write_rescued("table_09", args.records, args.published, args.variants, args.out)
    return 0
