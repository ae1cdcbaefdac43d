"""Gather the generations of a hyperparameter evolution.

HISTORY.csv gets a row for each, BEST.json is the record of the one with the highest fitness (0.1 mAP50 + 0.9 mAP50-95),
of equal ones the earliest.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "gather the generations of a hyperparameter evolution"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("history", type=Path, metavar="HISTORY.csv", help="table to write")
    parser.add_argument("best", type=Path, metavar="BEST.json", help="record of the best generation to write")
    parser.add_argument(
        "records", type=Path, nargs="+", metavar="RECORD.json", help="records of `uncover evolve_generation`"
    )


def run(args: argparse.Namespace) -> int:
    import csv

    from uncover.atomic import check_new_file, new_file
    from uncover.console import say
    from uncover.detector.evolution import fittest, history_rows, read_generations, write_generation
    from uncover.errors import InputError

    # Whoever forgets one of the two would have a record overwritten.
    if args.history.suffix != ".csv" or args.best in args.records:
        raise InputError(
            f"{args.history} {args.best}: expected HISTORY.csv and BEST.json to write, before the records to read"
        )
    for path in (args.history, args.best):
        check_new_file(path)
    records = read_generations(args.records)
    best = fittest(records)
    rows = history_rows(records)
    with new_file(args.history) as path, path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_generation(args.best, best)
    say(f"{args.history}: {len(records)} generations, best {best.generation} with fitness {best.fitness:.4f}")
    return 0
