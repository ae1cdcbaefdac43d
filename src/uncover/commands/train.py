"""Train a detector on a data set in YOLO layout.

DATA is a set (a folder with images/, labels/ and data.yaml) and --val another (by default the set val/ beside it), or
DATA is a folder that holds both as train/ and val/. OUT gets weights.pt (the best epoch), results.csv and summary.json.
A detector of heatmaps takes them from --heatmaps DIR, with the heatmap sets train/ and val/ of the same photos, such as
results/demo/heatmaps/gradcampp, and --input says which of them; labels and sizes are those of DATA.
A training that is stopped goes on where it was when the same command is given again. Several GPUs of a machine share it
with --set processes=2; of several machines through torchrun: torchrun ... -m uncover train ...
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import add_detector_settings

SUMMARY = "train a YOLOv5 detector on a data set"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, metavar="DATA", help="data set, or folder with train/ and val/")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for weights.pt, results.csv, summary.json")
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
    from uncover.detector.job import read_job
    from uncover.detector.train import train
    from uncover.workflow.digest import code_digest

    check_training_arguments(args)
    check_writable(args.out)
    job = read_job(
        args.data,
        args.val,
        args.set,
        args.start,
        args.hyperparameters,
        args.channels,
        args.padding,
        args.heatmaps,
        args.input,
    )
    with join_crew(args.device) as crew:
        train(job, args.out, crew, args.cache, args.workers, {"code": code_digest("uncover.detector.train")})
    return 0
