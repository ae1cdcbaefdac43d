"""Table 1: the original data sets."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write table 1: the original data sets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_01.csv, .md and .tex")
    parser.add_argument("--faces", type=Path, nargs="*", default=[], help="tables of `uncover read_faces`")
    parser.add_argument("--frames", type=Path, nargs="*", default=[], help="manifests of sets without landmarks")


def run(args: argparse.Namespace) -> int:
    from uncover.datasets.faces_table import read_faces_table
    from uncover.datasets.manifest import read_manifest
    from uncover.report.tables.original_datasets import original_datasets

    faces = [read_faces_table(path) for path in args.faces]
    original_datasets(faces, [read_manifest(path) for path in args.frames]).write(args.out)
    return 0
