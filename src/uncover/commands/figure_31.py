"""Figure 31: F1 against confidence of the heatmap detectors on missed frames, by grade of occlusion."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw figure 31: F1 against confidence on missed frames, by grade"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for figure_31.png and .pdf")
    parser.add_argument(
        "--evaluations",
        type=Path,
        nargs="*",
        default=[],
        help="folders named <model>/slapi_<grade>/missed, with summary.json and curves.parquet",
    )
    parser.add_argument("--published", type=Path, required=True, help="the thesis's numbers (config/published.yaml)")


def run(args: argparse.Namespace) -> int:
    from uncover.report.figures.missed_f1 import draw_missed_f1
    from uncover.report.figures.style import save_figure

    save_figure(draw_missed_f1(args.evaluations, args.published), args.out, "figure_31")
    return 0
