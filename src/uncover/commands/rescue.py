"""Rescue of missed faces: missed photos, proposals of strategies, and trials."""

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
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="table to write")
    parser.add_argument(
        "--predictions",
        type=Path,
        required=True,
        metavar="P.parquet",
        help="table of `uncover predict` with the boxes of the first detector",
    )
    parser.add_argument(
        "--heatmaps",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="heatmap sets of the same photos, such as heatmaps/hirescam/val; the parent folder names the variant",
    )
    parser.add_argument("--labels", type=Path, metavar="DIR", help="label files of the set, if it has any")
    _add_found_argument(parser)


def _add_found_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--confidence",
        type=float,
        default=0.4,
        metavar="CONF",
        help="confidence threshold of the first detector (default: 0.4)",
    )


@verb("missed", "list the photos in which the first detector missed the face", _missed_arguments)
def run_missed(args: argparse.Namespace) -> int:
    """List the photos of a set in which the first detector missed the face, and whether their heatmaps are blank.

    A photo is missed if no box of a whole face reaches --confidence. OUT.csv gets a row per photo of the set: image,
    width, height, faces (true ones; empty without --labels), confidence (the highest of a whole face), missed, and for
    each possible input of a heatmap detector a column VARIANT:INPUT, which is false if that heatmap is blank.

    Examples:
      uncover missed missed/val.csv --predictions predictions/rgb10/val.parquet --heatmaps heatmaps/hirescam/val
    """
    from uncover.atomic import check_new_file
    from uncover.config.values import check_number
    from uncover.console import wrote
    from uncover.rescue.missed import read_and_find, write_missed

    check_number("--confidence", args.confidence, 0, 1)
    check_new_file(args.out)
    table = read_and_find(args.predictions, args.heatmaps, args.labels, args.confidence)
    write_missed(args.out, table)
    missed = int(table["missed"].sum())
    wrote(args.out, f"{missed} of {len(table)} photos missed", missed=missed, photos=len(table))
    return 0


def _missed_sets_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the tables, such as missed")
    parser.add_argument(
        "--predictions",
        type=Path,
        nargs="+",
        required=True,
        metavar="P.parquet",
        help="predictions of the first detector, a table per set",
    )
    parser.add_argument(
        "--heatmaps",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="folders with the heatmap set of each set, <variant>/<set>; give heatmaps/<variant>",
    )
    parser.add_argument(
        "--datasets", type=Path, nargs="+", default=[], metavar="DIR", help="data sets of sets that have labels/"
    )
    _add_found_argument(parser)


@verb("missed sets", "list the missed photos of several sets", _missed_sets_arguments)
def run_missed_sets(args: argparse.Namespace) -> int:
    """List the photos of several sets in which the first detector missed the face, and whether heatmaps are blank.

    OUT gets <set>.csv of each, as `uncover missed` writes it. Files and folders are named after their sets, such as
    predictions/rgb10/hof.parquet and datasets/hof.

    Examples:
      uncover missed sets missed --predictions predictions/rgb10/val.parquet --datasets datasets/val
    """
    from uncover.atomic import check_new_file
    from uncover.config.values import check_number
    from uncover.console import wrote
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
        missed = int(photos["missed"].sum())
        path = args.out / f"{name}.csv"
        wrote(path, f"{missed} of {len(photos)} photos missed", missed=missed, photos=len(photos))
    return 0


def _propose_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for <strategy>/<set>.parquet")
    parser.add_argument(
        "--train", type=Path, required=True, metavar="DATASET", help="training set of the detectors, with boxes.parquet"
    )
    parser.add_argument(
        "--rgb10",
        type=Path,
        nargs="+",
        required=True,
        metavar="P.parquet",
        help="<set>.parquet of the ten-part detector",
    )
    parser.add_argument(
        "--rgb1",
        type=Path,
        nargs="+",
        required=True,
        metavar="P.parquet",
        help="<set>.parquet of the whole-face detector",
    )
    parser.add_argument(
        "--scales",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="folders with <set>.parquet at several inference scales",
    )
    parser.add_argument(
        "--heatmaps", type=Path, metavar="FOLDER", help="folder with the heatmap set <set>/ of each set, of one method"
    )
    parser.add_argument(
        "--nms-iou",
        type=float,
        metavar="IOU",
        help="IoU of non-maximum suppression (default: that of the predictions)",
    )


@verb("propose", "propose faces from stored predictions, without training", _propose_arguments)
def run_propose(args: argparse.Namespace) -> int:
    """Propose faces from stored predictions, with strategies that require no training.

    Writes OUT/<strategy>/<set>.parquet for every strategy and set, tables like those of `uncover predict`. The position
    of a whole face relative to its parts comes from the true boxes of the training set; no network runs. --scales adds
    faces that predictions at several inference scales have in common. --heatmaps adds boxes around the maxima of
    heatmaps of the first detector, checked against boxes of parts.

    Examples:
      uncover propose predictions --train datasets/train --rgb10 predictions/rgb10/val.parquet \\
          --rgb1 predictions/rgb1/val.parquet
    """
    from uncover.atomic import check_writable
    from uncover.config.values import check_number
    from uncover.console import wrote
    from uncover.rescue.proposals import write_proposals

    check_number("--nms-iou", args.nms_iou, 0, 1)
    check_writable(args.out)
    written = write_proposals(args.out, args.train, args.rgb10, args.rgb1, args.scales, args.nms_iou, args.heatmaps)
    for strategy, sets in written.items():
        if sets:
            wrote(args.out / strategy, ", ".join(sets), sets=list(sets))
    return 0


def _rescue_trial_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="record to write")
    parser.add_argument(
        "--methods",
        nargs="+",
        required=True,
        metavar="NAME=GROUP[:HEATMAPS:INPUT]",
        help="methods: the folder of their predictions, their group (heatmaps, variant, baseline, detector, control,"
        " ours), and for heatmap detectors their input (a column of the tables of missed photos)",
    )
    _add_stored_arguments(parser, "<method>")
    parser.add_argument(
        "--rates",
        type=float,
        nargs="+",
        default=[0.1, 0.25, 0.5],
        metavar="RATE",
        help="false positives per photo at which methods are compared (default: 0.1 0.25 0.5)",
    )
    add_true_iou_argument(parser)
    add_resampling_arguments(parser)


def _add_stored_arguments(parser: argparse.ArgumentParser, folder: str) -> None:
    """Predictions, missed photos and labels that a trial reads."""
    parser.add_argument(
        "--predictions", type=Path, required=True, metavar="DIR", help=f"folder with {folder}/<set>.parquet"
    )
    parser.add_argument(
        "--missed", type=Path, nargs="+", required=True, metavar="SET.csv", help="<set>.csv of `uncover missed`"
    )
    parser.add_argument(
        "--datasets", type=Path, nargs="+", default=[], metavar="DIR", help="data sets with labels/, named as the set"
    )
    parser.add_argument("--val", default="val", metavar="SET", help="set on which thresholds are chosen (default: val)")


@verb("rescue_trial", "compare all methods on missed photos at equal false positives", _rescue_trial_arguments)
def run_rescue_trial(args: argparse.Namespace) -> int:
    """Compare methods on the photos that the first detector missed, at equal numbers of false positives per photo.

    Reads tables of `uncover missed`, stored predictions DIR/<method>/<set>.parquet and labels. Writes a CSV record with
    recall, precision and intervals, per set, method, rate and threshold. The threshold `set` is chosen on the scored
    photos themselves, the threshold `val` on all photos of --val.

    Examples:
      uncover rescue_trial trial.csv --methods gradcampp_avg=heatmaps:gradcampp:joint yunet=baseline \\
          --predictions predictions --missed missed/val.csv --datasets datasets/val
    """
    from uncover.atomic import check_new_file
    from uncover.config.values import check_number
    from uncover.console import wrote
    from uncover.errors import InputError
    from uncover.rescue.methods import read_methods
    from uncover.rescue.trial import Settings, run_trial, write_trial

    check_resampling_arguments(args)
    check_number("--true-iou", args.true_iou, 0, 1)
    for rate in args.rates:
        check_number("--rates", rate, 0)
    if len(set(args.rates)) < len(args.rates):
        raise InputError(f"--rates {' '.join(map(str, args.rates))}: a rate is given twice; expected each once")
    if args.out.suffix != ".csv":
        raise InputError(f"{args.out}: expected OUT.csv, the record to write")
    check_new_file(args.out)
    methods = read_methods(args.methods)
    settings = Settings(args.rates, args.true_iou, args.bootstrap, args.seed)
    rows = run_trial(methods, args.predictions, args.missed, args.datasets, args.val, settings)
    write_trial(args.out, rows)
    sets = len({row["set"] for row in rows})
    wrote(args.out, f"{len(methods)} methods on {sets} sets", methods=len(methods), sets=sets)
    return 0


def _rescue_cascade_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="record to write")
    parser.add_argument(
        "--detectors",
        nargs="+",
        required=True,
        metavar="NAME=CONFIDENCE",
        help="detectors: the folder of their predictions, and their confidence threshold",
    )
    parser.add_argument(
        "--rescues",
        nargs="*",
        default=[],
        metavar="NAME[:HEATMAPS:INPUT]",
        help="rescues to run after each: the folder of their predictions, and for heatmap detectors their input (a"
        " column of the tables of missed photos)",
    )
    _add_stored_arguments(parser, "<name>")
    parser.add_argument(
        "--rate",
        type=float,
        default=0.25,
        metavar="RATE",
        help="false positives per photo of a rescue on --val (default: 0.25)",
    )
    add_true_iou_argument(parser)
    add_resampling_arguments(parser)


@verb("rescue_cascade", "compare detectors alone and with a rescue", _rescue_cascade_arguments)
def run_rescue_cascade(args: argparse.Namespace) -> int:
    """Compare detectors alone and with a rescue, on all photos of the sets with labels.

    Boxes of a rescue count only in photos in which the detector found no face, above the threshold with --rate false
    positives per photo on --val. Reads stored predictions DIR/<name>/<set>.parquet, tables of `uncover missed` (for
    blank heatmaps) and labels. Writes a CSV record with recall, false positives and intervals, per set, detector and
    rescue (none: the detector alone), and for each rescue the detector alone at the lower threshold that has as many
    false positives on the set.

    Examples:
      uncover rescue_cascade cascade.csv --detectors rgb10=0.4 mtcnn=0.7 --rescues gradcampp_avg:gradcampp:joint \\
          --predictions predictions --missed missed/val.csv --datasets datasets/val
    """
    from uncover.atomic import check_new_file
    from uncover.config.values import check_number
    from uncover.console import wrote
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
    text = f"{len(detectors)} detectors, alone and with {len(rescues)} rescues, on {sets} sets"
    wrote(args.out, text, detectors=len(detectors), rescues=len(rescues), sets=sets)
    return 0
