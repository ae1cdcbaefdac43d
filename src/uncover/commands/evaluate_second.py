"""Score one detector of the second step: on whole sets, and on the photos that the first detector missed.

All of it comes from stored predictions, which cover every photo of a set; blank heatmaps are set aside. OUT gets
<set>/whole_face/ and <set>/missed/ (records of `uncover evaluate`) and rescue.csv, a row per set and threshold: the
best confidence on the scored photos themselves (set), the best on val (val), --confidence (fixed). Files and folders
are named after their sets, such as predictions/hirescam_avg/val.parquet, datasets/val, missed/merl.csv.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import (
    add_resampling_arguments,
    add_true_iou_argument,
    check_resampling_arguments,
)

SUMMARY = "score a detector of the second step on whole sets and on missed photos"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to, such as metrics/hirescam_avg")
    parser.add_argument(
        "--predictions", type=Path, nargs="+", required=True, metavar="P.parquet", help="the detector's, one per set"
    )
    parser.add_argument(
        "--datasets", type=Path, nargs="+", required=True, metavar="DIR", help="data sets, for their labels/"
    )
    parser.add_argument(
        "--whole", nargs="+", required=True, metavar="SET", help="sets to score as a whole, val among them"
    )
    parser.add_argument(
        "--missed", type=Path, nargs="+", default=[], metavar="SET.csv", help="lists of `uncover missed`, one per set"
    )
    parser.add_argument("--unlabelled", nargs="+", default=[], metavar="SET", help="sets that have no labels")
    parser.add_argument(
        "--maps",
        metavar="VARIANT:INPUT",
        help="what the detector looks at, such as hirescam:joint (default: photos, which are never blank)",
    )
    parser.add_argument("--confidence", type=float, default=0.4, help="fixed threshold (default: 0.4)")
    add_true_iou_argument(parser)
    add_resampling_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_writable
    from uncover.config.options import check_number
    from uncover.console import say
    from uncover.rescue.second import Choice, count_all, read_sets

    check_number("--confidence", args.confidence, 0, 1)
    check_number("--true-iou", args.true_iou, 0, 1)
    check_resampling_arguments(args)
    check_writable(args.out)
    choice = Choice(args.whole, args.maps, args.confidence, args.true_iou, args.bootstrap, args.seed)
    sets = read_sets(args.predictions, args.datasets, args.missed, args.unlabelled, choice)
    second = count_all(sets, choice)
    second.write(args.out)
    say(f"{args.out}: {len(second.whole)} whole sets, {len(args.missed)} sets of missed photos")
    return 0
