"""Videos: recall and false boxes per minute of each way to detect, by event, grade of occlusion and video."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write the table of videos: recall and false boxes per minute, step by step"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_videos.csv, .md and .tex")
    parser.add_argument("--scores", type=Path, required=True, help="record of `uncover evaluate videos`")


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.videos import write_videos

    write_videos(args.scores, args.out)
    return 0
