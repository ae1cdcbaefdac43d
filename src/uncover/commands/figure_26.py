"""Figure 26: a photo beside its heatmaps (thesis section 4.5)."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw figure 26: a photo and its heatmaps"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for figure_26.png and .pdf")
    parser.add_argument("--dataset", type=Path, required=True, help="data set that the photo is of")
    parser.add_argument(
        "--heatmaps", type=Path, nargs="+", required=True, help="its folders of `uncover heatmaps`, one for each panel"
    )
    parser.add_argument("--photo", help="id of the photo to show")


def run(args: argparse.Namespace) -> int:
    from uncover.report.figures.heatmap_overlays import draw_heatmap_overlays
    from uncover.report.figures.style import save_figure

    save_figure(draw_heatmap_overlays(args.heatmaps, args.dataset, args.photo), args.out, "figure_26")
    return 0
