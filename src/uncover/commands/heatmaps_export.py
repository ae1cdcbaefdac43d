"""Write the maps of a heatmap set at full size, 8 bits, each from 0 to 255.

FOLDER is a heatmap set, such as OUT/gradcampp. OUT gets a TIFF per image with a channel per class; or, as PNG, a folder
per class with a file per image; or with --average a file of one channel per image.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write the maps of a heatmap set at full size"


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

    check_replaceable(args.out, "heatmaps export")
    images = export(args.folder, args.out, args.format, args.frame, args.average)
    say(f"{args.out}: maps of {images} images")
    return 0
