"""Draw some photos of a data set with their boxes, to look at labels.

The photos are shown as they are: do not publish a sheet of patients.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw photos of a data set with their boxes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="folder made by `uncover labels` or a label rule")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for overlay.png and overlay.pdf")
    parser.add_argument("--count", type=int, default=12, help="photos to draw (default 12)")
    parser.add_argument("--seed", type=int, default=0, help="which ones")


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_writable
    from uncover.console import say
    from uncover.datasets.boxes_table import read_kept_boxes
    from uncover.datasets.manifest import read_manifest
    from uncover.datasets.photos import read_upright_rgb
    from uncover.errors import InputError
    from uncover.owner import check_shared
    from uncover.parts.classes import CLASS_NAMES
    from uncover.report.figures.labels import Labelled, contact_sheet
    from uncover.report.figures.style import save_figure

    check_writable(args.out)
    check_shared(args.out, "overlay")
    if not (args.dataset / "manifest.parquet").is_file():
        raise InputError(f"{args.dataset}: no manifest.parquet in it; expected a data set made by `uncover labels`")
    if args.count < 1:
        raise InputError(f"--count {args.count}: expected at least 1")
    photos = read_manifest(args.dataset / "manifest.parquet")
    boxes = read_kept_boxes(args.dataset / "boxes.parquet")
    drawn = photos.sample(min(args.count, len(photos)), random_state=args.seed).sort_values("photo")
    sheet = [
        Labelled(read_upright_rgb(args.dataset / row.image), boxes[boxes["photo"] == row.photo], str(row.photo))
        for row in drawn.itertuples()
    ]
    save_figure(contact_sheet(sheet, CLASS_NAMES), args.out, "overlay")
    drawn_boxes = sum(len(each.boxes) for each in sheet)
    say(f"{args.out}: overlay.png and overlay.pdf, {len(sheet)} of {len(photos)} photos with {drawn_boxes} boxes")
    return 0
