"""Find the photos of a set that the first detector missed, and which heatmaps of theirs are blank.

Missed is a photo without a whole face from a confidence on. OUT.csv gets a row per photo of the set: image, width,
height, faces (true ones; empty without --labels), confidence (of the surest whole face), missed, and a column
VARIANT:INPUT for everything that a heatmap detector may look at: whether that is not blank.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "find the photos in which the first detector missed the face"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="list to write")
    parser.add_argument(
        "--predictions", type=Path, required=True, help="the first detector's, a table of `uncover predict`"
    )
    parser.add_argument(
        "--heatmaps",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="heatmap sets of the same photos, such as heatmaps/hirescam/val: the variant is the folder above",
    )
    parser.add_argument("--labels", type=Path, metavar="DIR", help="label files of the set, where it has any")
    parser.add_argument(
        "--confidence", type=float, default=0.4, help="lowest of a whole face that counts as found (default: 0.4)"
    )


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_new_file
    from uncover.config.options import check_number
    from uncover.console import say
    from uncover.rescue.missed import read_and_find, write_missed

    check_number("--confidence", args.confidence, 0, 1)
    check_new_file(args.out)
    table = read_and_find(args.predictions, args.heatmaps, args.labels, args.confidence)
    write_missed(args.out, table)
    say(f"{args.out}: {int(table['missed'].sum())} of {len(table)} photos missed")
    return 0
