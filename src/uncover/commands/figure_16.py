"""Figure 16: labels of the training set."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw figure 16: label statistics"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for figure_16.png and .pdf")
    parser.add_argument("--manifest", type=Path, required=True, help="manifest.parquet of the data set")
    parser.add_argument("--boxes", type=Path, required=True, help="boxes.parquet of the data set")


def run(args: argparse.Namespace) -> int:
    from uncover.datasets.boxes_table import read_kept_boxes
    from uncover.datasets.manifest import read_manifest
    from uncover.parts.classes import CLASS_NAMES
    from uncover.report.figures.label_statistics import label_statistics
    from uncover.report.figures.style import save_figure

    figure = label_statistics(read_kept_boxes(args.boxes), read_manifest(args.manifest), CLASS_NAMES)
    save_figure(figure, args.out, "figure_16")
    return 0
