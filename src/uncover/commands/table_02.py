"""Table 2: train, validation and test photos."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write table 2: train, validation and test photos"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_02.csv, .md and .tex")
    parser.add_argument(
        "--manifests", type=Path, nargs="+", required=True, help="manifests, in folders named as their set"
    )
    parser.add_argument("--splits", type=Path, nargs="+", required=True, help="summaries of `uncover split_photos`")
    parser.add_argument("--published", type=Path, required=True, help="the thesis's numbers (config/published.yaml)")


def run(args: argparse.Namespace) -> int:
    from uncover.datasets.manifest import read_manifest
    from uncover.datasets.records import read_summary
    from uncover.report.published import load_published
    from uncover.report.tables.splits import splits_table

    manifests = {path.parent.name: read_manifest(path) for path in args.manifests}
    splits = [read_summary(path, ("source", "wished", "got", "unused"), "split_photos") for path in args.splits]
    splits_table(manifests, splits, load_published(args.published)["table_02"].rows).write(args.out)
    return 0
