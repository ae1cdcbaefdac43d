"""Figure 20: confusion matrix of the ten-part RGB detector on the WFLW test set."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw figure 20: confusion matrix on the WFLW test set"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for figure_20.png and .pdf")
    parser.add_argument("--confusion", type=Path, required=True, help="confusion.csv of `uncover evaluate`")
    parser.add_argument("--summary", type=Path, required=True, help="summary.json beside it")
    parser.add_argument("--published", type=Path, required=True, help="the thesis's numbers (config/published.yaml)")


def run(args: argparse.Namespace) -> int:
    from uncover.report.figures.confusion import write_confusion

    write_confusion("figure_20", args.confusion, args.summary, args.published, args.out)
    return 0
