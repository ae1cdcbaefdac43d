"""Read a raw data set with landmarks: every usable face becomes a row of OUT, every other a row of REJECTED."""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.config.catalogue import LANDMARK_LAYOUTS

SUMMARY = "read the faces of a raw data set into one table"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--layout", required=True, choices=LANDMARK_LAYOUTS)
    parser.add_argument("--source", help="name of the raw data set (default: that of the layout)")
    parser.add_argument("raw", type=Path, metavar="RAW", help="folder of the raw data set")
    parser.add_argument("out", type=Path, metavar="OUT", help="table to write (.parquet)")
    parser.add_argument("rejected", type=Path, metavar="REJECTED", help="table of what was rejected (.csv)")
    parser.add_argument("--photos", type=Path, help="folder of the photos, where they do not stand with the labels")
    parser.add_argument("--no-photos", action="store_true", help="do not look at photos; their sizes stay unknown")
    parser.add_argument("--no-merge", action="store_true", help="give each face the photo to itself")


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import new_file
    from uncover.console import say, warn_each
    from uncover.datasets.build import write_rejected
    from uncover.datasets.reading import LANDMARK_READERS, read_raw, to_faces_table
    from uncover.datasets.sources import require_folder

    require_folder(args.raw, args.layout)
    if args.photos:
        require_folder(args.photos, "photos")
    reading = read_raw(LANDMARK_READERS[args.layout](args.raw, args.photos), args.raw, not args.no_photos)
    faces, rejected = to_faces_table(reading, args.source or args.layout, not args.no_merge)
    warn_each([f"rejected: {item}" for item in rejected], str(args.rejected))
    write_rejected(rejected, args.rejected)
    with new_file(args.out) as temporary:
        faces.to_parquet(temporary, index=False)
    photos = faces["photo"].nunique()
    say(f"{args.out}: read {len(faces) + len(rejected)}, kept {len(faces)} faces in {photos} photos")
    return 0
