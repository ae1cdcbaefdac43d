"""Figure 29: losses and metrics of the training of the detector on GradCAM++ maps of each class."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw figure 29: training of gradcampp_10"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for figure_29.png and .pdf")
    parser.add_argument("--record", type=Path, required=True, help="results.csv of the training")


def run(args: argparse.Namespace) -> int:
    from uncover.report.figures.training_record import write_training_record

    write_training_record("figure_29", args.record, None, args.out)
    return 0
