"""Arguments that several verbs have."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uncover.images.inputs import Shard

PRIVACY = ("pixelate", "mosaic", "blur", "solid", "whole-frame", "publish")
"""What of faces may be shown: `uncover.images.privacy.KINDS`, which takes too long to import for a parser."""

OTHER_DETECTORS = (
    *("mtcnn", "retinaface", "yunet", "scrfd_500m", "scrfd_2_5g", "centerface", "blazeface_full", "blazeface_short"),
    *("viola_jones", "yolo11", "retinanet", "faster_rcnn"),
)
"""Names of `uncover.config.baselines.BASELINES`, which takes too long to import too."""


def add_settings_argument(parser: argparse.ArgumentParser) -> None:
    """The settings of a run, for what tells of them."""
    parser.add_argument(
        "--settings",
        nargs="*",
        default=[],
        metavar="KEY=VALUE",
        help="settings of the run that are not the defaults",
    )


def add_resampling_arguments(parser: argparse.ArgumentParser) -> None:
    """How intervals come about."""
    parser.add_argument(
        "--bootstrap", type=int, default=1000, metavar="N", help="resamples behind the intervals (default: 1000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the resamples (default: 0)")


def add_class_argument(
    parser: argparse.ArgumentParser,
    help: str = "class that is the whole face, where frames have several; may stand several times",
) -> None:
    """Classes by name."""
    parser.add_argument("--class", dest="classes", action="append", default=[], metavar="NAME", help=help)


def add_true_iou_argument(parser: argparse.ArgumentParser) -> None:
    """From which overlap a box is correct."""
    parser.add_argument(
        "--true-iou", type=float, default=0.5, help="IoU with a true face from which a box is correct (default: 0.5)"
    )


def check_resampling_arguments(args: argparse.Namespace) -> None:
    """Make sure that they make sense.

    Raises:
        InputError: One does not.
    """
    from uncover.config.values import check_number

    check_number("--bootstrap", args.bootstrap, 0)
    check_number("--seed", args.seed, 0)


def add_detector_settings(parser: argparse.ArgumentParser, example: str) -> None:
    """Settings of one detector, as `config.load.read_pairs` reads them."""
    parser.add_argument(
        "--set",
        nargs="*",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help=f"settings of a detector as in the config, such as {example}",
    )


def add_baseline_arguments(parser: argparse.ArgumentParser, example: str) -> None:
    """Arguments of what runs a baseline detector.

    Args:
        parser: Of the verb.
        example: Settings.
    """
    add_detector_settings(parser, example)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda:0 (default: a GPU where there is one)")


def add_shard_argument(parser: argparse.ArgumentParser) -> None:
    """Which share of the images to look at."""
    parser.add_argument("--shard", metavar="I/N", help="look at every N-th image only, from the I-th on")


def read_shard(args: argparse.Namespace) -> Shard:
    """The share that the arguments name; without one, all images.

    Raises:
        InputError: It is no share.
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
            raise InputError(f"{folder}: is a file; expected sets, which are folders (for files: uncover predict)")
        # Links stay: whoever linked a folder named it so.
        name = folder.absolute().name
        table = out / f"{name}.parquet" if shard is None else shard.record(out / name)
        if table in tables:
            raise InputError(f"{folder}: has the name of {tables[table]}, and both would be {table}; give them apart")
        check_new_predictions(table)
        tables[table] = folder
    return tables


def add_network_arguments(parser: argparse.ArgumentParser, looked_at: str, nms_iou: float | None = 0.6) -> None:
    """How a network runs, for everything that finds boxes with one.

    Args:
        parser: Of the command.
        looked_at: What a batch is of: "images" or "frames".
        nms_iou: Of non-maximum suppression where nobody says; None leaves it to a run.
    """
    default = "that of the run's predictions, else 0.6" if nms_iou is None else str(nms_iou)
    parser.add_argument(
        "--nms-iou", type=float, default=nms_iou, help=f"IoU of non-maximum suppression (default: {default})"
    )
    parser.add_argument(
        "--image-size", type=int, help="longest side of the input, a multiple of 32 (default: that of the training)"
    )
    parser.add_argument("--batch", type=int, default=16, help=f"{looked_at} at a time (default: 16)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda:0 (default: a GPU where there is one)")
    parser.add_argument("--precision", choices=("float32", "float16", "bfloat16"), default="float32")
