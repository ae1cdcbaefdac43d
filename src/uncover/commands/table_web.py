"""What face detectors find in web photos of preterm infants (thesis section 3.1)."""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import (
    add_confidences_argument,
    add_not_run_argument,
    add_true_iou_argument,
)

SUMMARY = "write the table of faces that detectors find in web photos of preterm infants"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_web.csv, .md and .tex")
    parser.add_argument(
        "--predictions", type=Path, nargs="+", required=True, help="files named <detector>/<set>.parquet"
    )
    parser.add_argument("--dataset", type=Path, required=True, help="folder of the set, so named; labels are optional")
    add_confidences_argument(parser)
    add_true_iou_argument(parser)
    add_not_run_argument(parser)


def run(args: argparse.Namespace) -> int:
    from uncover.config.options import check_number
    from uncover.report.tables.not_run import read_not_run
    from uncover.report.tables.rivals_web import write_rivals_web
    from uncover.rescue.methods import read_confidences

    check_number("--true-iou", args.true_iou, 0, 1)
    confidences, not_run = read_confidences(args.confidences, "--confidences"), read_not_run(args.not_run)
    write_rivals_web(args.predictions, args.dataset, confidences, not_run, args.out, args.true_iou)
    return 0
