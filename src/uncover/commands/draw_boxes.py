"""Draw the first detector's own boxes as blobs: a set like one of heatmaps, but made without any gradient.

A detector that is trained on these is a control: only what heatmap detectors find beyond it is due to heatmaps. OUT
gets images/ (a channel per class), joint/ (all classes in one) and manifest.parquet, as a heatmap set has them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw a detector's boxes as if they were heatmaps"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--predictions", type=Path, required=True, help="the first detector's, a table of `uncover predict`"
    )
    parser.add_argument("--confidence", type=float, default=0.25, help="lowest of a box that is drawn (default: 0.25)")
    parser.add_argument("--out", type=Path, required=True, help="folder to make, such as heatmaps/drawn_boxes/val")


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_replaceable
    from uncover.config.options import check_number
    from uncover.console import say
    from uncover.heatmaps.heatmaps import MAP
    from uncover.rescue.drawn import draw_set

    check_number("--confidence", args.confidence, 0, 1)
    check_replaceable(args.out, "draw_boxes")
    table = draw_set(args.predictions, args.confidence, args.out).table
    blank = sum(status[-1] != MAP for status in table["status"])
    say(f"{args.out}: boxes of {len(table)} photos drawn, {blank} of them without any")
    return 0
