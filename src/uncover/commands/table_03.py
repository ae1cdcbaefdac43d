"""Table 3: the hyperparameters that evolution chose."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write table 3: hyperparameters chosen by evolution"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for table_03.csv, .md and .tex")
    parser.add_argument("--training", type=Path, required=True, help="summary.json of the detector's training")
    parser.add_argument("--published", type=Path, required=True, help="the thesis's numbers (config/published.yaml)")
    parser.add_argument("--history", type=Path, help="history.csv of the evolution, where there was one")
    parser.add_argument("--best", type=Path, help="best.json beside it")


def run(args: argparse.Namespace) -> int:
    from uncover.errors import InputError
    from uncover.report.tables.evolution import write_evolution_table

    if (args.history is None) != (args.best is None):
        raise InputError("--history and --best belong together; give both or none")
    write_evolution_table(args.training, args.published, args.out, args.history, args.best)
    return 0
