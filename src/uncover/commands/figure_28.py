"""Figure 28: losses and metrics of the training of the detector on averaged HiResCAM maps."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw figure 28: training of hirescam_avg"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for figure_28.png and .pdf")
    parser.add_argument("--record", type=Path, required=True, help="results.csv of the training")
    parser.add_argument("--released", type=Path, help="results.csv of the thesis's own training, to draw beside it")


def run(args: argparse.Namespace) -> int:
    from uncover.report.figures.training_record import write_training_record

    write_training_record("figure_28", args.record, args.released, args.out)
    return 0
