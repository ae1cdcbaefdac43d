"""Put the scores of many fine-tunings into one table, a row each: how many labelled frames help how much.

The records are left_out.json of `uncover fine_tune`, for several counts, infants left out and numbers of frozen
layers. `uncover figure_learning_curve` draws the table.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "collect the scores of fine-tunings on a few frames"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="table to write")
    parser.add_argument("records", type=Path, nargs="+", metavar="left_out.json", help="records of uncover fine_tune")


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_new_file
    from uncover.console import say
    from uncover.errors import InputError
    from uncover.report.learning_curve import collect_learning_curve

    # Whoever forgets OUT would have the first record overwritten.
    if args.out.suffix != ".csv":
        raise InputError(f"{args.out}: expected OUT.csv, the table to write, before the records")
    check_new_file(args.out)
    table = collect_learning_curve(args.records, args.out)
    unscored = int(table["ap50"].isna().sum())
    told = f"; {unscored} of an infant without a face to score" if unscored else ""
    groups = table.drop_duplicates("group")["group_kind"].value_counts(sort=False)
    left_out = " and ".join(f"{number} {kind}{'s' * (number != 1)}" for kind, number in groups.items())
    assumed = "; nobody says whose the videos are: each counts as one infant" if "video" in groups else ""
    say(f"{args.out}: {len(table)} fine-tunings, {left_out} left out in turn{assumed}{told}")
    return 0
