"""Table 8: what the heatmap detectors find in missed photos of both test sets."""

from __future__ import annotations

import argparse

from uncover.commands._shared_arguments import COUNTS, add_heatmap_table_arguments

SUMMARY = "write table 8: the heatmap detectors on missed photos of the test sets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_heatmap_table_arguments(parser, "table_08", "--records", COUNTS)


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.rescued import write_rescued

    write_rescued("table_08", args.records, args.published, args.variants, args.out)
    return 0
