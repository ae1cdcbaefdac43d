"""Table 7: the heatmap detectors on val and both test sets."""

from __future__ import annotations

import argparse

from uncover.commands._shared_arguments import add_heatmap_table_arguments

SUMMARY = "write table 7: the heatmap detectors on val and both test sets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_heatmap_table_arguments(
        parser,
        "table_07",
        "--summaries",
        "summary.json of evaluations, in folders named <model>/<set>/whole_face, set = val, merl, wflw",
    )


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.heatmap_detectors import write_heatmap_detectors

    write_heatmap_detectors("table_07", args.summaries, args.published, args.variants, args.out)
    return 0
