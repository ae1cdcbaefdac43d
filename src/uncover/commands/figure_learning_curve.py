"""Draw scores on the infant left out against the number of labelled frames that a detector was fine-tuned on."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw the learning curve of fine-tuning on a few frames"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for figure_learning_curve.png and .pdf")
    parser.add_argument("--record", type=Path, required=True, help="table of `uncover learning_curve`")


def run(args: argparse.Namespace) -> int:
    from uncover.report.figures.learning_curve import draw_learning_curve
    from uncover.report.figures.style import save_figure

    save_figure(draw_learning_curve(args.record), args.out, "figure_learning_curve")
    return 0
