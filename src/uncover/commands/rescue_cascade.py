"""Try detectors alone and with a rescue behind them, on all photos of the sets with labels.

A rescue's boxes count only in photos in which the detector found nothing, from the confidence on that keeps --rate
false boxes per photo on --val. Writes a CSV record with the share of faces found, false boxes and intervals, per set,
detector and rescue ("none" is the detector alone), and beside each rescue the detector alone with its threshold lowered
until it makes as many false boxes on the set. Reads stored predictions PREDICTIONS/<name>/<set>.parquet, lists of
`uncover missed`, which say where a heatmap is blank, and labels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import (
    add_resampling_arguments,
    add_true_iou_argument,
    check_resampling_arguments,
)

SUMMARY = "try detectors alone and with a rescue behind them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="record to write")
    parser.add_argument(
        "--detectors",
        nargs="+",
        required=True,
        metavar="NAME=CONFIDENCE",
        help="detectors: the folder of their predictions, and the lowest confidence of a face that counts",
    )
    parser.add_argument(
        "--rescues",
        nargs="*",
        default=[],
        metavar="NAME[:HEATMAPS:INPUT]",
        help="what to try behind each: the folder of its predictions, and for detectors of heatmaps which they look at "
        "(a column of the lists of missed photos)",
    )
    parser.add_argument("--predictions", type=Path, required=True, help="folder with <name>/<set>.parquet")
    parser.add_argument("--missed", type=Path, nargs="+", required=True, help="<set>.csv of `uncover missed`")
    parser.add_argument("--datasets", type=Path, nargs="+", default=[], help="data sets with labels/, named as the set")
    parser.add_argument("--val", default="val", help="set that rescues' thresholds are taken from (default: val)")
    parser.add_argument(
        "--rate", type=float, default=0.25, help="false boxes per photo that a rescue makes there (default: 0.25)"
    )
    add_true_iou_argument(parser)
    add_resampling_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_new_file
    from uncover.config.options import check_number
    from uncover.console import say
    from uncover.errors import InputError
    from uncover.rescue.cascade import run_cascade, write_cascades
    from uncover.rescue.methods import Detector, read_confidences, read_rescues
    from uncover.rescue.trial import Settings

    check_resampling_arguments(args)
    check_number("--true-iou", args.true_iou, 0, 1)
    check_number("--rate", args.rate, 0)
    if args.out.suffix != ".csv":
        raise InputError(f"{args.out}: expected OUT.csv, the record to write")
    check_new_file(args.out)
    detectors = [Detector(*each) for each in read_confidences(args.detectors, "--detectors").items()]
    rescues = read_rescues(args.rescues)
    settings = Settings((args.rate,), args.true_iou, args.bootstrap, args.seed)
    rows = run_cascade(detectors, rescues, args.predictions, args.missed, args.datasets, args.val, settings)
    write_cascades(args.out, rows)
    sets = len({row["set"] for row in rows})
    say(f"{args.out}: {len(detectors)} detectors, alone and with {len(rescues)} rescues, on {sets} sets")
    return 0
