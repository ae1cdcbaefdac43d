"""Turn a checkpoint of upstream's YOLOv5 into a weights file that runs no code when it is opened.

CHECKPOINT is a file or an address. It is a pickle, and a pickle can run code: only tensors and plain values are taken
out of it, nothing in it is run. With --sha256 it must be that very file; what is fetched from an address needs it. OUT
serves `uncover train --start` and `uncover predict --weights`, which open a checkpoint, such as best.pt, as well.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "turn a checkpoint of YOLOv5 into a safe weights file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="upstream's file, such as yolov5n.pt, or its address")
    parser.add_argument("out", type=Path, metavar="OUT", help="weights file to write")
    parser.add_argument("--sha256", metavar="HASH", type=str.lower, help="sha256 that the checkpoint must have")
    parser.add_argument("--url", help="where to fetch the checkpoint from if there is no file CHECKPOINT")
    parser.add_argument("--model", metavar="NAME", help="network that it must hold, such as yolov5n")


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_new_file
    from uncover.console import say
    from uncover.detector.third_party import check_trusted, is_address, read_checkpoint, read_or_fetch
    from uncover.detector.weights import assemble, describe, save_weights
    from uncover.errors import InputError

    if not Path(args.checkpoint).exists() and (args.url or is_address(args.checkpoint)):
        check_trusted(args.checkpoint, args.sha256)
    check_new_file(args.out)
    if args.out.exists() and "imported_from" not in _training_of(args.out):
        raise InputError(f"{args.out}: holds no imported weights, and would be replaced; give another name")
    content, name = read_or_fetch(args.checkpoint, args.url)
    checkpoint = read_checkpoint(content, name, args.sha256)
    if args.model not in (None, checkpoint.model):
        raise InputError(f"{name}: holds {checkpoint.model}; expected {args.model}")
    header = describe(checkpoint, name.rpartition("/")[2])
    network = assemble(header, checkpoint.state, name)
    save_weights(args.out, network.state_dict(), header)
    stated = "as stated" if args.sha256 else "state it with --sha256 to make sure that it is the same file again"
    say(f"{name}: sha256 {checkpoint.sha256} ({stated})")
    say(f"{args.out}: {header.model}, {header.channels} channels, {len(header.class_names)} classes")
    return 0


def _training_of(weights: Path) -> dict[str, object]:
    """How weights came about; nothing where the file is no weights file of ours."""
    from uncover.detector.weights import read_weights
    from uncover.errors import InputError

    try:
        return read_weights(weights)[0].training
    except InputError:
        return {}
