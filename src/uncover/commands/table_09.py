"""Table 9: what the heatmap detectors find in missed frames of Hand Over Face."""

from __future__ import annotations

import argparse

from uncover.commands._shared_arguments import COUNTS, add_heatmap_table_arguments

SUMMARY = "write table 9: the heatmap detectors on missed frames of Hand Over Face"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_heatmap_table_arguments(parser, "table_09", "--records", COUNTS)


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.rescued import write_rescued

    write_rescued("table_09", args.records, args.published, args.variants, args.out)
    return 0
