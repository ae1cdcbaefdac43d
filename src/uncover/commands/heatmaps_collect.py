"""Join the shards of a heatmap set: write its manifest and its lint table.

FOLDER is what `uncover heatmaps --shard` wrote to, down to the variant and the set, such as OUT/gradcampp/train.
It gets manifest.parquet (a row per image: detections, and which maps are blank and why) and lint.csv (a row per class:
shares of blank, saturated and inverted maps). Maps of images that are no longer in the set are removed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "join the shards of a heatmap set"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of the heatmap set")
    parser.add_argument(
        "--trained-on",
        type=Path,
        metavar="DATASET",
        help="images that the detector was trained on: the lint table counts those of the set",
    )


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_writable
    from uncover.console import say
    from uncover.heatmaps.collect import collect
    from uncover.heatmaps.shards import hash_files
    from uncover.images.named import named_images

    if args.folder.exists():
        check_writable(args.folder)
    known = None if args.trained_on is None else hash_files(named_images([args.trained_on]).values())
    collected = collect(args.folder, known)
    table = collected.manifest.table
    removed = f", {collected.removed} files of others removed" if collected.removed else ""
    say(f"{args.folder}: {len(table)} images{removed}")
    return 0
