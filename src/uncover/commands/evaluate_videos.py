"""Score what `uncover detect` found in videos with true boxes.

RAW_FOLDER has the videos' truths, <video>.csv; each DIR is what `uncover detect` left, on every frame of the same
videos. Per way to detect (NAME), for all videos and each of them, and there for all frames, those of each event and
those of each grade of occlusion: recall, false boxes per minute, and the longest time in which a face was in the
picture and not found. Intervals come from blocks of --block seconds, since frames of one second are nearly the same
picture; the draws are the same for all ways, so that differences to the first are paired.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import (
    add_resampling_arguments,
    add_true_iou_argument,
    check_resampling_arguments,
)

SUMMARY = "score what was found in videos against their true boxes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="record to write")
    parser.add_argument(
        "--truth", type=Path, required=True, metavar="RAW_FOLDER", help="folder with <video>.csv of each video"
    )
    parser.add_argument(
        "--detections",
        nargs="+",
        required=True,
        metavar="NAME=DIR",
        help="ways to detect, by what they are called, and the folders of `uncover detect`; gains are over the first",
    )
    parser.add_argument(
        "--frames", type=Path, metavar="FRAMES.parquet", help="also write what found the face in each frame"
    )
    add_true_iou_argument(parser)
    parser.add_argument(
        "--block", type=float, default=1.0, metavar="SECONDS", help="that are drawn together (default: 1)"
    )
    add_resampling_arguments(parser)


def run(args: argparse.Namespace) -> int:
    import pandas as pd

    from uncover.atomic import check_new_file, new_file
    from uncover.config.options import check_number
    from uncover.console import say, warn_each
    from uncover.datasets.video_truth import read_video_truth
    from uncover.errors import InputError
    from uncover.footage.sources import printable
    from uncover.metrics.video_outcomes import read_outcomes, videos_of
    from uncover.metrics.videos import COLUMNS, SHORTEST_BLOCK, Resampling, score_videos

    check_resampling_arguments(args)
    check_number("--true-iou", args.true_iou, 0, 1)
    check_number("--block", args.block, SHORTEST_BLOCK)
    for path, suffix in ((args.out, ".csv"), (args.frames, ".parquet")):
        if path is not None:
            if path.suffix != suffix:
                raise InputError(f"{path}: expected a file that ends in {suffix}, to write to")
            check_new_file(path)
    folders: dict[str, Path] = {}
    for word in args.detections:
        name, _, folder = word.partition("=")
        if not name or not folder or name in folders:
            raise InputError(f"--detections {word}: expected NAME=DIR, each name once")
        folders[name] = Path(folder)
    videos = videos_of(next(iter(folders.values())))
    tables = {printable(path.stem): path for path in sorted(args.truth.glob("*.csv"))}
    truths = {video: read_video_truth(tables.get(video, args.truth / f"{video}.csv")) for video in videos}
    strange = [path for name, path in tables.items() if name not in videos]
    warn_each([f"{printable(str(path))}: belongs to no video that was looked at" for path in strange], str(args.truth))
    outcomes = pd.concat(
        [read_outcomes(name, folder, truths, args.true_iou) for name, folder in folders.items()], ignore_index=True
    )
    rows = score_videos(outcomes, Resampling(args.block, args.bootstrap, args.seed))
    with new_file(args.out) as path:
        pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(path, index=False, lineterminator="\n")
    if args.frames is not None:
        with new_file(args.frames) as path:
            outcomes.to_parquet(path, index=False)
    frames = sum(map(len, truths.values()))
    say(f"{args.out}: {len(folders)} ways to detect on {len(videos)} videos, {frames} frames")
    return 0
