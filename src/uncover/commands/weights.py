"""Third-party weights: imported or fetched, tensors only."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from uncover.commands import verb
from uncover.commands._shared_arguments import offer

logger = logging.getLogger(__name__)


def _import_weights_arguments(parser: argparse.ArgumentParser) -> None:
    checkpoint = parser.add_argument(
        "checkpoint", metavar="CHECKPOINT", help="checkpoint of upstream YOLOv5, such as yolov5n.pt, or its URL"
    )
    offer(checkpoint, (), files=True)
    parser.add_argument("out", type=Path, metavar="OUT", help="weights file to write")
    parser.add_argument("--sha256", metavar="HASH", type=str.lower, help="required SHA-256 of the checkpoint")
    parser.add_argument(
        "--url", metavar="URL", help="where to fetch the checkpoint if the file CHECKPOINT does not exist"
    )
    parser.add_argument("--model", metavar="NAME", help="required network of the checkpoint, such as yolov5n")


@verb("import_weights", "convert a checkpoint of upstream YOLOv5 to weights", _import_weights_arguments)
def run_import_weights(args: argparse.Namespace) -> int:
    """Convert a checkpoint of upstream YOLOv5 to a weights file that runs no code when it is loaded.

    CHECKPOINT is a file or a URL. A checkpoint is a pickle, which can contain code: only tensors and plain values are
    read from it, no code in it is run. --sha256 checks its hash; a download requires it. Pass OUT to `uncover train
    --weights` or `uncover predict --weights`; these load a checkpoint, such as best.pt, as well.

    Examples:
      uncover import_weights runs/train/exp/weights/best.pt mine.pt
      uncover import_weights yolov5n.pt weights/yolov5n.pt --model yolov5n
    """
    from uncover.atomic import check_new_file
    from uncover.console import result, wrote
    from uncover.errors import InputError
    from uncover.yolov5.third_party import check_trusted, is_address, read_or_fetch
    from uncover.yolov5.upstream_checkpoints import read_checkpoint
    from uncover.yolov5.weights import assemble, describe, save_weights

    if not Path(args.checkpoint).exists() and (args.url or is_address(args.checkpoint)):
        check_trusted(args.checkpoint, args.sha256)
    check_new_file(args.out)
    if args.out.exists() and "imported_from" not in _training_of(args.out):
        raise InputError(f"{args.out}: is not a file of imported weights, and would be replaced; give another name")
    content, name = read_or_fetch(args.checkpoint, args.url)
    checkpoint = read_checkpoint(content, name, args.sha256)
    if args.model not in (None, checkpoint.model):
        raise InputError(f"{name}: holds {checkpoint.model}; expected {args.model}")
    header = describe(checkpoint, name.rpartition("/")[2])
    network = assemble(header, checkpoint.state, name)
    save_weights(args.out, network.state_dict(), header)
    stated = "as given" if args.sha256 else "pass it as --sha256 to check that it is the same file next time"
    logger.info(f"{name}: sha256 {checkpoint.sha256} ({stated})")
    text = f"{header.model}, {header.channels} channels, {len(header.class_names)} classes"
    wrote(args.out, text, model=header.model, channels=header.channels, classes=list(header.class_names))
    result({"checkpoint": name, "sha256": checkpoint.sha256})
    return 0


def _training_of(weights: Path) -> dict[str, object]:
    """How weights were trained; empty if the file is not a weights file of ours."""
    from uncover.errors import InputError
    from uncover.yolov5.weights import read_weights

    try:
        return read_weights(weights)[0].training
    except InputError:
        return {}


def _fetch_weights_arguments(parser: argparse.ArgumentParser) -> None:
    weights = parser.add_argument("weights", metavar="WEIGHTS", help="file or URL")
    offer(weights, (), files=True)
    parser.add_argument("out", type=Path, metavar="DIR", help="folder to write to")
    parser.add_argument("--sha256", metavar="HASH", type=str.lower, help="required SHA-256 of the file")
    parser.add_argument("--url", metavar="URL", help="where to fetch the file if the file WEIGHTS does not exist")
    parser.add_argument(
        "--attempt", type=int, default=1, metavar="N", help="number of the attempt, for the record (default: 1)"
    )


@verb("fetch_weights", "download weights of a baseline detector", _fetch_weights_arguments)
def run_fetch_weights(args: argparse.Namespace) -> int:
    """Download third-party weights to a folder, tensors only, or record why that failed.

    WEIGHTS is a file or a URL; it is read only if its SHA-256 is the given one. DIR gets state.json and weights.pt. If
    the weights are not available, DIR gets only state.json with the reason, and the exit code is still 0: commands
    that require them (`uncover predict baseline`, `uncover train baseline`) fail with that reason, all others run.

    Examples:
      uncover fetch_weights Resnet50_Final.pth weights/retinaface --sha256 HASH
      uncover fetch_weights yolo11n.pt weights/yolo11 --url https://example.org/yolo11n.pt --sha256 HASH
    """
    from uncover.atomic import check_writable
    from uncover.baselines.weights import fetch_weights
    from uncover.console import wrote
    from uncover.owner import check_shared

    check_writable(args.out)
    check_shared(args.out, "fetch_weights", ("weights.pt",))
    fetched = fetch_weights(args.out, args.weights, args.url, args.sha256, args.attempt)
    if fetched.why:
        logger.info(fetched.why)
        wrote(args.out / "state.json", "why there are no weights", why=fetched.why)
    else:
        wrote(args.out / "weights.pt")
    return 0
