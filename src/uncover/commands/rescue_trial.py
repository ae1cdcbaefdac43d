"""Try every method on the photos that the first detector missed, at equally many false boxes per photo.

Reads lists of `uncover missed`, stored predictions PREDICTIONS/<method>/<set>.parquet and labels; writes a CSV record
with the share of faces found, precision and intervals, per set, method, rate and threshold. A threshold `set` keeps the
rate on the very photos that are scored; a threshold `val` is the one that keeps it on all photos of --val.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import (
    add_resampling_arguments,
    add_true_iou_argument,
    check_resampling_arguments,
)

SUMMARY = "try all methods on missed photos at equally many false boxes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="record to write")
    parser.add_argument(
        "--methods",
        nargs="+",
        required=True,
        metavar="NAME=GROUP[:HEATMAPS:INPUT]",
        help="what to try: its predictions' folder, its group (heatmaps, variant, rival, detector, control, ours), and "
        "for detectors of heatmaps which they look at (a column of the lists of missed photos)",
    )
    parser.add_argument("--predictions", type=Path, required=True, help="folder with <method>/<set>.parquet")
    parser.add_argument("--missed", type=Path, nargs="+", required=True, help="<set>.csv of `uncover missed`")
    parser.add_argument("--datasets", type=Path, nargs="+", default=[], help="data sets with labels/, named as the set")
    parser.add_argument("--val", default="val", help="set that thresholds are taken from (default: val)")
    parser.add_argument(
        "--rates",
        type=float,
        nargs="+",
        default=[0.1, 0.25, 0.5],
        help="false boxes per photo to compare at (default: 0.1 0.25 0.5)",
    )
    add_true_iou_argument(parser)
    add_resampling_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_new_file
    from uncover.config.options import check_number
    from uncover.console import say
    from uncover.errors import InputError
    from uncover.rescue.methods import read_methods
    from uncover.rescue.trial import Settings, run_trial, write_trial

    check_resampling_arguments(args)
    check_number("--true-iou", args.true_iou, 0, 1)
    for rate in args.rates:
        check_number("--rates", rate, 0)
    if len(set(args.rates)) < len(args.rates):
        raise InputError(f"--rates {' '.join(map(str, args.rates))}: a rate stands twice; expected each once")
    if args.out.suffix != ".csv":
        raise InputError(f"{args.out}: expected OUT.csv, the record to write")
    check_new_file(args.out)
    methods = read_methods(args.methods)
    settings = Settings(args.rates, args.true_iou, args.bootstrap, args.seed)
    rows = run_trial(methods, args.predictions, args.missed, args.datasets, args.val, settings)
    write_trial(args.out, rows)
    say(f"{args.out}: {len(methods)} methods on {len({row['set'] for row in rows})} sets")
    return 0
