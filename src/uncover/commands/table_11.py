"""Table 11: frames whose face the RGB detector found or missed, and how many missed ones give a heatmap."""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import add_true_iou_argument

SUMMARY = "write table 11: graded frames found and missed by the RGB detector"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_11.csv, .md and .tex")
    parser.add_argument(
        "--predictions", type=Path, nargs="+", required=True, help="of rgb10, files named slapi_<grade>.parquet"
    )
    parser.add_argument(
        "--datasets", type=Path, nargs="+", required=True, help="folders of the same sets, named slapi_<grade>"
    )
    parser.add_argument(
        "--missed", type=Path, nargs="+", required=True, help="tables of `uncover missed`, named slapi_<grade>.csv"
    )
    parser.add_argument(
        "--confidence", type=float, default=0.4, help="lowest of a face that counts as found (default: 0.4)"
    )
    add_true_iou_argument(parser)
    parser.add_argument("--published", type=Path, required=True, help="the thesis's numbers (config/published.yaml)")


def run(args: argparse.Namespace) -> int:
    from uncover.config.options import check_number
    from uncover.report.tables.missed_frames import write_missed_frames

    check_number("--true-iou", args.true_iou, 0, 1)
    write_missed_frames(
        args.predictions, args.datasets, args.missed, args.confidence, args.published, args.out, args.true_iou
    )
    return 0
