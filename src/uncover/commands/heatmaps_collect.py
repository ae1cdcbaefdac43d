"""Join the shards of heatmap sets: write the manifest and the lint table of each.

FOLDER is what `uncover heatmaps --shard` wrote to, down to the variant and the set, such as OUT/gradcampp/train.
It gets manifest.parquet (a row per image: detections, and which maps are blank and why) and lint.csv (a row per class:
shares of blank, saturated and inverted maps). Maps of images that are no longer in the set are removed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "join the shards of heatmap sets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="folder of a heatmap set")
    parser.add_argument(
        "--trained-on",
        type=Path,
        metavar="DATASET",
        help="images that the detector was trained on: the lint table counts those of the set",
    )


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_writable
    from uncover.console import say
    from uncover.heatmaps.heatmaps import word_blank
    from uncover.heatmaps.store import collect
    from uncover.images.named import hash_files, named_images

    for folder in args.folders:
        if folder.exists():
            check_writable(folder)
    known = None if args.trained_on is None else hash_files(named_images([args.trained_on]).values())
    for folder in args.folders:
        collected = collect(folder, known)
        removed = f", {collected.removed} files of others removed" if collected.removed else ""
        say(f"{folder}: {len(collected.manifest.table)} images{removed}")
        statuses = [list(status)[:-1] for status in collected.manifest.table["status"]]
        if words := word_blank(statuses, collected.manifest.settings.get("confidence")):
            say(f"warning: {folder}: {words}")
    return 0
