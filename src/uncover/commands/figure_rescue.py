"""The rescue in pictures: missed photos with the boxes of the method that found most and of the best heatmap detector.

Frames of patients are pixelated where faces are, unless --privacy publish says otherwise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import PRIVACY, add_true_iou_argument

SUMMARY = "draw missed photos and what was found in them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for figure_rescue.png and .pdf")
    parser.add_argument("--trial", type=Path, required=True, help="rescue_trial.csv of `uncover rescue_trial`")
    parser.add_argument("--datasets", type=Path, nargs="*", default=[], help="data sets, in folders named as their set")
    parser.add_argument("--missed", type=Path, nargs="*", default=[], help="their tables of `uncover missed`")
    parser.add_argument(
        "--predictions", type=Path, required=True, help="folder with <method>/<set>.parquet of all methods of the trial"
    )
    parser.add_argument(
        "--methods",
        nargs="*",
        default=[],
        metavar="NAME=GROUP[:HEATMAPS:INPUT]",
        help="as `uncover rescue_trial` was given them: a detector has no boxes where its heatmap is blank",
    )
    add_true_iou_argument(parser)
    parser.add_argument(
        "--privacy",
        choices=PRIVACY,
        default="pixelate",
        help="of frames of patients (default: pixelate)",
    )


def run(args: argparse.Namespace) -> int:
    from uncover.config.options import check_number
    from uncover.report.figures.rescue_gallery import draw_rescue_gallery
    from uncover.report.figures.style import save_figure
    from uncover.rescue.methods import read_methods

    methods = read_methods(args.methods)
    check_number("--true-iou", args.true_iou, 0, 1)
    figure = draw_rescue_gallery(
        args.trial, args.datasets, args.missed, args.predictions, args.privacy, methods, args.true_iou
    )
    save_figure(figure, args.out, "figure_rescue")
    return 0
