"""Predict boxes in images, with a detector of ours or a baseline detector."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from uncover.commands import verb
from uncover.commands._predict_shown import LOWEST, SURE, above, hint, write_csv, write_pictures
from uncover.commands._shared_arguments import (
    OTHER_DETECTORS,
    PRIVACY,
    add_alias,
    add_baseline_arguments,
    add_class_argument,
    add_network_arguments,
    add_shard_argument,
    add_weights_argument,
    forget_other_shares,
    offer,
    read_shard,
    tables_of,
)
from uncover.weights import find_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uncover.images.inputs import Inputs, Shard
    from uncover.metrics.predictions import Predictions
    from uncover.yolov5.inference import Predictor

logger = logging.getLogger(__name__)


def _predict_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "images", type=Path, nargs="+", metavar="IMAGES", help="data set, heatmap set, folder or image files"
    )
    parser.add_argument("out", type=Path, metavar="OUT.parquet", help="table to write (OUT.csv: a CSV file instead)")
    add_inference_arguments(parser)
    add_class_argument(parser, "keep boxes of this class only; can be repeated (default: all classes of the model)")
    outputs = parser.add_argument_group("outputs")
    outputs.add_argument("--format", nargs="+", choices=("csv",), default=[], help="write a CSV file too")
    outputs.add_argument(
        "--annotate",
        type=Path,
        metavar="DIR",
        help=f"folder for copies of the images with boxes of confidence {SURE} or more (or --confidence, if higher)",
    )
    outputs.add_argument(
        "--privacy",
        choices=PRIVACY,
        default="pixelate",
        help="how faces are hidden in these copies; an image without a certain box is hidden as a whole (default:"
        " pixelate)",
    )
    second = outputs.add_argument(
        "--second-nms",
        dest="also",
        nargs=2,
        metavar=("IOU", "OTHER.parquet"),
        help="write a second table from the same inference, with another IoU of non-maximum suppression",
    )
    add_alias(parser, "--also", second)
    add_shard_argument(parser)


def add_inference_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of all commands that predict boxes."""
    add_weights_argument(parser)
    parser.add_argument(
        "--confidence",
        type=float,
        default=0.001,
        metavar="CONF",
        help="lowest confidence of boxes that are kept (default: 0.001, as average precision requires)",
    )
    add_network_arguments(parser, "images")


def tell_of_rendered(args: argparse.Namespace, predictor: Predictor, every: Sequence[Inputs]) -> None:
    """Log a note if weights that were trained on rendered faces run on other images."""
    from uncover.config.detectors import MAP_INPUTS
    from uncover.image_files import are_rendered
    from uncover.yolov5.weights import is_of_rendered, note_on_rendered

    rendered = is_of_rendered(predictor.header.training, find_weights(args.weights))
    # The images behind heatmaps are not known.
    if rendered and predictor.header.input not in MAP_INPUTS and not all(are_rendered(each.paths) for each in every):
        logger.info(f"note: {note_on_rendered([str(args.weights)])}")


def load_predictor(args: argparse.Namespace) -> Predictor:
    """The detector in the arguments.

    Raises:
        InputError: An option is out of range, the device does not exist, or the file has no weights.
    """
    from uncover.images.inputs import check_inference_options
    from uncover.yolov5.inference import InferenceOptions, Predictor

    check_inference_options(args.confidence, args.nms_iou, args.batch, args.image_size)
    options = InferenceOptions(args.confidence, args.nms_iou, args.batch, args.image_size, args.precision)
    return Predictor(find_weights(args.weights), args.device, options)


@verb("predict", "predict boxes in a set of images, as a table for evaluation", _predict_arguments)
def run_predict(args: argparse.Namespace) -> int:
    """Predict boxes in a set of images with a detector, and store them for `uncover evaluate`.

    IMAGES is a data set (a folder with images/), a folder of images, or image files; for a heatmap detector a heatmap
    set (a folder of `uncover heatmaps`, whose images keep their names) or its files. OUT.parquet gets a row per box:
    image, class, confidence, and corners in pixels of the original image. OUT.csv is for spreadsheets; other commands
    do not read it. --annotate DIR gets copies of the images with the boxes, faces hidden. For faces in videos, with
    rescue and tracking, use `uncover detect`.

    --shard 1/4 ... --shard 4/4 split the images over four jobs; `uncover predict collect` joins their tables. `uncover
    predict sets` processes several sets. A folder named sets or collect is ./sets or ./collect.

    Examples:
      uncover predict photos/ boxes.parquet --weights general
      uncover predict datasets/val val.parquet --weights my_detector/weights.pt --format csv
      uncover predict photos/ boxes.csv --weights nicu --confidence 0.4 --annotate drawn --privacy blur
    """
    from uncover.atomic import check_new_file, check_replaceable
    from uncover.config.detectors import MAP_INPUTS
    from uncover.console import result, wrote
    from uncover.data.data_yaml import choose_classes
    from uncover.errors import InputError
    from uncover.images.reading import check_apart
    from uncover.metrics.predictions import check_new_predictions, write_predictions

    # Without OUT, the last image would be overwritten.
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
        raise InputError("--annotate: requires photos, and the input of these weights is heatmaps; omit the option")
    inputs = predictor.find(args.images, shard)
    tell_of_rendered(args, predictor, [inputs])
    # Boxes of low confidence are hidden too.
    lowest = min(args.confidence, LOWEST) if args.annotate else args.confidence
    every, *others = predictor.predict_at(inputs, [args.nms_iou, *also.values()], lowest)
    predictions = (above(every, args.confidence) if args.annotate else every).of_classes(args.classes)
    predictions.settings.update(shard.settings())
    if ".parquet" in tables:
        forget_other_shares(tables[".parquet"], shard)
        write_predictions(tables[".parquet"], predictions)
    if ".csv" in tables:
        write_csv(tables[".csv"], predictions)
    for path in tables.values():
        _report(path, predictions)
    for out, other in zip(also, others, strict=True):
        second = (above(other, args.confidence) if args.annotate else other).of_classes(args.classes)
        second.settings.update(shard.settings())
        forget_other_shares(out, shard)
        write_predictions(out, second)
        _report(out, second)
    if args.annotate is not None:
        drawn = write_pictures(args.annotate, inputs, every, max(args.confidence, SURE), args.privacy)
        wrote(
            args.annotate, f"{len(inputs.names)} images, {drawn} with a box", images=len(inputs.names), with_a_box=drawn
        )
    result({"settings": predictions.settings})
    advice = hint(predictor, inputs, predictions, args.confidence, args.classes)
    if advice:
        logger.info(advice)
    return 0


def _report(table: Path, predictions: Predictions) -> None:
    """Report a table of boxes."""
    from uncover.console import wrote

    boxes, images = len(predictions.boxes), len(predictions.images)
    found = predictions.boxes["image"].nunique()
    text = f"{boxes} boxes in {found} of {images} images"
    wrote(table, text, boxes=boxes, images=images, images_with_boxes=int(found))


def _also(args: argparse.Namespace) -> dict[Path, float]:
    """The second table and the IoU of its non-maximum suppression, if there is one.

    Raises:
        InputError: The words are not an IoU and a table.
    """
    from uncover.errors import InputError

    if args.also is None:
        return {}
    number, other = args.also[0], Path(args.also[1])
    overlap = _overlap(number)
    if overlap is None or other.suffix != ".parquet" or other.absolute() == args.out.absolute():
        raise InputError(
            f"--second-nms {number} {other}: expected an IoU from 0 to 1 and OTHER.parquet, different from OUT"
        )
    return {other: overlap}


def _predict_sets_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET", help="data set or heatmap set")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the tables")
    add_inference_arguments(parser)
    second = parser.add_argument(
        "--second-nms",
        dest="also",
        nargs="+",
        default=[],
        metavar=("IOU", "OTHER_DIR SET"),
        help="write second tables of some SETs, by the names of their folders, from the same inference, with another"
        " IoU of non-maximum suppression",
    )
    add_alias(parser, "--also", second)
    add_shard_argument(parser)


@verb("predict sets", "predict boxes in several sets of images", _predict_sets_arguments)
def run_predict_sets(args: argparse.Namespace) -> int:
    """Predict boxes in several sets of images with one detector, which is loaded once.

    Each SET is a data set (a folder with images/), or for a heatmap detector a heatmap set (a folder of `uncover
    heatmaps`). DIR gets <name of the SET's folder>.parquet for each, as `uncover predict` writes it; with --shard 1/4,
    <name>/shards/1-of-4.parquet, and `uncover predict collect` joins those of a set. With --second-nms 0.5 OTHER_DIR
    val, OTHER_DIR gets a table of the set val with another IoU of non-maximum suppression.

    Examples:
      uncover predict sets datasets/val datasets/test --out predictions --weights my_detector/weights.pt
      uncover predict sets datasets/test --out predictions --weights general --shard 1/4
    """
    from uncover.errors import keeping
    from uncover.metrics.predictions import write_predictions

    shard = read_shard(args)
    tables = tables_of(args.sets, args.out, shard if args.shard else None)
    overlap, others = _also_of_sets(args, shard)
    predictor = load_predictor(args)
    # All are read before the network runs on the first: an error in the last one shows at once.
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
                _report(out, predictions)
    return 0


def _also_of_sets(args: argparse.Namespace, shard: Shard) -> tuple[float, dict[Path, Path]]:
    """The other IoU of non-maximum suppression, and the second tables by the folder of their set.

    Raises:
        InputError: The words are not an IoU, a folder and names of sets, or a table cannot be written.
    """
    from uncover.errors import InputError

    if not args.also:
        return args.nms_iou, {}
    overlap = _overlap(args.also[0])
    folders = {folder.absolute().name: folder for folder in args.sets}
    unknown = [name for name in args.also[2:] if name not in folders]
    if overlap is None or len(args.also) < 3 or Path(args.also[1]).absolute() == args.out.absolute() or unknown:
        raise InputError(
            f"--second-nms {' '.join(args.also)}: expected an IoU from 0 to 1, OTHER_DIR, not --out, and some of"
            f" {', '.join(folders)}"
        )
    named = [folders[name] for name in dict.fromkeys(args.also[2:])]
    tables = tables_of(named, Path(args.also[1]), shard if args.shard else None)
    return overlap, {folder: table for table, folder in tables.items()}


def _overlap(word: str) -> float | None:
    """The IoU from 0 to 1 in a word; None for any other word."""
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
        "--out", type=Path, metavar="OUT.parquet", help="table to write, for shares of one set in any other folder"
    )


@verb("predict collect", "join the tables of several `predict --shard` jobs", _predict_collect_arguments)
def run_predict_collect(args: argparse.Namespace) -> int:
    """Join the shares of sets that `uncover predict sets --shard` or `uncover predict baseline --shard` wrote.

    The shares of a set are in <SET>/shards/. <SET>.parquet gets all of them, and is the same as that of one job without
    --shard. Shares of several sets can be given together.

    Examples:
      uncover predict collect predictions/test/shards/*.parquet
      uncover predict collect first.parquet second.parquet --out test.parquet
    """
    from uncover.atomic import check_new_file
    from uncover.errors import InputError
    from uncover.images.inputs import RECORDS
    from uncover.metrics.predictions import join_predictions, write_predictions

    sets: dict[Path, list[Path]] = {}
    for share in args.shares:
        if args.out is None and share.parent.name != RECORDS:
            raise InputError(f"{share}: is not in a folder {RECORDS}/ of a set; give --out OUT.parquet")
        folder = share.parent.parent
        sets.setdefault(args.out or folder.with_name(f"{folder.name}.parquet"), []).append(share)
    for out in sets:
        check_new_file(out)
    for out, shares in sets.items():
        predictions = join_predictions(shares)
        write_predictions(out, predictions)
        _report(out, predictions)
    return 0


def _predict_baseline_arguments(parser: argparse.ArgumentParser) -> None:
    name = parser.add_argument(
        "name",
        metavar="NAME",
        help=f"baseline detector: {', '.join(OTHER_DETECTORS)}",
    )
    offer(name, OTHER_DETECTORS)
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET", help="data set, or folder of images")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the tables")
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="PATH",
        help="folder of `uncover fetch_weights`, an ONNX file, or weights.pt of `uncover train baseline`; omit it for"
        " detectors whose Python package contains the weights",
    )
    overlap = parser.add_argument(
        "--nms-iou",
        type=float,
        default=0.6,
        metavar="IOU",
        help="IoU of non-maximum suppression, after that of the detector's own library (default: 0.6)",
    )
    add_alias(parser, "--iou", overlap)
    add_baseline_arguments(parser, "image_size=1280")
    add_shard_argument(parser)


@verb("predict baseline", "predict faces in images with a baseline detector", _predict_baseline_arguments)
def run_predict_baseline(args: argparse.Namespace) -> int:
    """Predict faces in sets of images with a baseline detector: a pretrained one, or one of `uncover train baseline`.

    Each SET is a data set (a folder with images/), or a folder of images. DIR gets <name of SET>.parquet for each:
    tables like those of `uncover predict`, with five landmarks per face if the detector predicts them. `--set turns=4`
    runs a pretrained detector on each photo at four rotations. If two boxes overlap by more than --nms-iou, the less
    confident one is removed, in addition to the suppression of the detector itself. With --shard, DIR gets shares as
    with `uncover predict sets`.

    Examples:
      uncover predict baseline yunet photos/ --out predictions/yunet
      uncover predict baseline retinaface datasets/val --out predictions/retinaface --weights weights/retinaface
      uncover predict baseline mtcnn datasets/hof --out predictions/mtcnn --set turns=4
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
        raise InputError(f"{args.name}: requires --weights, the weights.pt of 'uncover train baseline {args.name}'")
    if args.weights is not None and not baseline.trained and Baselines().weights_of(args.name) is None:
        raise InputError(f"{args.name}: its Python package contains the weights; omit --weights")
    file = None if args.weights is None else fetched_file(args.weights)
    found = {out: find_inputs([folder], "photo", 3, shard=shard) for out, folder in tables.items()}

    from uncover.baselines.predict import predict_baseline
    from uncover.baselines.weights import load_baseline
    from uncover.yolov5.device import pick_device

    weights = None if file is None else load_baseline(file)
    detector = load_detector(args.name, settings, weights, pick_device(args.device), args.nms_iou)
    # Detectors that are trained here run at the image size of their training.
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
            _report(out, predictions)
    return 0
