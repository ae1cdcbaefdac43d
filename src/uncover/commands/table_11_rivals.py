"""Table 11's sibling: images that each detector, those of others too, finds a face in or misses, by set."""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import (
    add_confidences_argument,
    add_not_run_argument,
    add_true_iou_argument,
)

SUMMARY = "write table 11's sibling: images that each detector finds a face in or misses"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_11_rivals.csv, .md and .tex")
    parser.add_argument(
        "--predictions", type=Path, nargs="+", required=True, help="files named <detector>/<set>.parquet"
    )
    parser.add_argument("--datasets", type=Path, nargs="+", required=True, help="folders of the same sets, so named")
    add_confidences_argument(parser)
    add_true_iou_argument(parser)
    add_not_run_argument(parser)


def run(args: argparse.Namespace) -> int:
    from uncover.config.options import check_number
    from uncover.report.tables.not_run import read_not_run
    from uncover.report.tables.rivals_missed import write_rivals_missed
    from uncover.rescue.methods import read_confidences

    check_number("--true-iou", args.true_iou, 0, 1)
    confidences, not_run = read_confidences(args.confidences, "--confidences"), read_not_run(args.not_run)
    write_rivals_missed(args.predictions, args.datasets, confidences, not_run, args.out, args.true_iou)
    return 0
