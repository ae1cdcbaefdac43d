"""Join the shares of sets that `uncover predict sets --shard` or `predict rival --shard` wrote.

The shares of a set stand in <SET>/shards/; <SET>.parquet gets all of them, as one job without --shard would have
written it. Shares of several sets may be given together.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "join the shares of sets that several jobs looked at"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "shares", type=Path, nargs="+", metavar="SHARE.parquet", help="all shares of each set, in any order"
    )
    parser.add_argument(
        "--out", type=Path, metavar="OUT.parquet", help="table to write, for shares of one set that stand elsewhere"
    )


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_new_file
    from uncover.console import say
    from uncover.errors import InputError
    from uncover.images.shard import RECORDS
    from uncover.metrics.joining import join_predictions
    from uncover.metrics.predictions import write_predictions

    sets: dict[Path, list[Path]] = {}
    for share in args.shares:
        if args.out is None and share.parent.name != RECORDS:
            raise InputError(f"{share}: stands in no folder {RECORDS}/ of a set; say where to with --out OUT.parquet")
        folder = share.parent.parent
        sets.setdefault(args.out or folder.with_name(f"{folder.name}.parquet"), []).append(share)
    for out in sets:
        check_new_file(out)
    for out, shares in sets.items():
        predictions = join_predictions(shares)
        write_predictions(out, predictions)
        say(f"{out}: {len(predictions.boxes)} boxes in {len(predictions.images)} images")
    return 0
