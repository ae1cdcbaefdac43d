"""Boxes in images, found by a detector of ours or a baseline."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from uncover.commands import verb
from uncover.commands._predict_shown import LOWEST, SURE, above, hint, write_csv, write_pictures
from uncover.commands._shared_arguments import (
    PRIVACY,
    add_baseline_arguments,
    add_class_argument,
    add_network_arguments,
    add_shard_argument,
    forget_other_shares,
    read_shard,
    tables_of,
)
from uncover.weights import find_weights, names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uncover.images.inputs import Inputs, Shard
    from uncover.yolov5.inference import Predictor

logger = logging.getLogger(__name__)


def _predict_arguments(parser: argparse.ArgumentParser) -> None:
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
    add_class_argument(
        parser,
        "keep boxes of this class only; may stand several times (default: all that the model knows)",
    )
    add_inference_arguments(parser)
    parser.add_argument(
        "--also",
        nargs=2,
        metavar=("IOU", "OTHER.parquet"),
        help="a second table of the same inference, at another IoU of non-maximum suppression",
    )
    add_shard_argument(parser)


def add_inference_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of everything that finds boxes."""
    parser.add_argument(
        "--weights",
        required=True,
        metavar="NAME|FILE",
        help=f"weights.pt of a training, or what comes with uncover: {', '.join(names())}",
    )
    parser.add_argument("--confidence", type=float, default=0.001, help="lowest confidence kept (default: 0.001)")
    add_network_arguments(parser, "images")


def tell_of_rendered(args: argparse.Namespace, predictor: Predictor, every: Sequence[Inputs]) -> None:
    """A line where weights that learnt from rendered faces look at other pictures."""
    from uncover.config.detectors import MAP_INPUTS
    from uncover.image_files import are_rendered
    from uncover.yolov5.weights import is_of_rendered, note_on_rendered

    rendered = is_of_rendered(predictor.header.training, find_weights(args.weights))
    # What heatmaps were made of is not known.
    if rendered and predictor.header.input not in MAP_INPUTS and not all(are_rendered(each.paths) for each in every):
        logger.info(f"note: {note_on_rendered([str(args.weights)])}")


def load_predictor(args: argparse.Namespace) -> Predictor:
    """The detector that the arguments name.

    Raises:
        InputError: An option is beyond its limits, the device is not here, or the file holds no weights.
    """
    from uncover.images.inputs import check_inference_options
    from uncover.yolov5.inference import InferenceOptions, Predictor

    check_inference_options(args.confidence, args.nms_iou, args.batch, args.image_size)
    options = InferenceOptions(args.confidence, args.nms_iou, args.batch, args.image_size, args.precision)
    return Predictor(find_weights(args.weights), args.device, options)


@verb("predict", "find boxes in images with a trained detector", _predict_arguments)
def run_predict(args: argparse.Namespace) -> int:
    """Find boxes in images with a trained detector.

    IMAGES is a data set (a folder with images/), a folder of images, or image files; for a detector of heatmaps a
    heatmap set (a folder of `uncover heatmaps`, whose images keep their names), or files of heatmaps. OUT is a
    Parquet table with one row per box: image, class, confidence, and the box in pixels of the original image; or
    OUT.csv, which spreadsheets read and the other commands do not. --annotate DIR also gets every image with its
    boxes drawn in, faces hidden. With --also 0.5 OTHER.parquet the same candidates are stored a second time, at
    another IoU of non-maximum suppression. Several jobs share the images with --shard 1/4 ... --shard 4/4; `uncover
    predict collect` joins their tables. Many sets at once: `uncover predict sets`. A folder named sets or collect is
    given as ./sets.
    """
    from uncover.atomic import check_new_file, check_replaceable
    from uncover.config.detectors import MAP_INPUTS
    from uncover.data.data_yaml import choose_classes
    from uncover.errors import InputError
    from uncover.images.reading import check_apart
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
    tell_of_rendered(args, predictor, [inputs])
    # A face that hardly counts is hidden all the same.
    lowest = min(args.confidence, LOWEST) if args.annotate else args.confidence
    every, *others = predictor.predict_at(inputs, [args.nms_iou, *also.values()], lowest)
    predictions = (above(every, args.confidence) if args.annotate else every).of_classes(args.classes)
    predictions.settings.update(shard.settings())
    if ".parquet" in tables:
        forget_other_shares(tables[".parquet"], shard)
        write_predictions(tables[".parquet"], predictions)
    if ".csv" in tables:
        write_csv(tables[".csv"], predictions)
    named = " and ".join(map(str, tables.values()))
    logger.info(f"{named}: {len(predictions.boxes)} boxes in {len(predictions.images)} images")
    for out, other in zip(also, others, strict=True):
        second = (above(other, args.confidence) if args.annotate else other).of_classes(args.classes)
        second.settings.update(shard.settings())
        forget_other_shares(out, shard)
        write_predictions(out, second)
        logger.info(f"{out}: {len(second.boxes)} boxes in {len(second.images)} images")
    if args.annotate is not None:
        drawn = write_pictures(args.annotate, inputs, every, max(args.confidence, SURE), args.privacy)
        logger.info(f"{args.annotate}: {len(inputs.names)} pictures, {drawn} with a box")
    advice = hint(predictor, inputs, predictions, args.confidence, args.classes)
    if advice:
        logger.info(advice)
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
    overlap = _overlap(number)
    if overlap is None or other.suffix != ".parquet" or other.absolute() == args.out.absolute():
        raise InputError(f"--also {number} {other}: expected an IoU from 0 to 1 and OTHER.parquet, another than OUT")
    return {other: overlap}


def _predict_sets_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET", help="data set or heatmap set")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the tables")
    add_inference_arguments(parser)
    parser.add_argument(
        "--also",
        nargs="+",
        default=[],
        metavar=("IOU", "OTHER_DIR SET"),
        help="second tables of some SETs, by the names of their folders, from the same inference, at another IoU of"
        " non-maximum suppression",
    )
    add_shard_argument(parser)


@verb("predict sets", "find boxes in several sets with one trained detector", _predict_sets_arguments)
def run_predict_sets(args: argparse.Namespace) -> int:
    """Find boxes in several sets with one trained detector, which is loaded once.

    Each SET is a data set (a folder with images/), or for a detector of heatmaps a heatmap set (a folder of `uncover
    heatmaps`). DIR gets <name of the SET's folder>.parquet for each, as `uncover predict` writes it; with --shard 1/4
    it gets <name>/shards/1-of-4.parquet, and `uncover predict collect` joins those of a set. With --also 0.5 OTHER_DIR
    val, OTHER_DIR gets tables of the set val alone, with the same candidates at another IoU of non-maximum suppression.
    """
    from uncover.errors import keeping
    from uncover.metrics.predictions import write_predictions

    shard = read_shard(args)
    tables = tables_of(args.sets, args.out, shard if args.shard else None)
    overlap, others = _also_of_sets(args, shard)
    predictor = load_predictor(args)
    # All are looked at before the network works on the first: what is wrong with the last one shows at once.
    found = {out: predictor.find([folder], shard) for out, folder in tables.items()}
    tell_of_rendered(args, predictor, [*found.values()])
    written: list[Path] = []
    with keeping(lambda: bool(written)):
        for first, inputs in found.items():
            folder = tables[first]
            ious = {first: args.nms_iou} | ({others[folder]: overlap} if folder in others else {})
            for out, predictions in zip(ious, predictor.predict_at(inputs, [*ious.values()]), strict=True):
                predictions.settings.update(shard.settings())
                forget_other_shares(out, shard)
                write_predictions(out, predictions)
                written.append(out)
                logger.info(f"{out}: {len(predictions.boxes)} boxes in {len(predictions.images)} images")
    return 0


def _also_of_sets(args: argparse.Namespace, shard: Shard) -> tuple[float, dict[Path, Path]]:
    """The other IoU of non-maximum suppression, and the second tables by the folder of their set.

    Raises:
        InputError: The words are no IoU, folder and names of sets, or a table cannot be written.
    """
    from uncover.errors import InputError

    if not args.also:
        return args.nms_iou, {}
    overlap = _overlap(args.also[0])
    folders = {folder.absolute().name: folder for folder in args.sets}
    unknown = [name for name in args.also[2:] if name not in folders]
    if overlap is None or len(args.also) < 3 or Path(args.also[1]).absolute() == args.out.absolute() or unknown:
        raise InputError(
            f"--also {' '.join(args.also)}: expected an IoU from 0 to 1, OTHER_DIR, another than --out, and some of"
            f" {', '.join(folders)}"
        )
    named = [folders[name] for name in dict.fromkeys(args.also[2:])]
    tables = tables_of(named, Path(args.also[1]), shard if args.shard else None)
    return overlap, {folder: table for table, folder in tables.items()}


def _overlap(word: str) -> float | None:
    """An IoU from 0 to 1; None for another word."""
    try:
        overlap = float(word)
    except ValueError:
        return None
    return overlap if 0 <= overlap <= 1 else None


def _predict_collect_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "shares", type=Path, nargs="+", metavar="SHARE.parquet", help="all shares of each set, in any order"
    )
    parser.add_argument(
        "--out", type=Path, metavar="OUT.parquet", help="table to write, for shares of one set that stand elsewhere"
    )


@verb("predict collect", "join the shares of sets that several jobs predicted on", _predict_collect_arguments)
def run_predict_collect(args: argparse.Namespace) -> int:
    """Join the shares of sets that `uncover predict sets --shard` or `predict baseline --shard` wrote.

    The shares of a set stand in <SET>/shards/; <SET>.parquet gets all of them, as one job without --shard would have
    written it. Shares of several sets may be given together.
    """
    from uncover.atomic import check_new_file
    from uncover.errors import InputError
    from uncover.images.inputs import RECORDS
    from uncover.metrics.predictions import join_predictions, write_predictions

    sets: dict[Path, list[Path]] = {}
    for share in args.shares:
        if args.out is None and share.parent.name != RECORDS:
            raise InputError(f"{share}: stands in no folder {RECORDS}/ of a set; say where to with --out OUT.parquet")
        folder = share.parent.parent
        sets.setdefault(args.out or folder.with_name(f"{folder.name}.parquet"), []).append(share)
    for out in sets:
        check_new_file(out)
    for out, shares in sets.items():
        predictions = join_predictions(shares)
        write_predictions(out, predictions)
        logger.info(f"{out}: {len(predictions.boxes)} boxes in {len(predictions.images)} images")
    return 0


def _predict_baseline_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        metavar="NAME",
        help="mtcnn, retinaface, yunet, scrfd_500m, scrfd_2_5g, centerface, blazeface_full, blazeface_short,"
        " viola_jones, yolo11, retinanet, faster_rcnn",
    )
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET", help="data set, or folder of images")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the tables")
    parser.add_argument(
        "--weights",
        type=Path,
        help="folder of `uncover fetch_weights`, an ONNX file, or weights.pt of `uncover train baseline`; none where a"
        " package brings them",
    )
    parser.add_argument(
        "--nms-iou", type=float, default=0.6, help="IoU of suppression, after the library's own (default: 0.6)"
    )
    add_baseline_arguments(parser, "image_size=1280")
    add_shard_argument(parser)


@verb("predict baseline", "find faces in sets with a baseline detector", _predict_baseline_arguments)
def run_predict_baseline(args: argparse.Namespace) -> int:
    """Find faces in sets with a baseline detector: a ready-made one, or one of `uncover train baseline`.

    Each SET is a data set (a folder with images/), or a folder of images. DIR gets <name of the SET's folder>.parquet
    for each: tables like those of `uncover predict`, with five landmarks of each face where the detector knows them.
    `--set turns=4` shows a ready-made detector each photo at four turns. Where two boxes overlap by more than --nms-iou
    the less sure one goes, whatever rule of its own a ready-made detector has. With --shard it gets shares, as `uncover
    predict sets` has it.
    """
    from uncover.baselines.fetched import fetched_file
    from uncover.baselines.registry import describe, find_baseline, load_detector
    from uncover.config.baselines import Baselines, ReadyMade
    from uncover.config.values import check_number, check_section, read_pairs
    from uncover.errors import InputError, keeping
    from uncover.images.inputs import find_inputs
    from uncover.metrics.predictions import write_predictions

    check_number("--nms-iou", args.nms_iou, 0, 1)
    baseline = find_baseline(args.name)
    settings = check_section(type(getattr(Baselines(), args.name)), read_pairs(args.set), "--set")
    shard = read_shard(args)
    tables = tables_of(args.sets, args.out, shard if args.shard else None)
    if baseline.trained and args.weights is None:
        raise InputError(f"{args.name}: needs --weights, the weights.pt of 'uncover train baseline {args.name}'")
    if args.weights is not None and not baseline.trained and Baselines().weights_of(args.name) is None:
        raise InputError(f"{args.name}: brings its weights along; leave --weights out")
    file = None if args.weights is None else fetched_file(args.weights)
    found = {out: find_inputs([folder], "photo", 3, shard=shard) for out, folder in tables.items()}

    from uncover.baselines.predict import predict_baseline
    from uncover.baselines.weights import load_baseline
    from uncover.yolov5.device import pick_device

    weights = None if file is None else load_baseline(file)
    detector = load_detector(args.name, settings, weights, pick_device(args.device), args.nms_iou)
    # What is trained here sees every photo at the size of its training, whatever the photo's own.
    longest = settings.image_size if isinstance(settings, ReadyMade) else None
    about = describe(args.name, weights, args.nms_iou)
    if isinstance(settings, ReadyMade):
        about["turns"] = settings.turns
    if baseline.trained and weights is not None:
        about["image_size"] = weights.about.get("image_size")
    written: list[Path] = []
    with keeping(lambda: bool(written)):
        for out, inputs in found.items():
            predictions = predict_baseline(detector, inputs, about, longest, args.nms_iou)
            predictions.settings.update(shard.settings())
            forget_other_shares(out, shard)
            write_predictions(out, predictions)
            written.append(out)
            logger.info(f"{out}: {len(predictions.boxes)} boxes in {len(predictions.images)} images")
    return 0
