"""Figure 17: F1 against confidence of the ten-part RGB detector on val."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw figure 17: F1 against confidence"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for figure_17.png and .pdf")
    parser.add_argument("--curves", type=Path, required=True, help="curves.parquet of `uncover evaluate`")
    parser.add_argument("--summary", type=Path, required=True, help="summary.json beside it")
    parser.add_argument("--published", type=Path, required=True, help="the thesis's numbers (config/published.yaml)")


def run(args: argparse.Namespace) -> int:
    from uncover.report.figures.f1_confidence import write_f1_confidence

    write_f1_confidence("figure_17", args.curves, args.summary, args.published, args.out)
    return 0
