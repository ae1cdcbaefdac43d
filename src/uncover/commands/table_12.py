"""Table 12: scores of the heatmap detectors on missed frames, by grade of occlusion."""

from __future__ import annotations

import argparse

from uncover.commands._shared_arguments import add_heatmap_table_arguments

SUMMARY = "write table 12: scores of the heatmap detectors on missed frames, by grade"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_heatmap_table_arguments(
        parser,
        "table_12",
        "--summaries",
        "summary.json of evaluations, in folders named <model>/slapi_<grade>/missed",
    )


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.heatmap_detectors import write_heatmap_detectors

    write_heatmap_detectors("table_12", args.summaries, args.published, args.variants, args.out)
    return 0
