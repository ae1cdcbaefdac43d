"""Train another face detector on the whole faces of a data set, by its own recipe.

NAME is yolo11, retinanet or faster_rcnn. DATA is a folder with the data sets train/ and val/, of whose labels only the
whole faces count. OUT gets weights.pt (the best epoch), results.csv and summary.json. A training that is stopped goes
on where it was when the same command is given again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import add_rival_arguments

SUMMARY = "train another face detector on whole faces"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="detector: yolo11, retinanet or faster_rcnn")
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with the data sets train/ and val/")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for weights.pt, results.csv, summary.json")
    parser.add_argument(
        "--start", type=Path, metavar="WEIGHTS", help="weights to start from: file or folder of `uncover fetch_weights`"
    )
    add_rival_arguments(parser, "network=yolo11n epochs=30 weights=scratch")


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_writable
    from uncover.config.rivals import TRAINED_NAMES, Rivals
    from uncover.config.values import check_section, read_pairs
    from uncover.errors import InputError
    from uncover.owner import check_shared
    from uncover.rivals.fetched import fetched_file
    from uncover.rivals.known import find_rival

    rival = find_rival(args.name)
    if not rival.trained:
        raise InputError(f"{args.name}: is not trained here; expected one of {', '.join(TRAINED_NAMES)}")
    settings = check_section(type(getattr(Rivals(), args.name)), read_pairs(args.set), "--set")
    check_writable(args.out)
    check_shared(args.out, "train", ("weights.pt", "results.csv", "summary.json"))
    start = None if args.start is None else fetched_file(args.start)

    from uncover.detector.device import pick_device
    from uncover.rivals.weights import load_rival
    from uncover.workflow.digest import code_digest

    weights = None if start is None else load_rival(start)
    identity = {"code": code_digest(rival.module)}
    rival.open().train(settings, weights, args.data, args.out, pick_device(args.device), identity)
    return 0
