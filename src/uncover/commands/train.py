"""Train a detector on a data set in YOLO layout.

DATA is a set (a folder with images/, labels/ and data.yaml) and --val another (by default the set val/ beside it), or
DATA is a folder that holds both as train/ and val/. OUT gets weights.pt (the best epoch), results.csv and summary.json.
A detector of heatmaps takes them from --heatmaps DIR, with the heatmap sets train/ and val/ of the same photos, such as
results/demo/heatmaps/gradcampp, and --input says which of them; labels and sizes are those of DATA.
Fine-tuning: uncover train --from RUN --data FRAMES [OUT]. RUN is a run's folder, such as results/demo (its whole-face
detector), the folder of another training, or a weights file; model, classes, size and gains are those of its training.
FRAMES may be frames as `uncover frames` picks them (<grade>/images, <grade>/labels), which become a data set OUT/data.
One video, or infant, validates: --leave-out NAME, or one that is chosen and told. --freeze backbone lets only neck and
head learn.
A training that is stopped goes on where it was when the same command is given again. Several GPUs of a machine share it
with --set processes=2; of several machines through torchrun: torchrun ... -m uncover train ...
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import add_detector_settings

SUMMARY = "train a YOLOv5 detector on a data set"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, nargs="?", metavar="DATA", help="data set, or folder with train/ and val/")
    parser.add_argument(
        "out", type=Path, nargs="?", metavar="OUT", help="folder for weights.pt, results.csv, summary.json"
    )
    parser.add_argument(
        "--data",
        type=Path,
        dest="frames",
        metavar="DATA",
        help="the same as DATA; then OUT may be left out, and is <name of DATA>_detector",
    )
    parser.add_argument(
        "--from", type=Path, dest="source", metavar="RUN", help="fine-tune: a run, the folder of a training, or weights"
    )
    parser.add_argument(
        "--freeze", metavar="LAYERS", help="keep the weights of the first layers: backbone (10 layers), none, a number"
    )
    parser.add_argument(
        "--leave-out", metavar="NAME", help="video or infant whose frames validate; all others are trained on"
    )
    add_training_arguments(parser)
    parser.add_argument(
        "--hyperparameters", type=Path, help="best.json of an evolution, whose hyperparameters to train with"
    )
    parser.add_argument(
        "--input",
        choices=("photo", "grey", "classes", "joint", "mean", "whole_face"),
        default="photo",
        help="what the network looks at: photos, in colour or grey; heatmaps: a channel per class, that of all"
        " detections together, the mean of all classes, or that of the whole face (default: photo)",
    )
    parser.add_argument("--heatmaps", type=Path, metavar="DIR", help="heatmap sets train/ and val/ of the photos")


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of everything that trains."""
    parser.add_argument("--val", type=Path, metavar="DATA", help="data set that early stopping looks at")
    add_detector_settings(parser, "model=yolov5n epochs=30 hyperparameters.lr0=0.02")
    parser.add_argument("--start", type=Path, metavar="WEIGHTS", help="weights to start from (uncover import_weights)")
    parser.add_argument("--channels", type=int, help="channels of the images (default: 3, or those of --input)")
    parser.add_argument("--padding", type=int, help="value around letterboxed images (default: 114, around heatmaps 0)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda:0 (default: a GPU where there is one)")
    parser.add_argument(
        "--cache", choices=("auto", "ram", "disk", "none"), default="auto", help="where decoded images are kept"
    )
    parser.add_argument("--workers", type=int, help="threads that prepare images")


def check_training_arguments(args: argparse.Namespace) -> None:
    """Make sure that the numbers among them make sense.

    Raises:
        InputError: One does not.
    """
    from uncover.config.options import check_number

    check_number("--channels", args.channels, 1)
    check_number("--padding", args.padding, 0, 255)
    check_number("--workers", args.workers, 1)


def processes(args: argparse.Namespace) -> int:
    """How many share the training."""
    from uncover.config.detectors import Detector
    from uncover.config.values import check_section, read_pairs

    return check_section(Detector, read_pairs(args.set), "--set").processes


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_writable
    from uncover.detector.distributed import join_crew
    from uncover.detector.finetune import is_picked
    from uncover.detector.job import read_job
    from uncover.detector.train import train
    from uncover.workflow.digest import code_digest

    check_training_arguments(args)
    data, out = _places(args)
    check_writable(out)
    frozen = [] if args.freeze is None else [f"freeze={_layers(args.freeze)}"]
    identity = {"code": code_digest("uncover.detector.train")}
    if args.source or args.leave_out or is_picked(data):
        return _fine_tune(args, data, out, frozen, identity)
    job = read_job(
        data,
        args.val,
        [*frozen, *args.set],
        args.start,
        args.hyperparameters,
        args.channels,
        args.padding,
        args.heatmaps,
        args.input,
    )
    with join_crew(args.device) as crew:
        train(job, out, crew, args.cache, args.workers, identity)
    return 0


def _fine_tune(args: argparse.Namespace, data: Path, out: Path, frozen: list[str], identity: dict[str, str]) -> int:
    from uncover.detector.distributed import join_crew
    from uncover.detector.finetune import find_start, read_frames_job
    from uncover.detector.train import train

    _refuse_idle_options(args)
    start = args.start if args.source is None else find_start(args.source)
    with join_crew(args.device) as crew:
        places = (data, args.val, out / "data")
        job = read_frames_job(*places, start, [*frozen, *args.set], args.leave_out, args.source is not None, crew)
        train(job, out, crew, args.cache, args.workers, identity)
    return 0


def _places(args: argparse.Namespace) -> tuple[Path, Path]:
    """What to train on, and where to write to."""
    from uncover.errors import InputError

    if args.frames is None:
        if args.data is None or args.out is None:
            raise InputError("expected DATA and OUT, or --data DATA")
        return args.data, args.out
    if args.out is not None:
        raise InputError(f"--data {args.frames}: DATA also stands as {args.data}; leave one of the two out")
    return args.frames, args.data or Path(f"{args.frames.resolve().name}_detector")


def _layers(word: str) -> int:
    from uncover.config.finetune import BACKBONE
    from uncover.errors import InputError

    named = {"backbone": BACKBONE, "none": 0}
    if word not in named and not word.isdecimal():
        raise InputError(f"--freeze {word}: expected backbone, none, or a number of layers")
    return named[word] if word in named else int(word)


def _refuse_idle_options(args: argparse.Namespace) -> None:
    """An option that would change nothing is a mistake that somebody would find out late."""
    from uncover.errors import InputError

    if args.source and args.start:
        raise InputError(f"--start {args.start}: --from {args.source} says where to start; leave one of the two out")
    if args.val and args.leave_out:
        raise InputError(f"--leave-out {args.leave_out}: --val {args.val} validates; leave one of the two out")
    of_weights = {"--hyperparameters": args.hyperparameters, "--channels": args.channels, "--padding": args.padding}
    for option, value in {**of_weights, "--heatmaps": args.heatmaps}.items():
        if value is not None:
            raise InputError(f"{option} {value}: is none of fine-tuning's options; leave it out")
    if args.input != "photo":
        raise InputError(f"--input {args.input}: what is looked at is that of the start weights; leave it out")
