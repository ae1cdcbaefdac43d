"""Figure 21: a missed frame of Hand Over Face, both joint maps of it, and what is found in them."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw figure 21: a missed frame, its heatmaps, and what is found in them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for figure_21.png and .pdf")
    parser.add_argument("--missed", type=Path, required=True, help="table of `uncover missed` of Hand Over Face")
    parser.add_argument(
        "--predictions",
        type=Path,
        nargs=2,
        required=True,
        help="on the same frames, in folders named gradcampp_avg and hirescam_avg",
    )
    parser.add_argument(
        "--heatmaps",
        type=Path,
        nargs=2,
        required=True,
        help="folders of the frames' heatmaps, in folders named gradcampp and hirescam",
    )
    parser.add_argument("--dataset", type=Path, required=True, help="folder of the frames' data set")
    parser.add_argument("--confidence", type=float, default=0.4, help="lowest confidence of a detection (default: 0.4)")


def run(args: argparse.Namespace) -> int:
    from uncover.report.figures.rescued_frame import draw_rescued_frame
    from uncover.report.figures.style import save_figure

    figure = draw_rescued_frame(args.missed, args.predictions, args.heatmaps, args.dataset, args.confidence)
    save_figure(figure, args.out, "figure_21")
    return 0
