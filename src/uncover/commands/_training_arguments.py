"""Arguments of everything that trains a YOLOv5 detector."""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import add_detector_settings


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
