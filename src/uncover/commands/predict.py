"""Find boxes in images with a trained detector.

IMAGES is a data set (a folder with images/), a folder of images, or image files; for a detector of heatmaps a heatmap
set (a folder of `uncover heatmaps`, whose images keep their names), or files of heatmaps. OUT is a Parquet table with
one row per box: image, class, confidence, and the box in pixels of the original image; or OUT.csv, which spreadsheets
read and the other commands do not. --annotate DIR also gets every image with its boxes drawn in, faces hidden.
With --also 0.5 OTHER.parquet the same candidates are stored a second time, at another IoU of non-maximum suppression.
Several jobs share the images with --shard 1/4 ... --shard 4/4; `uncover predict collect` joins their tables. Many sets
at once: `uncover predict sets`. A folder named sets or collect is given as ./sets.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from uncover.commands._predict_shown import LOWEST, SURE, above, hint, write_csv, write_pictures
from uncover.commands._shared_arguments import PRIVACY, add_network_arguments, add_shard_argument, read_shard

if TYPE_CHECKING:
    from uncover.detector.inference import Predictor

SUMMARY = "find boxes in images with a trained detector"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "images", type=Path, nargs="+", metavar="IMAGES", help="data set, heatmap set, folder or image files"
    )
    parser.add_argument("out", type=Path, metavar="OUT.parquet", help="table to write (OUT.csv: as CSV alone)")
    parser.add_argument("--format", nargs="+", choices=("csv",), default=[], help="tables to write besides Parquet")
    parser.add_argument(
        "--annotate",
        type=Path,
        metavar="DIR",
        help=f"folder to make, with the boxes of confidence {SURE} and more (or --confidence, if that is higher) drawn"
        " into every image",
    )
    parser.add_argument(
        "--privacy",
        choices=PRIVACY,
        default="pixelate",
        help="what these show of faces; images without a sure box are hidden as a whole (default: pixelate)",
    )
    parser.add_argument(
        "--class",
        dest="classes",
        action="append",
        default=[],
        metavar="NAME",
        help="keep boxes of this class only; may stand several times (default: all that the model knows)",
    )
    add_inference_arguments(parser)
    parser.add_argument(
        "--also",
        nargs=2,
        metavar=("IOU", "OTHER.parquet"),
        help="a second table of the same look, at another IoU of non-maximum suppression",
    )
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
    from uncover.detector.inference import Predictor, Wishes
    from uncover.images.options import check_inference_options

    check_inference_options(args.confidence, args.nms_iou, args.batch, args.image_size)
    wishes = Wishes(args.confidence, args.nms_iou, args.batch, args.image_size, args.precision)
    return Predictor(args.weights, args.device, wishes)


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_new_file, check_replaceable
    from uncover.config.detectors import MAP_INPUTS
    from uncover.console import say
    from uncover.errors import InputError
    from uncover.faces.face_class import choose_classes
    from uncover.images.named import check_apart
    from uncover.metrics.predictions import check_new_predictions, write_predictions

    # Whoever forgets OUT would have the last image overwritten.
    if args.out.suffix not in (".parquet", ".csv"):
        raise InputError(f"{args.out}: expected OUT.parquet or OUT.csv, the table to write, after the images")
    tables = {args.out.suffix: args.out} | {f".{kind}": args.out.with_suffix(f".{kind}") for kind in args.format}
    also = _also(args)
    for path in (*tables.values(), *also):
        if path.suffix == ".parquet":
            check_new_predictions(path)
        else:
            check_new_file(path)
    if args.annotate is not None:
        check_apart(args.images, args.annotate)
        check_replaceable(args.annotate, "predict")
    shard = read_shard(args)
    predictor = load_predictor(args)
    if args.classes:
        choose_classes(predictor.class_names, args.classes, str(args.weights))
    if args.annotate is not None and predictor.header.input in MAP_INPUTS:
        raise InputError("--annotate: draws into photos, and these weights look at heatmaps; leave the option out")
    inputs = predictor.find(args.images, shard)
    # A face that hardly counts is hidden all the same.
    lowest = min(args.confidence, LOWEST) if args.annotate else args.confidence
    every, *others = predictor.predict_at(inputs, [args.nms_iou, *also.values()], lowest)
    predictions = (above(every, args.confidence) if args.annotate else every).of_classes(args.classes)
    predictions.settings.update(shard.settings())
    if ".parquet" in tables:
        write_predictions(tables[".parquet"], predictions)
    if ".csv" in tables:
        write_csv(tables[".csv"], predictions)
    named = " and ".join(map(str, tables.values()))
    say(f"{named}: {len(predictions.boxes)} boxes in {len(predictions.images)} images")
    for out, other in zip(also, others, strict=True):
        second = (above(other, args.confidence) if args.annotate else other).of_classes(args.classes)
        second.settings.update(shard.settings())
        write_predictions(out, second)
        say(f"{out}: {len(second.boxes)} boxes in {len(second.images)} images")
    if args.annotate is not None:
        drawn = write_pictures(args.annotate, inputs, every, max(args.confidence, SURE), args.privacy)
        say(f"{args.annotate}: {len(inputs.names)} pictures, {drawn} with a box")
    advice = hint(predictor, inputs, predictions, args.confidence, args.classes)
    if advice:
        say(advice)
    return 0


def _also(args: argparse.Namespace) -> dict[Path, float]:
    """The second table and the IoU of its non-maximum suppression, where there is one.

    Raises:
        InputError: The words are no such two.
    """
    from uncover.errors import InputError

    if args.also is None:
        return {}
    number, other = args.also[0], Path(args.also[1])
    try:
        overlap = float(number)
    except ValueError:
        overlap = -1.0
    if not 0 <= overlap <= 1 or other.suffix != ".parquet" or other.absolute() == args.out.absolute():
        raise InputError(f"--also {number} {other}: expected an IoU from 0 to 1 and OTHER.parquet, another than OUT")
    return {other: overlap}
