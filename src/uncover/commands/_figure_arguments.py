"""What figures 22 and 23 have in common: the same figure of two face detectors of others."""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import PRIVACY, add_true_iou_argument


def add_rival_figure_arguments(parser: argparse.ArgumentParser, figure: str) -> None:
    """Arguments of a figure that shows what a face detector of others finds.

    Args:
        parser: Of the verb.
        figure: Such as "figure_22".
    """
    parser.add_argument("out", type=Path, metavar="OUT", help=f"folder for {figure}.png and .pdf")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--predictions", type=Path, help="of the detector on a data set, a table of `uncover predict`")
    source.add_argument("--not-run", metavar="REASON", help="why there are none: the figure says so")
    parser.add_argument("--dataset", type=Path, help="folder of the data set, named as the set")
    parser.add_argument("--confidence", type=float, default=0.5, help="lowest of a detection (default: 0.5)")
    add_true_iou_argument(parser)
    parser.add_argument(
        "--privacy",
        choices=PRIVACY,
        default="pixelate",
        help="of photos of patients (default: pixelate)",
    )


def save_rival_figure(args: argparse.Namespace, rival: str, figure: str) -> int:
    """Draw the figure and write it.

    Args:
        args: Of `add_rival_figure_arguments`.
        rival: Name of the detector.
        figure: Such as "figure_22".

    Raises:
        InputError: Arguments or files are not what they should be.
    """
    from uncover.config.options import check_number
    from uncover.errors import InputError
    from uncover.report.figures.rival_detections import draw_rival_detections, not_run
    from uncover.report.figures.style import save_figure

    check_number("--confidence", args.confidence, 0, 1)
    check_number("--true-iou", args.true_iou, 0, 1)
    if args.predictions is None:
        drawn = not_run(rival, args.not_run)
    elif args.dataset is None:
        raise InputError(f"{args.predictions}: shows no photo; expected --dataset, the folder of its data set, too")
    else:
        drawn = draw_rival_detections(
            rival, args.predictions, args.dataset, args.confidence, args.privacy, args.true_iou
        )
    save_figure(drawn, args.out, figure)
    return 0
