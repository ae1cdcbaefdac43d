"""Train a detector, ours or a baseline detector."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from uncover.commands import verb
from uncover.commands._shared_arguments import (
    add_alias,
    add_baseline_arguments,
    add_class_argument,
    add_detector_settings,
    add_device_argument,
    offer,
)
from uncover.weights import names


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of all commands that train."""
    group = parser.add_argument_group("training")
    group.add_argument(
        "--val", type=Path, metavar="DATA", help="validation set, for early stopping and the best epoch (default: val/)"
    )
    add_detector_settings(group, "model=yolov5n epochs=30 hyperparameters.lr0=0.02")
    start = group.add_argument(
        "--weights",
        type=Path,
        dest="start",
        metavar="WEIGHTS",
        help="initial weights: pretrained weights by name, a weights file or a checkpoint of upstream YOLOv5"
        " (default: random)",
    )
    offer(start, names(), files=True)
    add_alias(parser, "--start", start)
    group.add_argument(
        "--channels", type=int, metavar="N", help="channels of the images (default: 3, with --input those of the maps)"
    )
    group.add_argument(
        "--padding",
        type=int,
        metavar="VALUE",
        help="grey value around letterboxed images, 0 to 255 (default: 114, around heatmaps 0)",
    )
    add_device_argument(group)
    group.add_argument(
        "--cache",
        choices=("auto", "ram", "disk", "none"),
        default="auto",
        help="where decoded images are cached (default: auto, memory if they fit)",
    )
    group.add_argument(
        "--workers", type=int, metavar="N", help="threads that load images (default: half the CPU cores, at most 8)"
    )


def check_training_arguments(args: argparse.Namespace) -> None:
    """Check the numbers among them, and find pretrained weights by their name.

    Raises:
        InputError: A number is out of range.
    """
    from uncover.config.values import check_number
    from uncover.weights import find_weights

    check_number("--channels", args.channels, 1)
    check_number("--padding", args.padding, 0, 255)
    check_number("--workers", args.workers, 1)
    args.start = find_weights(args.start) if args.start else None


def processes(args: argparse.Namespace) -> int:
    """How many processes share the training."""
    from uncover.config.detectors import Detector
    from uncover.config.values import check_section, read_pairs

    return check_section(Detector, read_pairs(args.set), "--set").processes


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data", type=Path, nargs="?", metavar="DATA", help="data set, folder with train/ and val/, or data.yaml"
    )
    parser.add_argument(
        "out", type=Path, nargs="?", metavar="OUT", help="folder for weights.pt, results.csv, summary.json"
    )
    parser.add_argument(
        "--data",
        type=Path,
        dest="frames",
        metavar="DATA",
        help="the same as DATA; OUT is then optional (default: <name of DATA>_detector)",
    )
    add_training_arguments(parser)
    add_class_argument(
        parser,
        "class to train on; can be repeated (default: all); with --set classes=whole_face, the class of the face",
    )
    tuning = parser.add_argument_group("fine-tuning")
    source = tuning.add_argument(
        "--from",
        type=Path,
        dest="source",
        metavar="RUN",
        help="detector to fine-tune: pretrained weights by name, a weights file, the folder of a run or of a training",
    )
    offer(source, names(), files=True)
    freeze = tuning.add_argument(
        "--freeze",
        metavar="LAYERS",
        help="do not train the first layers: backbone (10 layers), none, or a number (default: as in the config)",
    )
    offer(freeze, ("backbone", "none"))
    tuning.add_argument(
        "--leave-out",
        metavar="NAME",
        help="infant, or one of its videos, whose frames are the validation set; all others are the training set",
    )
    maps = parser.add_argument_group("heatmap detectors and hyperparameters")
    maps.add_argument(
        "--input",
        choices=("photo", "grey", "classes", "joint", "mean", "whole_face"),
        default="photo",
        help="input of the network: photos in colour (photo) or grey; heatmaps with a channel per class (classes), of"
        " all detections together (joint), the mean of all classes, or the whole face (default: photo)",
    )
    maps.add_argument(
        "--heatmaps", type=Path, metavar="DIR", help="heatmap set of the photos, or folder with train/ and val/"
    )
    maps.add_argument("--hyperparameters", type=Path, metavar="FILE", help="hyperparameters: best.json of an evolution")


def _report_training(args: argparse.Namespace) -> None:
    report_training(args.out or _places(args)[1])


def report_training(out: Path) -> None:
    """Report the weights of a training, and its summary."""
    import json

    from uncover.console import result, wrote

    try:
        summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        summary = {}
    wrote(out / "weights.pt", "also results.csv and summary.json")
    result({"folder": str(out), "summary": summary})


@verb("train", "train or fine-tune a YOLOv5 detector", _train_arguments, processes=processes, report=_report_training)
def run_train(args: argparse.Namespace) -> int:
    """Train a YOLOv5 detector on a data set in YOLO layout, or fine-tune one.

    DATA is a data set (a folder with images/, labels/ and data.yaml) with --val as validation set (default: the set
    val/ beside it), a folder with both as train/ and val/ (or valid/), or the YAML file of a YOLO data set. OUT gets
    weights.pt (the best epoch), results.csv (a row per epoch) and summary.json. The same command resumes a stopped
    training. A complete training with other settings or data is never replaced.

    Fine-tuning: --from RUN with --data FRAMES. RUN is the name of pretrained weights, a weights file, the folder of a
    training, or that of a run such as results/demo (its whole-face detector). Model, classes, image size and loss gains
    are those of its training. FRAMES can be a folder of `uncover frames` (<grade>/images, <grade>/labels), which is
    converted to the data set OUT/data. The frames of one infant are the validation set: --leave-out NAME, or one that
    is chosen and reported. frames.csv (column infant) or infants.csv (columns video and infant) beside the frames name
    the infant of each video. --freeze backbone trains only neck and head.

    Heatmap detectors: --heatmaps DIR is a folder with the heatmap sets train/ and val/ of the same photos, such as
    results/demo/heatmaps/gradcampp, or one heatmap set of all photos. --input selects the maps. Labels and sizes are
    those of DATA.

    Several GPUs: --set processes=2 on one machine; on several, torchrun ... -m uncover train ...

    Examples:
      uncover train datasets/faces my_detector --set model=yolov5s epochs=100
      uncover train --from nicu --data frames --leave-out infant_03 --freeze backbone
      uncover train datasets heatmap_detector --heatmaps results/demo/heatmaps/gradcampp --input joint
      uncover train data.yaml my_detector --weights yolov5s.pt --set processes=2
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
    """Train on data sets.

    Args:
        args: Of the verb.
        data: Data set, or folder with train/ and val/.
        out: Folder to write to.
        frozen: Settings of --freeze, which --set may change.

    Raises:
        InputError: A set, the weights, or a setting is invalid.
    """
    from uncover.api.train import train_on_sets as train

    of_input = args.channels, args.padding, args.heatmaps, args.input
    settings, run = [*frozen, *args.set], (args.device, args.cache, args.workers)
    train(data, out, args.val, settings, args.start, args.hyperparameters, *of_input, args.classes, *run)
    return 0


def train_on_frames(args: argparse.Namespace, data: Path, out: Path, frozen: Sequence[str]) -> int:
    """Fine-tune, or train with one infant as validation set; picked frames are converted to a data set in OUT first.

    Args:
        args: Of the verb.
        data: Picked frames, data set, or folder with train/ and val/.
        out: Folder to write to.
        frozen: Settings of --freeze, which --set may change.

    Raises:
        InputError: Frames, weights or a setting are invalid, or an option would have no effect.
    """
    from uncover.api.train import check_fine_tuning
    from uncover.api.train import train_on_frames as train

    of_input = args.hyperparameters, args.channels, args.padding, args.heatmaps, args.input
    check_fine_tuning(args.source, args.start, args.val, args.leave_out, *of_input)
    settings, run = [*frozen, *args.set], (args.device, args.cache, args.workers)
    tuning = args.source, args.leave_out, args.classes
    train(data, out, args.val, settings, args.start, *tuning, *run)
    return 0


def _places(args: argparse.Namespace) -> tuple[Path, Path]:
    """Data set and output folder."""
    from uncover.errors import InputError

    if args.frames is None:
        if args.data is None or args.out is None:
            raise InputError("expected DATA and OUT, or --data DATA")
        return args.data, args.out
    if args.out is not None:
        raise InputError(f"--data {args.frames}: DATA is also given as {args.data}; omit one of the two")
    return args.frames, args.data or Path(f"{args.frames.resolve().name}_detector")


def _layers(word: str) -> int:
    from uncover.config.finetune import BACKBONE
    from uncover.errors import InputError

    named = {"backbone": BACKBONE, "none": 0}
    if word not in named and not word.isdecimal():
        raise InputError(f"--freeze {word}: expected backbone, none, or a number of layers")
    return named[word] if word in named else int(word)


def _train_baseline_arguments(parser: argparse.ArgumentParser) -> None:
    name = parser.add_argument("name", metavar="NAME", help="baseline detector: yolo11, retinanet or faster_rcnn")
    offer(name, ("yolo11", "retinanet", "faster_rcnn"))
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with the data sets train/ and val/")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for weights.pt, results.csv, summary.json")
    start = parser.add_argument(
        "--weights",
        type=Path,
        dest="start",
        metavar="WEIGHTS",
        help="initial weights: file or folder of `uncover fetch_weights`; required, except with --set weights=scratch",
    )
    add_alias(parser, "--start", start)
    add_baseline_arguments(parser, "network=yolo11n epochs=30 weights=scratch")


@verb(
    "train baseline",
    "train a baseline detector on whole faces",
    _train_baseline_arguments,
    report=lambda args: report_training(args.out),
)
def run_train_baseline(args: argparse.Namespace) -> int:
    """Train a baseline detector on the whole faces of a data set, by its own recipe.

    NAME is yolo11, retinanet or faster_rcnn. DATA is a folder with the data sets train/ and val/; only labels of whole
    faces are used. OUT gets weights.pt (the best epoch), results.csv and summary.json. The same command resumes a
    stopped training.

    Examples:
      uncover train baseline yolo11 datasets baselines/yolo11 --set network=yolo11n epochs=30 weights=scratch
      uncover train baseline retinanet datasets baselines/retinanet --weights weights/retinanet
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
        raise InputError(f"{args.name}: cannot be trained; expected one of {', '.join(trained)}")
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
