"""Find boxes in several sets with one trained detector, which is loaded once.

Each SET is a data set (a folder with images/), or for a detector of heatmaps a heatmap set (a folder of `uncover
heatmaps`). DIR gets <name of the SET's folder>.parquet for each, as `uncover predict` writes it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from uncover.commands.predict import add_inference_arguments, load_predictor

SUMMARY = "find boxes in several sets with one trained detector"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET", help="data set or heatmap set")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the tables")
    add_inference_arguments(parser)


def tables_of(sets: Sequence[Path], out: Path) -> dict[Path, Path]:
    """Sets by the table that each gets in a folder, all of which can be written.

    Raises:
        InputError: A set is a file, two would get the same table, or a table cannot be written.
    """
    from uncover.atomic import check_new_file
    from uncover.errors import InputError

    tables: dict[Path, Path] = {}
    for folder in sets:
        if folder.is_file():
            raise InputError(f"{folder}: is a file; expected sets, which are folders (for files: uncover predict)")
        # Links stay: whoever linked a folder named it so.
        table = out / f"{folder.absolute().name}.parquet"
        if table in tables:
            raise InputError(f"{folder}: has the name of {tables[table]}, and both would be {table}; give them apart")
        check_new_file(table)
        tables[table] = folder
    return tables


def run(args: argparse.Namespace) -> int:
    from uncover.console import say
    from uncover.metrics.predictions import write_predictions

    tables = tables_of(args.sets, args.out)
    predictor = load_predictor(args)
    # All are looked at before the network works on the first: what is wrong with the last one shows at once.
    found = {out: predictor.find([folder]) for out, folder in tables.items()}
    for out, inputs in found.items():
        predictions = predictor.predict(inputs)
        write_predictions(out, predictions)
        say(f"{out}: {len(predictions.boxes)} boxes in {len(predictions.images)} images")
    return 0
