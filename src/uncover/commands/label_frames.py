"""Make a set of frames, such as slapi_hard or hof: links to frames, and whole-face boxes where there are any."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "make the YOLO data set of graded or plain frames"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("raw", type=Path, metavar="RAW", help="folder of grades, of images/ and labels/, or of images")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to make")
    parser.add_argument("--source", required=True, help="name of the raw data set")
    parser.add_argument("--grade", help="read this grade only")


def run(args: argparse.Namespace) -> int:
    from uncover.console import say, warn_each
    from uncover.datasets.build import write_dataset
    from uncover.datasets.frame_labels import label_frames
    from uncover.datasets.reading import read_raw
    from uncover.datasets.sources import require_folder
    from uncover.faces.frames import read_frames

    require_folder(args.raw, args.source)
    reading = read_raw(read_frames(args.raw, args.grade), args.raw)
    photos, labels = label_frames(reading, args.source)
    read = len(photos) + len(reading.rejected)
    warn_each([f"rejected: {item}" for item in reading.rejected], f"{args.out}/rejected.csv")
    counts = write_dataset(args.out, photos, labels.boxes, reading.rejected, read, len(photos))
    say(f"{args.out}: read {counts.read} frames, kept {counts.kept}, rejected {counts.rejected}")
    return 0
