"""Fetch a third party's weights into a folder, as tensors alone, or write down why that cannot be done.

WEIGHTS is a file or an address; it is opened only when its sha256 is the one given. DIR gets state.json and weights.pt.
Where the weights are not to be had, it gets state.json alone, which says why, and the exit code is 0 all the same: what
needs them (`uncover predict rival`, `uncover train rival`) stops with those words, and everything else can go on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "fetch weights of another face detector, or write down why not"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("weights", metavar="WEIGHTS", help="file, or address")
    parser.add_argument("out", type=Path, metavar="DIR", help="folder to write to")
    parser.add_argument("--sha256", metavar="HASH", type=str.lower, help="sha256 that the file must have")
    parser.add_argument("--url", help="where to fetch the file from if there is no file WEIGHTS")
    parser.add_argument("--attempt", type=int, default=1, help="number of the attempt, for the record (default: 1)")


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_writable
    from uncover.console import say
    from uncover.owner import check_shared
    from uncover.rivals.weights import fetch_weights

    check_writable(args.out)
    check_shared(args.out, "fetch_weights", ("weights.pt",))
    fetched = fetch_weights(args.out, args.weights, args.url, args.sha256, args.attempt)
    say(fetched.why or f"{args.out}: at hand")
    return 0
