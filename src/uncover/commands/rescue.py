"""The rescue of missed faces: which photos were missed, what strategies propose, and the trials."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from uncover.commands import verb
from uncover.commands._shared_arguments import (
    add_resampling_arguments,
    add_true_iou_argument,
    check_resampling_arguments,
)

logger = logging.getLogger(__name__)


def _missed_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="list to write")
    parser.add_argument(
        "--predictions", type=Path, required=True, help="the first detector's, a table of `uncover predict`"
    )
    parser.add_argument(
        "--heatmaps",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="heatmap sets of the same photos, such as heatmaps/hirescam/val: the variant is the folder above",
    )
    parser.add_argument("--labels", type=Path, metavar="DIR", help="label files of the set, where it has any")
    _add_found_argument(parser)


def _add_found_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--confidence", type=float, default=0.4, help="lowest of a whole face that counts as found (default: 0.4)"
    )


@verb("missed", "find the photos in which the first detector missed the face", _missed_arguments)
def run_missed(args: argparse.Namespace) -> int:
    """Find the photos of a set that the first detector missed, and which heatmaps of theirs are blank.

    Missed is a photo without a whole face from a confidence on. OUT.csv gets a row per photo of the set: image, width,
    height, faces (true ones; empty without --labels), confidence (of the surest whole face), missed, and a column
    VARIANT:INPUT for everything that a heatmap detector may look at: whether that is not blank.
    """
    from uncover.atomic import check_new_file
    from uncover.config.values import check_number
    from uncover.rescue.missed import read_and_find, write_missed

    check_number("--confidence", args.confidence, 0, 1)
    check_new_file(args.out)
    table = read_and_find(args.predictions, args.heatmaps, args.labels, args.confidence)
    write_missed(args.out, table)
    logger.info(f"{args.out}: {int(table['missed'].sum())} of {len(table)} photos missed")
    return 0


def _missed_sets_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the lists, such as missed")
    parser.add_argument(
        "--predictions",
        type=Path,
        nargs="+",
        required=True,
        metavar="P.parquet",
        help="the first detector's, one per set",
    )
    parser.add_argument(
        "--heatmaps",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="folders with the heatmap set <set>/ of each set, such as heatmaps/hirescam, named after their variant",
    )
    parser.add_argument(
        "--datasets", type=Path, nargs="+", default=[], metavar="DIR", help="data sets of those that have labels/"
    )
    _add_found_argument(parser)


@verb(
    "missed sets", "find the photos of several sets in which the first detector missed the face", _missed_sets_arguments
)
def run_missed_sets(args: argparse.Namespace) -> int:
    """Find the photos of several sets that the first detector missed, and which heatmaps of theirs are blank.

    OUT gets <set>.csv of each, as `uncover missed` writes it. Files and folders are named after their sets, such as
    predictions/rgb10/hof.parquet and datasets/hof.
    """
    from uncover.atomic import check_new_file
    from uncover.config.values import check_number
    from uncover.data.yolo import LABELS
    from uncover.errors import InputError
    from uncover.rescue.methods import by_set
    from uncover.rescue.missed import read_and_find, write_missed

    check_number("--confidence", args.confidence, 0, 1)
    tables, datasets = by_set(args.predictions, "--predictions"), by_set(args.datasets, "--datasets")
    for name, folder in datasets.items():
        if name not in tables:
            raise InputError(f"{folder}: no predictions; give {name}.parquet among --predictions")
    for name in tables:
        check_new_file(args.out / f"{name}.csv")
    found = {
        name: read_and_find(
            table,
            [folder / name for folder in args.heatmaps],
            datasets[name] / LABELS if name in datasets else None,
            args.confidence,
        )
        for name, table in tables.items()
    }
    for name, photos in found.items():
        write_missed(args.out / f"{name}.csv", photos)
        logger.info(f"{args.out / name}.csv: {int(photos['missed'].sum())} of {len(photos)} photos missed")
    return 0


def _propose_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for <strategy>/<set>.parquet")
    parser.add_argument("--train", type=Path, required=True, help="the training data set, with boxes.parquet")
    parser.add_argument(
        "--rgb10", type=Path, nargs="+", required=True, help="<set>.parquet of the detector of ten parts"
    )
    parser.add_argument(
        "--rgb1", type=Path, nargs="+", required=True, help="<set>.parquet of the detector of the whole face"
    )
    parser.add_argument(
        "--scales", type=Path, nargs="+", default=[], help="folders with <set>.parquet made at several inference scales"
    )
    parser.add_argument(
        "--heatmaps", type=Path, metavar="FOLDER", help="folder with the heatmap set <set>/ of each set, of one kind"
    )
    parser.add_argument(
        "--nms-iou", type=float, help="IoU of non-maximum suppression, that of the predictions (default: theirs)"
    )


@verb("propose", "propose faces from stored predictions, without training", _propose_arguments)
def run_propose(args: argparse.Namespace) -> int:
    """Propose faces from stored predictions, by strategies that need no training.

    Writes OUT/<strategy>/<set>.parquet, tables like those of `uncover predict`, for every strategy and set. Strategies
    know where a whole face lies around its parts from the true boxes of the training set; no network runs. With
    --scales, predictions of the same sets at several inference scales, faces that several of them show are proposed
    too; with --heatmaps, boxes around what heatmaps of the first detector highlight, checked against boxes of parts.
    """
    from uncover.atomic import check_writable
    from uncover.config.values import check_number
    from uncover.rescue.proposals import write_proposals

    check_number("--nms-iou", args.nms_iou, 0, 1)
    check_writable(args.out)
    written = write_proposals(args.out, args.train, args.rgb10, args.rgb1, args.scales, args.nms_iou, args.heatmaps)
    for strategy, sets in written.items():
        if sets:
            logger.info(f"{args.out / strategy}: {', '.join(sets)}")
    return 0


def _rescue_trial_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="record to write")
    parser.add_argument(
        "--methods",
        nargs="+",
        required=True,
        metavar="NAME=GROUP[:HEATMAPS:INPUT]",
        help="what to try: its predictions' folder, its group (heatmaps, variant, baseline, detector, control, ours), "
        "and for detectors of heatmaps which they look at (a column of the lists of missed photos)",
    )
    parser.add_argument("--predictions", type=Path, required=True, help="folder with <method>/<set>.parquet")
    parser.add_argument("--missed", type=Path, nargs="+", required=True, help="<set>.csv of `uncover missed`")
    parser.add_argument("--datasets", type=Path, nargs="+", default=[], help="data sets with labels/, named as the set")
    parser.add_argument("--val", default="val", help="set that thresholds are taken from (default: val)")
    parser.add_argument(
        "--rates",
        type=float,
        nargs="+",
        default=[0.1, 0.25, 0.5],
        help="false boxes per photo to compare at (default: 0.1 0.25 0.5)",
    )
    add_true_iou_argument(parser)
    add_resampling_arguments(parser)


@verb("rescue_trial", "try all methods on missed photos at equally many false boxes", _rescue_trial_arguments)
def run_rescue_trial(args: argparse.Namespace) -> int:
    """Try every method on the photos that the first detector missed, at equally many false boxes per photo.

    Reads lists of `uncover missed`, stored predictions PREDICTIONS/<method>/<set>.parquet and labels; writes a CSV
    record with the share of faces found, precision and intervals, per set, method, rate and threshold. A threshold
    `set` keeps the rate on the very photos that are scored; a threshold `val` is the one that keeps it on all photos
    of --val.
    """
    from uncover.atomic import check_new_file
    from uncover.config.values import check_number
    from uncover.errors import InputError
    from uncover.rescue.methods import read_methods
    from uncover.rescue.trial import Settings, run_trial, write_trial

    check_resampling_arguments(args)
    check_number("--true-iou", args.true_iou, 0, 1)
    for rate in args.rates:
        check_number("--rates", rate, 0)
    if len(set(args.rates)) < len(args.rates):
        raise InputError(f"--rates {' '.join(map(str, args.rates))}: a rate stands twice; expected each once")
    if args.out.suffix != ".csv":
        raise InputError(f"{args.out}: expected OUT.csv, the record to write")
    check_new_file(args.out)
    methods = read_methods(args.methods)
    settings = Settings(args.rates, args.true_iou, args.bootstrap, args.seed)
    rows = run_trial(methods, args.predictions, args.missed, args.datasets, args.val, settings)
    write_trial(args.out, rows)
    logger.info(f"{args.out}: {len(methods)} methods on {len({row['set'] for row in rows})} sets")
    return 0


def _rescue_cascade_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="record to write")
    parser.add_argument(
        "--detectors",
        nargs="+",
        required=True,
        metavar="NAME=CONFIDENCE",
        help="detectors: the folder of their predictions, and the lowest confidence of a face that counts",
    )
    parser.add_argument(
        "--rescues",
        nargs="*",
        default=[],
        metavar="NAME[:HEATMAPS:INPUT]",
        help="what to try behind each: the folder of its predictions, and for detectors of heatmaps which they look at "
        "(a column of the lists of missed photos)",
    )
    parser.add_argument("--predictions", type=Path, required=True, help="folder with <name>/<set>.parquet")
    parser.add_argument("--missed", type=Path, nargs="+", required=True, help="<set>.csv of `uncover missed`")
    parser.add_argument("--datasets", type=Path, nargs="+", default=[], help="data sets with labels/, named as the set")
    parser.add_argument("--val", default="val", help="set that rescues' thresholds are taken from (default: val)")
    parser.add_argument(
        "--rate", type=float, default=0.25, help="false boxes per photo that a rescue makes there (default: 0.25)"
    )
    add_true_iou_argument(parser)
    add_resampling_arguments(parser)


@verb("rescue_cascade", "try detectors alone and with a rescue behind them", _rescue_cascade_arguments)
def run_rescue_cascade(args: argparse.Namespace) -> int:
    """Try detectors alone and with a rescue behind them, on all photos of the sets with labels.

    A rescue's boxes count only in photos in which the detector found nothing, from the confidence on that keeps
    --rate false boxes per photo on --val. Writes a CSV record with the share of faces found, false boxes and
    intervals, per set, detector and rescue ("none" is the detector alone), and beside each rescue the detector alone
    with its threshold lowered until it makes as many false boxes on the set. Reads stored predictions
    PREDICTIONS/<name>/<set>.parquet, lists of `uncover missed`, which say where a heatmap is blank, and labels.
    """
    from uncover.atomic import check_new_file
    from uncover.config.values import check_number
    from uncover.errors import InputError
    from uncover.rescue.cascade import run_cascade, write_cascades
    from uncover.rescue.methods import TriedDetector, read_confidences, read_rescues
    from uncover.rescue.trial import Settings

    check_resampling_arguments(args)
    check_number("--true-iou", args.true_iou, 0, 1)
    check_number("--rate", args.rate, 0)
    if args.out.suffix != ".csv":
        raise InputError(f"{args.out}: expected OUT.csv, the record to write")
    check_new_file(args.out)
    detectors = [TriedDetector(*each) for each in read_confidences(args.detectors, "--detectors").items()]
    rescues = read_rescues(args.rescues)
    settings = Settings((args.rate,), args.true_iou, args.bootstrap, args.seed)
    rows = run_cascade(detectors, rescues, args.predictions, args.missed, args.datasets, args.val, settings)
    write_cascades(args.out, rows)
    sets = len({row["set"] for row in rows})
    logger.info(f"{args.out}: {len(detectors)} detectors, alone and with {len(rescues)} rescues, on {sets} sets")
    return 0
