"""Weights of third parties: imported or fetched as tensors alone."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from uncover.commands import verb

logger = logging.getLogger(__name__)


def _import_weights_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="upstream's file, such as yolov5n.pt, or its address")
    parser.add_argument("out", type=Path, metavar="OUT", help="weights file to write")
    parser.add_argument("--sha256", metavar="HASH", type=str.lower, help="sha256 that the checkpoint must have")
    parser.add_argument("--url", help="where to fetch the checkpoint from if there is no file CHECKPOINT")
    parser.add_argument("--model", metavar="NAME", help="network that it must hold, such as yolov5n")


@verb("import_weights", "turn a checkpoint of YOLOv5 into a safe weights file", _import_weights_arguments)
def run_import_weights(args: argparse.Namespace) -> int:
    """Turn a checkpoint of upstream's YOLOv5 into a weights file that runs no code when it is opened.

    CHECKPOINT is a file or an address. It is a pickle, and a pickle can run code: only tensors and plain values are
    taken out of it, nothing in it is run. With --sha256 it must be that very file; what is fetched from an address
    needs it. OUT serves `uncover train --start` and `uncover predict --weights`, which open a checkpoint, such as
    best.pt, as well.
    """
    from uncover.atomic import check_new_file
    from uncover.errors import InputError
    from uncover.yolov5.third_party import check_trusted, is_address, read_or_fetch
    from uncover.yolov5.upstream_checkpoints import read_checkpoint
    from uncover.yolov5.weights import assemble, describe, save_weights

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
    logger.info(f"{name}: sha256 {checkpoint.sha256} ({stated})")
    logger.info(f"{args.out}: {header.model}, {header.channels} channels, {len(header.class_names)} classes")
    return 0


def _training_of(weights: Path) -> dict[str, object]:
    """How weights came about; nothing where the file is no weights file of ours."""
    from uncover.errors import InputError
    from uncover.yolov5.weights import read_weights

    try:
        return read_weights(weights)[0].training
    except InputError:
        return {}


def _fetch_weights_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("weights", metavar="WEIGHTS", help="file, or address")
    parser.add_argument("out", type=Path, metavar="DIR", help="folder to write to")
    parser.add_argument("--sha256", metavar="HASH", type=str.lower, help="sha256 that the file must have")
    parser.add_argument("--url", help="where to fetch the file from if there is no file WEIGHTS")
    parser.add_argument("--attempt", type=int, default=1, help="number of the attempt, for the record (default: 1)")


@verb("fetch_weights", "fetch weights of a baseline detector, or write down why not", _fetch_weights_arguments)
def run_fetch_weights(args: argparse.Namespace) -> int:
    """Fetch a third party's weights into a folder, as tensors alone, or write down why that cannot be done.

    WEIGHTS is a file or an address; it is opened only when its sha256 is the one given. DIR gets state.json and
    weights.pt. Where the weights are not to be had, it gets state.json alone, which says why, and the exit code is 0
    all the same: what needs them (`uncover predict baseline`, `uncover train baseline`) stops with those words, and
    everything else can go on.
    """
    from uncover.atomic import check_writable
    from uncover.baselines.weights import fetch_weights
    from uncover.owner import check_shared

    check_writable(args.out)
    check_shared(args.out, "fetch_weights", ("weights.pt",))
    fetched = fetch_weights(args.out, args.weights, args.url, args.sha256, args.attempt)
    logger.info(fetched.why or f"{args.out}: at hand")
    return 0
