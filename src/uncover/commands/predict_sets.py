"""Find boxes in several sets with one trained detector, which is loaded once.

Each SET is a data set (a folder with images/), or for a detector of heatmaps a heatmap set (a folder of `uncover
heatmaps`). DIR gets <name of the SET's folder>.parquet for each, as `uncover predict` writes it; with --shard 1/4 it
gets <name>/shards/1-of-4.parquet, and `uncover predict collect` joins those of a set.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import add_shard_argument, read_shard, tables_of
from uncover.commands.predict import add_inference_arguments, load_predictor

SUMMARY = "find boxes in several sets with one trained detector"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET", help="data set or heatmap set")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the tables")
    add_inference_arguments(parser)
    add_shard_argument(parser)


def run(args: argparse.Namespace) -> int:
    from uncover.console import say
    from uncover.errors import keeping
    from uncover.metrics.predictions import write_predictions

    shard = read_shard(args)
    tables = tables_of(args.sets, args.out, shard if args.shard else None)
    predictor = load_predictor(args)
    # All are looked at before the network works on the first: what is wrong with the last one shows at once.
    found = {out: predictor.find([folder], shard) for out, folder in tables.items()}
    written: list[Path] = []
    with keeping(lambda: bool(written)):
        for out, inputs in found.items():
            predictions = predictor.predict(inputs)
            predictions.settings.update(shard.settings())
            write_predictions(out, predictions)
            written.append(out)
            say(f"{out}: {len(predictions.boxes)} boxes in {len(predictions.images)} images")
    return 0
