"""Every number that the thesis prints beside ours, with its interval.

What a run does not have is n/a, never left out. Columns: table, row, column, published, ours, low, high, comparable
and a note. Numbers of the thesis's running text stand there as the table "text".
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import add_settings_argument

SUMMARY = "write the comparison with the thesis's numbers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="file to write")
    parser.add_argument("--tables", type=Path, nargs="*", default=[], help="table_01.csv and others of the run")
    parser.add_argument(
        "--records",
        type=Path,
        nargs="*",
        default=[],
        help="further records of the run, under their names there, such as metrics/rgb10/val/all/summary.json",
    )
    parser.add_argument("--published", type=Path, required=True, help="the thesis's numbers (config/published.yaml)")
    add_settings_argument(parser)
    parser.add_argument(
        "--not-comparable", default="", metavar="WHY", help='say of every number why it is not, such as "stand-in data"'
    )


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_new_file
    from uncover.config.load import check_config
    from uncover.config.values import read_pairs
    from uncover.errors import InputError
    from uncover.report.comparison import write_comparison

    if args.out.suffix != ".csv":
        raise InputError(f"{args.out}: expected OUT.csv, the file to write")
    check_new_file(args.out)
    # Whatever the run is called, its settings are read the same.
    values = {"run": "unnamed", **read_pairs(args.settings, "--settings")}
    settings = check_config(values, "--settings").model_dump(mode="json")
    write_comparison(args.out, args.tables, args.records, args.published, settings, args.not_comparable)
    return 0
