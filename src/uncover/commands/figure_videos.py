"""Videos in numbers and as strips of time: what found the face in each frame, and what was false.

No frame of a video is shown, so that nobody can be recognised.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw recall and false boxes of videos, and what found the face over time"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for figure_videos.png and .pdf")
    parser.add_argument("--scores", type=Path, required=True, help="record of `uncover evaluate videos`")
    parser.add_argument(
        "--frames", type=Path, required=True, metavar="FRAMES.parquet", help="its record of each frame (--frames there)"
    )


def run(args: argparse.Namespace) -> int:
    from uncover.report.figures.style import save_figure
    from uncover.report.figures.videos import draw_videos

    save_figure(draw_videos(args.scores, args.frames), args.out, "figure_videos")
    return 0
