"""Whole faces that the RGB detectors find and miss on val (thesis section 4.4.1)."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write the table of whole faces found and missed on val"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_val_counts.csv, .md and .tex")
    parser.add_argument(
        "--classes",
        type=Path,
        nargs="+",
        required=True,
        help="classes.csv of `uncover evaluate`, in folders named <model>/val/whole_face, model = rgb10, rgb1",
    )
    parser.add_argument("--published", type=Path, required=True, help="the thesis's numbers (config/published.yaml)")


def run(args: argparse.Namespace) -> int:
    from uncover.report.tables.val_counts import write_val_counts

    write_val_counts(args.classes, args.published, args.out)
    return 0
