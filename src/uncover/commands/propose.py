"""Propose faces from stored predictions, by rules that need no training: the rivals of the heatmap detectors.

Writes OUT/<rival>/<set>.parquet, tables like those of `uncover predict`, for every rival and set. The rules know where
a whole face lies around its parts from the true boxes of the training set; no network runs. With --looks, predictions
of the same sets at other input sizes, faces that several sizes show are proposed too; with --heatmaps, boxes around
what heatmaps of the first detector highlight, checked against the boxes of parts.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "propose faces from stored predictions, without training"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for <rival>/<set>.parquet")
    parser.add_argument("--train", type=Path, required=True, help="the training data set, with boxes.parquet")
    parser.add_argument(
        "--rgb10", type=Path, nargs="+", required=True, help="<set>.parquet of the detector of ten parts"
    )
    parser.add_argument(
        "--rgb1", type=Path, nargs="+", required=True, help="<set>.parquet of the detector of the whole face"
    )
    parser.add_argument(
        "--looks", type=Path, nargs="+", default=[], help="folders with <set>.parquet made at other input sizes"
    )
    parser.add_argument(
        "--heatmaps", type=Path, metavar="FOLDER", help="folder with the heatmap set <set>/ of each set, of one kind"
    )
    parser.add_argument(
        "--nms-iou", type=float, help="IoU of non-maximum suppression, that of the predictions (default: theirs)"
    )


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_writable
    from uncover.config.options import check_number
    from uncover.console import say
    from uncover.rescue.proposals import write_proposals

    check_number("--nms-iou", args.nms_iou, 0, 1)
    check_writable(args.out)
    written = write_proposals(args.out, args.train, args.rgb10, args.rgb1, args.looks, args.nms_iou, args.heatmaps)
    for rival, sets in written.items():
        if sets:
            say(f"{args.out / rival}: {', '.join(sets)}")
    return 0
