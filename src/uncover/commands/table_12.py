"""Table 12: scores of the heatmap detectors on missed frames, by grade of occlusion."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write table 12: scores of the heatmap detectors on missed frames, by grade"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_12.csv, .md and .tex")
    parser.add_argument(
        "--summaries",
        type=Path,
        nargs="+",
        required=True,
        help="summary.json of evaluations, in folders named <model>/slapi_<grade>/missed",
    )
    parser.add_argument("--published", type=Path, help="the thesis's numbers (config/published.yaml)")
    parser.add_argument(
        "--variants",
        nargs="+",
        default=[],
        metavar="NAME",
        help="detectors of other kinds of heatmaps: write table_12_variants of these instead",
    )


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.heatmap_detectors import write_heatmap_detectors

    write_heatmap_detectors("table_12", args.summaries, args.published, args.variants, args.out)
    return 0
