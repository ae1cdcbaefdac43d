"""Figure 27: losses and metrics of the training of the detector on averaged GradCAM++ maps."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw figure 27: training of gradcampp_avg"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for figure_27.png and .pdf")
    parser.add_argument("--record", type=Path, required=True, help="results.csv of the training")


def run(args: argparse.Namespace) -> int:
    from uncover.report.figures.training_record import write_training_record

    write_training_record("figure_27", args.record, None, args.out)
    return 0
