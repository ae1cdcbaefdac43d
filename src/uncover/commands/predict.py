"""Find boxes in images with a trained detector.

IMAGES is a data set (a folder with images/), a folder of images, or image files; for a detector of heatmaps a heatmap
set (a folder of `uncover heatmaps`, whose images keep their names), or files of heatmaps. OUT is a Parquet table with
one row per box: image, class, confidence, and the box in pixels of the original image.
Several jobs share the images with --shard 1/4 ... --shard 4/4; `uncover predict collect` joins their tables. Many sets
at once: `uncover predict sets`. A folder named sets or collect is given as ./sets.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from uncover.commands._shared_arguments import add_network_arguments, add_shard_argument, read_shard

if TYPE_CHECKING:
    from uncover.detector.predictor import Predictor

SUMMARY = "find boxes in images with a trained detector"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "images", type=Path, nargs="+", metavar="IMAGES", help="data set, heatmap set, folder or image files"
    )
    parser.add_argument("out", type=Path, metavar="OUT.parquet", help="table to write")
    add_inference_arguments(parser)
    add_shard_argument(parser)


def add_inference_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of everything that finds boxes."""
    parser.add_argument("--weights", type=Path, required=True, help="weights.pt of a training")
    parser.add_argument("--confidence", type=float, default=0.001, help="lowest confidence kept (default: 0.001)")
    add_network_arguments(parser, "images")


def load_predictor(args: argparse.Namespace) -> Predictor:
    """The detector that the arguments name.

    Raises:
        InputError: An option is beyond its limits, the device is not here, or the file holds no weights.
    """
    from uncover.detector.predictor import Predictor, Wishes
    from uncover.images.options import check_inference_options

    check_inference_options(args.confidence, args.nms_iou, args.batch, args.image_size)
    wishes = Wishes(args.confidence, args.nms_iou, args.batch, args.image_size, args.precision)
    return Predictor(args.weights, args.device, wishes)


def run(args: argparse.Namespace) -> int:
    from uncover.console import say
    from uncover.errors import InputError
    from uncover.metrics.predictions import check_new_predictions, write_predictions

    # Whoever forgets OUT would have the last image overwritten.
    if args.out.suffix != ".parquet":
        raise InputError(f"{args.out}: expected OUT.parquet, the table to write, after the images")
    check_new_predictions(args.out)
    shard = read_shard(args)
    predictor = load_predictor(args)
    predictions = predictor.predict(predictor.find(args.images, shard))
    predictions.settings.update(shard.settings())
    write_predictions(args.out, predictions)
    say(f"{args.out}: {len(predictions.boxes)} boxes in {len(predictions.images)} images")
    return 0
