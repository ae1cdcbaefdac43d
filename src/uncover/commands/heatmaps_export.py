"""Write the maps of a heatmap set at full size, 8 bits, each from 0 to 255.

FOLDER is a heatmap set, such as OUT/gradcampp. OUT gets a TIFF per image with a channel per class; or, as PNG, a folder
per class with a file per image; or with --average a file of one channel per image. Where every map is blank, the exit
code is 3.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write the maps of a heatmap set at full size"
NOTHING_SHOWN = 3
"""Exit code where every map is blank."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of the heatmap set")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to make")
    parser.add_argument("--format", choices=("tiff", "png"), default="tiff", help="of the files (default: tiff)")
    parser.add_argument(
        "--frame",
        choices=("original", "letterbox"),
        default="original",
        help="size of the image, or of what the network saw of it, padding included (default: original)",
    )
    parser.add_argument(
        "--average",
        choices=("joint", "mean", "whole_face"),
        help="one map per image: that of all scores' sum, the mean of the classes' maps, or the whole face's",
    )


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_replaceable
    from uncover.console import say
    from uncover.heatmaps.export import export
    from uncover.heatmaps.heatmaps import MAP, word_blank

    check_replaceable(args.out, "heatmaps export")
    statuses = export(args.folder, args.out, args.format, args.frame, args.average)
    maps = [status for own in statuses for status in own]
    blank = len(maps) - maps.count(MAP)
    say(f"{args.out}: maps of {len(statuses)} images; blank, of {len(maps)} maps: {blank}")
    if words := word_blank(statuses, None):
        say(f"warning: {args.folder}: {words}, and run 'uncover heatmaps' again")
    return NOTHING_SHOWN if blank == len(maps) else 0
