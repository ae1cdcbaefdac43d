"""Training of a detector, ours or a baseline."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from uncover.commands import verb
from uncover.commands._shared_arguments import add_baseline_arguments, add_class_argument, add_detector_settings


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
    from uncover.config.values import check_number

    check_number("--channels", args.channels, 1)
    check_number("--padding", args.padding, 0, 255)
    check_number("--workers", args.workers, 1)


def processes(args: argparse.Namespace) -> int:
    """How many share the training."""
    from uncover.config.detectors import Detector
    from uncover.config.values import check_section, read_pairs

    return check_section(Detector, read_pairs(args.set), "--set").processes


def _train_arguments(parser: argparse.ArgumentParser) -> None:
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
        "--from",
        type=Path,
        dest="source",
        metavar="RUN",
        help="fine-tune: a run, the folder of a training, weights, or ready-made ones by their name",
    )
    parser.add_argument(
        "--freeze", metavar="LAYERS", help="keep the weights of the first layers: backbone (10 layers), none, a number"
    )
    parser.add_argument(
        "--leave-out", metavar="NAME", help="infant, or one of its videos, whose frames validate; all others train"
    )
    add_training_arguments(parser)
    add_class_argument(
        parser,
        "class to learn, may stand several times (default: all); with classes=whole_face, what is the face",
    )
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
    parser.add_argument("--heatmaps", type=Path, metavar="DIR", help="heatmap set of the photos, or train/ and val/")


@verb("train", "train a YOLOv5 detector on a data set", _train_arguments, processes=processes)
def run_train(args: argparse.Namespace) -> int:
    """Train a detector on a data set in YOLO layout.

    DATA is a set (a folder with images/, labels/ and data.yaml) and --val another (by default the set val/ beside
    it), or DATA is a folder that holds both as train/ and val/ (or valid/), or the YAML file of a YOLO data set, of
    any name. OUT gets weights.pt (the best epoch), results.csv and summary.json. A detector of heatmaps takes them
    from --heatmaps DIR: the heatmap sets train/ and val/ of the same photos, such as results/demo/heatmaps/gradcampp,
    or one heatmap set of all of them. --input says which maps; labels and sizes are those of DATA. Fine-tuning:
    uncover train --from RUN --data FRAMES [OUT]. RUN is a run's folder, such as results/demo (its whole-face
    detector), the folder of another training, or a weights file; model, classes, size and gains are those of its
    training. FRAMES may be frames as `uncover frames` picks them (<grade>/images, <grade>/labels), which become a
    data set OUT/data. One infant validates, with all its videos: --leave-out NAME, or one that is chosen and told;
    frames.csv (column infant) or infants.csv (video,infant) beside the frames say who is in which. --freeze backbone
    lets only neck and head learn. A training that is stopped goes on where it was when the same command is given
    again; a finished one of other settings or data is never replaced. Several GPUs of a machine share it with --set
    processes=2; of several machines through torchrun: torchrun ... -m uncover train ...
    """
    from uncover.atomic import check_writable
    from uncover.owner import check_shared
    from uncover.yolov5.finetune import is_picked

    check_training_arguments(args)
    data, out = _places(args)
    check_writable(out)
    check_shared(out, "train", ("weights.pt", "results.csv", "summary.json"))
    frozen = [] if args.freeze is None else [f"freeze={_layers(args.freeze)}"]
    of_frames = args.source or args.leave_out or is_picked(data)
    return (train_on_frames if of_frames else train_on_sets)(args, data, out, frozen)


def train_on_sets(args: argparse.Namespace, data: Path, out: Path, frozen: Sequence[str]) -> int:
    """Train on sets: all that the trainings of a run need.

    Args:
        args: Of the verb.
        data: Data set, or folder with train/ and val/.
        out: Folder to write to.
        frozen: Settings of --freeze, which --set may change.

    Raises:
        InputError: A set, the weights, or a setting is unusable.
    """
    from uncover.workflow.digest import code_digest
    from uncover.yolov5.distributed import process_group
    from uncover.yolov5.job import read_job
    from uncover.yolov5.train import train

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
        args.classes,
    )
    with process_group(args.device) as group:
        identity = {"code": code_digest("uncover.yolov5.train")}
        train(job, out, group, args.cache, args.workers, identity, replace=False)
    return 0


def train_on_frames(args: argparse.Namespace, data: Path, out: Path, frozen: Sequence[str]) -> int:
    """Fine-tune, or train on frames that one video validates; picked frames become a data set in OUT first.

    Args:
        args: Of the verb.
        data: Picked frames, data set, or folder with train/ and val/.
        out: Folder to write to.
        frozen: Settings of --freeze, which --set may change.

    Raises:
        InputError: Frames, weights or a setting are unusable, or an option would change nothing.
    """
    from uncover.workflow.digest import code_digest
    from uncover.yolov5.distributed import process_group
    from uncover.yolov5.finetune import find_start, read_frames_job
    from uncover.yolov5.train import train

    _refuse_idle_options(args)
    start = args.start if args.source is None else find_start(args.source)
    with process_group(args.device) as group:
        places = (data, args.val, out / "data")
        settings, fine_tuning = [*frozen, *args.set], args.source is not None
        job = read_frames_job(*places, start, settings, args.leave_out, fine_tuning, group, args.classes)
        identity = {"code": code_digest("uncover.yolov5.train")}
        train(job, out, group, args.cache, args.workers, identity, replace=False)
    return 0


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


def _train_baseline_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="detector: yolo11, retinanet or faster_rcnn")
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with the data sets train/ and val/")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for weights.pt, results.csv, summary.json")
    parser.add_argument(
        "--start", type=Path, metavar="WEIGHTS", help="weights to start from: file or folder of `uncover fetch_weights`"
    )
    add_baseline_arguments(parser, "network=yolo11n epochs=30 weights=scratch")


@verb("train baseline", "train a baseline detector on whole faces", _train_baseline_arguments)
def run_train_baseline(args: argparse.Namespace) -> int:
    """Train a baseline detector on the whole faces of a data set, by its own recipe.

    NAME is yolo11, retinanet or faster_rcnn. DATA is a folder with the data sets train/ and val/, of whose labels
    only the whole faces count. OUT gets weights.pt (the best epoch), results.csv and summary.json. A training that is
    stopped goes on where it was when the same command is given again.
    """
    from uncover.atomic import check_writable
    from uncover.baselines.fetched import fetched_file
    from uncover.baselines.registry import find_baseline, module_of, open_module
    from uncover.config.baselines import BASELINES, Baselines
    from uncover.config.values import check_section, read_pairs
    from uncover.errors import InputError
    from uncover.owner import check_shared

    if not find_baseline(args.name).trained:
        trained = [name for name, baseline in BASELINES.items() if baseline.trained]
        raise InputError(f"{args.name}: is not trained here; expected one of {', '.join(trained)}")
    settings = check_section(type(getattr(Baselines(), args.name)), read_pairs(args.set), "--set")
    check_writable(args.out)
    check_shared(args.out, "train", ("weights.pt", "results.csv", "summary.json"))
    start = None if args.start is None else fetched_file(args.start)

    from uncover.baselines.weights import load_baseline
    from uncover.workflow.digest import code_digest
    from uncover.yolov5.device import pick_device

    weights = None if start is None else load_baseline(start)
    identity = {"code": code_digest(module_of(args.name))}
    open_module(args.name).train(settings, weights, args.data, args.out, pick_device(args.device), identity)
    return 0
