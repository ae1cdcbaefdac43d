"""What the released scripts' part boxes change: boxes that lie elsewhere than the corrected ones, per class."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write the table of what the released part boxes change"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_parts.csv, .md and .tex")
    parser.add_argument("--faces", type=Path, nargs="+", required=True, help="tables of `uncover read_faces`")


def run(args: argparse.Namespace) -> int:
    from uncover.datasets.faces_table import read_faces_table
    from uncover.report.tables.released_parts import released_parts_table

    released_parts_table([read_faces_table(path) for path in args.faces]).write(args.out)
    return 0
