"""Make a set of frames, such as slapi_hard or hof: links to frames, and whole-face boxes where there are any."""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.config.catalogue import FRAME_LAYOUTS

SUMMARY = "make the YOLO data set of graded or plain frames"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("raw", type=Path, metavar="RAW", help="folder of grades, of images/ and labels/, or of images")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to make")
    parser.add_argument("--source", required=True, help="name of the raw data set")
    parser.add_argument("--grade", help="read this grade only")
    parser.add_argument("--layout", choices=FRAME_LAYOUTS, default="graded", help="what annotations there must be")
    parser.add_argument(
        "--class",
        dest="classes",
        action="append",
        default=[],
        metavar="NAME",
        help="class that is the whole face, where frames have several; may stand several times",
    )


def run(args: argparse.Namespace) -> int:
    from uncover.console import say
    from uncover.datasets.frame_sets import make_frame_set
    from uncover.datasets.sources import require_folder

    require_folder(args.raw, args.source)
    counts = make_frame_set(args.raw, args.out, args.source, args.grade, args.classes, layout=args.layout)
    say(f"{args.out}: read {counts.read} frames, kept {counts.kept}, rejected {counts.rejected}")
    return 0
