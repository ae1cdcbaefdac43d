"""Arguments that several verbs have."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uncover.images.inputs import Shard

PRIVACY = ("pixelate", "mosaic", "blur", "solid", "whole-frame", "publish")
"""How faces are hidden: `uncover.images.privacy.KINDS`, which takes too long to import for a parser."""

OTHER_DETECTORS = (
    *("mtcnn", "retinaface", "yunet", "scrfd_500m", "scrfd_2_5g", "centerface", "blazeface_full", "blazeface_short"),
    *("viola_jones", "yolo11", "retinanet", "faster_rcnn"),
)
"""Names of the baseline detectors: `uncover.config.baselines.BASELINES`, which takes too long to import too."""


OFFERED, OFFERS_FILES = "offered", "offers_files"
"""Attributes of an option: values that completion offers, though others are allowed too, and whether files fit."""


def offer(action: argparse.Action, values: Sequence[str], files: bool = False) -> None:
    """Let completion offer some values of an option that takes others too."""
    setattr(action, OFFERED, tuple(values))
    setattr(action, OFFERS_FILES, files)


def add_alias(parser: argparse.ArgumentParser, option: str, action: argparse.Action) -> None:
    """Another name of an option, which no help shows: a former one, or one that users of other tools try first."""
    parser._option_string_actions[option] = action


def add_device_argument(parser: argparse._ActionsContainer) -> None:
    """Where a network runs."""
    action = parser.add_argument(
        "--device", default="auto", metavar="DEVICE", help="auto, cpu, cuda:0 (default: auto, a GPU if there is one)"
    )
    offer(action, ("auto", "cpu", "cuda:0"))


def add_weights_argument(parser: argparse._ActionsContainer) -> None:
    """Weights of a detector, by name or file."""
    from uncover.weights import names

    action = parser.add_argument(
        "--weights",
        required=True,
        metavar="NAME|FILE",
        help=f"pretrained weights ({', '.join(names())}), or a file: weights.pt of `uncover train`, or a checkpoint of"
        " upstream YOLOv5 (best.pt)",
    )
    offer(action, names(), files=True)


def add_settings_argument(parser: argparse.ArgumentParser) -> None:
    """The settings of a run, for commands that print them."""
    parser.add_argument(
        "--settings",
        nargs="*",
        default=[],
        metavar="KEY=VALUE",
        help="settings of the run that differ from the defaults",
    )


def add_resampling_arguments(parser: argparse.ArgumentParser) -> None:
    """How confidence intervals are computed."""
    parser.add_argument(
        "--bootstrap",
        type=int,
        default=1000,
        metavar="N",
        help="bootstrap resamples of the 95 %% intervals; 0: no intervals (default: 1000)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the resamples (default: 0)")


def add_class_argument(
    parser: argparse.ArgumentParser,
    help: str = "class of the whole face, if the labels have several classes; can be repeated",
) -> None:
    """Classes by name."""
    parser.add_argument("--class", dest="classes", action="append", default=[], metavar="NAME", help=help)


def add_true_iou_argument(parser: argparse._ActionsContainer) -> None:
    """Overlap of a correct box."""
    parser.add_argument(
        "--true-iou",
        type=float,
        default=0.5,
        metavar="IOU",
        help="a box is correct if its IoU with a true face is at least this (default: 0.5)",
    )


def check_resampling_arguments(args: argparse.Namespace) -> None:
    """Check their values.

    Raises:
        InputError: One is out of range.
    """
    from uncover.config.values import check_number

    check_number("--bootstrap", args.bootstrap, 0)
    check_number("--seed", args.seed, 0)


def add_detector_settings(parser: argparse._ActionsContainer, example: str) -> None:
    """Settings of one detector, as `config.load.read_pairs` reads them."""
    parser.add_argument(
        "--set",
        nargs="*",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help=f"settings of the detector, with the keys of `detectors` in config/README.md, such as {example}",
    )


def add_baseline_arguments(parser: argparse.ArgumentParser, example: str) -> None:
    """Arguments of commands that run a baseline detector.

    Args:
        parser: Of the verb.
        example: Settings.
    """
    add_detector_settings(parser, example)
    add_device_argument(parser)


def add_shard_argument(parser: argparse.ArgumentParser) -> None:
    """Which share of the images to process."""
    parser.add_argument(
        "--shard", metavar="I/N", help="process share I of N of the images, to split the work over N jobs"
    )


def read_shard(args: argparse.Namespace) -> Shard:
    """The share in the arguments; without one, all images.

    Raises:
        InputError: It is not a share.
    """
    from uncover.images.inputs import Shard

    return Shard.parse(args.shard) if args.shard else Shard()


def forget_other_shares(table: Path, shard: Shard) -> None:
    """Remove the shares of an earlier split of a set whose table, or share of a table, is about to be written."""
    from uncover.images.inputs import Shard

    folder = table.parent.parent
    if table == shard.record(folder):
        Shard.forget(folder, but=shard.count)
    elif shard == Shard():
        Shard.forget(table.with_suffix(""))


def tables_of(sets: Sequence[Path], out: Path, shard: Shard | None = None) -> dict[Path, Path]:
    """Sets by the table that each gets in a folder, or by that of a share; all of them can be written.

    Raises:
        InputError: A set is a file, two would get the same table, or a table cannot be written.
    """
    from uncover.errors import InputError
    from uncover.metrics.predictions import check_new_predictions

    tables: dict[Path, Path] = {}
    for folder in sets:
        if folder.is_file():
            raise InputError(f"{folder}: is a file; expected the folder of a set (for files: uncover predict)")
        # Links are not resolved: the name of a link is the name that the user gave.
        name = folder.absolute().name
        table = out / f"{name}.parquet" if shard is None else shard.record(out / name)
        if table in tables:
            raise InputError(
                f"{folder}: has the name of {tables[table]}, and both would be {table}; give them in separate calls"
            )
        check_new_predictions(table)
        tables[table] = folder
    return tables


def add_network_arguments(
    parser: argparse.ArgumentParser, batch_of: str, nms_iou: float | None = 0.6, batch: int = 16, precision: bool = True
) -> None:
    """How a network runs, for all commands that run one.

    Args:
        parser: Of the command.
        batch_of: What a batch consists of: "images" or "frames".
        nms_iou: Default IoU of non-maximum suppression; None takes that of a run.
        batch: Default size of a batch.
        precision: Whether the command can compute in half precision.
    """
    group = parser.add_argument_group("network")
    default = "that of the run's predictions, without a run 0.6" if nms_iou is None else str(nms_iou)
    overlap = group.add_argument(
        "--nms-iou",
        type=float,
        default=nms_iou,
        metavar="IOU",
        help="non-maximum suppression removes a box that overlaps a more confident one by more than this IoU (default:"
        f" {default})",
    )
    add_alias(parser, "--iou", overlap)
    size = group.add_argument(
        "--image-size",
        type=int,
        metavar="PX",
        help="longest side of the input in pixels, a multiple of 32 (default: that of the training)",
    )
    add_alias(parser, "--imgsz", size)
    group.add_argument("--batch", type=int, default=batch, metavar="N", help=f"{batch_of} per batch (default: {batch})")
    add_device_argument(group)
    if precision:
        group.add_argument(
            "--precision",
            choices=("float32", "float16", "bfloat16"),
            default="float32",
            help="number format of the computation (default: float32)",
        )
