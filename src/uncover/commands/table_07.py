"""Table 7: the heatmap detectors on val and both test sets."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write table 7: the heatmap detectors on val and both test sets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_07.csv, .md and .tex")
    parser.add_argument(
        "--summaries",
        type=Path,
        nargs="+",
        required=True,
        help="summary.json of evaluations, in folders named <model>/<set>/whole_face, set = val, merl, wflw",
    )
    parser.add_argument("--published", type=Path, help="the thesis's numbers (config/published.yaml)")
    parser.add_argument(
        "--variants",
        nargs="+",
        default=[],
        metavar="NAME",
        help="detectors of other kinds of heatmaps: write table_07_variants of these instead",
    )


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.heatmap_detectors import write_heatmap_detectors

    write_heatmap_detectors("table_07", args.summaries, args.published, args.variants, args.out)
    return 0
