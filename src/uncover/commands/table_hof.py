"""Faces that the RGB detectors find in Hand Over Face (thesis section 4.4.1)."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write the table of faces found in Hand Over Face"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_hof.csv, .md and .tex")
    parser.add_argument(
        "--predictions",
        type=Path,
        nargs="+",
        required=True,
        help="tables of `uncover predict` on Hand Over Face, in folders named as their model: rgb10, rgb1",
    )
    parser.add_argument("--dataset", type=Path, help="the data set, which may say whom each frame shows")
    parser.add_argument("--confidence", type=float, default=0.4, help="lowest confidence of a face (default 0.4)")
    parser.add_argument("--published", type=Path, required=True, help="the thesis's numbers (config/published.yaml)")


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.hand_over_face import write_hand_over_face

    write_hand_over_face(args.predictions, args.confidence, args.published, args.out, args.dataset)
    return 0
