"""Pretrained weights: photos to compose images from, training on these, scores, packaged weights."""

from __future__ import annotations

import argparse
import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from uncover.commands import verb
from uncover.commands._shared_arguments import add_alias, add_device_argument
from uncover.commands.train import report_training

if TYPE_CHECKING:
    from uncover.metrics.detections import Detector
    from uncover.yolov5.packaged import Look

logger = logging.getLogger(__name__)


def _face_photos_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photos", type=Path, metavar="PHOTOS", help="folder of photos with their annotations")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to, with train/ and test/")
    parser.add_argument("--group", required=True, metavar="NAME", help="name of the photos, such as ytf68")
    parser.add_argument(
        "--teacher",
        action="append",
        default=[],
        metavar="NAME[=WEIGHTS]",
        help="detector that completes the labels: a baseline detector, with its folder of `uncover fetch_weights` if it"
        " requires one, or any name and a weights file of ours; can be repeated",
    )
    add_device_argument(parser)
    parser.add_argument(
        "--set",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="settings, with the keys of `packaged.sources` in config/README.md, such as layout=yolo held_out=0.3",
    )


@verb("face_photos", "prepare photos of faces for training on composed images", _face_photos_arguments)
def run_face_photos(args: argparse.Namespace) -> int:
    """Convert photos and their labels to one convention, a box from hairline to chin, and hold some of them out.

    OUT/train is a data set in YOLO layout with outlines and boxes of the faces (faces.json) and regions without a face
    (empty/); `uncover train composed` composes images from it. OUT/test has the photos held out, for `uncover
    score_packaged`; they are not used for training, unless half=all.

    A teacher runs on every training photo: detections of high confidence become faces if labels can be incomplete,
    detections of low confidence are painted over. Photos without annotations (layout=images) get the faces that all
    teachers detect.

    Examples:
      uncover face_photos raw/photos packaged/mine --group mine --set layout=yolo held_out=0.3 --teacher yunet
    """
    from uncover.baselines.face_photos import Teacher, make_face_photos
    from uncover.config.packaged import PhotoSource
    from uncover.config.values import check_section, read_pairs
    from uncover.console import wrote

    settings = check_section(PhotoSource, read_pairs(args.set), "--set")
    teachers = [_open_teacher(word, settings.turns, args.device) for word in args.teacher]
    teacher = Teacher(teachers) if teachers else None
    counts = make_face_photos(args.photos, args.out, args.group, settings, teacher)
    lost = "".join(f", omitted {count}: {why}" for why, count in counts.left_out.items())
    wrote(
        args.out,
        f"{counts.train} training photos, {counts.train_faces} faces ({counts.taught} from teachers only),"
        f" {counts.younger} copies with younger faces; {counts.test} photos held out, {counts.test_faces} faces{lost}",
        train=counts.train,
        train_faces=counts.train_faces,
        test=counts.test,
        test_faces=counts.test_faces,
    )
    return 0


def _open_teacher(word: str, turns: int, device: str) -> Detector:
    """The detector of a word NAME[=WEIGHTS], which runs at so many rotations of a photo."""
    from uncover.baselines.fetched import fetched_file
    from uncover.baselines.registry import find_baseline, load_detector
    from uncover.baselines.turned import Turned
    from uncover.baselines.weights import load_baseline
    from uncover.config.baselines import BASELINES, Baselines
    from uncover.errors import InputError
    from uncover.video.face_detector import FaceDetector
    from uncover.yolov5.device import pick_device
    from uncover.yolov5.packaged import LOWEST

    name, _, place = word.partition("=")
    if name in BASELINES:
        weights = load_baseline(fetched_file(Path(place))) if place else None
        settings = getattr(Baselines(), name)
        if find_baseline(name).trained:
            raise InputError(
                f"--teacher {name}: has no pretrained weights; expected another baseline detector, or weights of ours"
            )
        return load_detector(name, settings.model_copy(update={"turns": turns}), weights, pick_device(device), 0.4)
    if not place:
        raise InputError(
            f"--teacher {name}: no such baseline detector; expected one of {', '.join(BASELINES)}, or NAME=WEIGHTS"
        )
    detector = FaceDetector(Path(place), LOWEST, device, turns=1)
    return Turned(detector, turns) if turns > 1 else detector


def _train_composed_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for weights.pt, results.csv, summary.json")
    parser.add_argument(
        "--photos", type=Path, nargs="+", required=True, metavar="DIR", help="folders train/ of `uncover face_photos`"
    )
    parser.add_argument(
        "--val",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="validation sets, such as folders test/ of `uncover face_photos`",
    )
    parser.add_argument("--covers", type=Path, metavar="DIR", help="images with alpha (PNG) to cover faces with")
    start = parser.add_argument(
        "--weights", type=Path, dest="start", metavar="WEIGHTS", help="initial weights (default: random)"
    )
    add_alias(parser, "--start", start)
    add_device_argument(parser)
    parser.add_argument(
        "--workers", type=int, metavar="N", help="threads that compose images (default: by the number of CPU cores)"
    )
    parser.add_argument(
        "--set",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="settings, with the keys of `packaged.detectors` in config/README.md, such as model=yolov5n epochs=30"
        " composed.images=4096",
    )


@verb(
    "train composed",
    "train a detector on images composed from photos",
    _train_composed_arguments,
    report=lambda args: report_training(args.out),
)
def run_train_composed(args: argparse.Namespace) -> int:
    """Train a whole-face detector on images that are composed from photos: at any rotation and scale, with occlusions.

    An epoch has composed.images images, whose sizes change from batch to batch (composed.sizes); the same seed composes
    the same images. composed.close, composed.scene and composed.heads set the share of each group of photos, such as
    composed.close.ytf68=0.24. OUT gets weights.pt, results.csv and summary.json. The same command resumes a stopped
    training after its last epoch.

    Examples:
      uncover train composed mine --photos packaged/mine/train --val packaged/mine/test --set model=yolov5n epochs=30
    """
    from uncover.atomic import check_writable
    from uncover.config.values import check_number
    from uncover.owner import check_shared
    from uncover.workflow.digest import code_digest
    from uncover.yolov5.distributed import process_group
    from uncover.yolov5.job import read_composed_job
    from uncover.yolov5.train import train

    check_number("--workers", args.workers, 1)
    check_writable(args.out)
    check_shared(args.out, "train", ("weights.pt", "results.csv", "summary.json"))
    job = read_composed_job(args.photos, args.val, args.set, args.start, args.covers)
    with process_group(args.device) as group:
        identity = {"code": code_digest("uncover.yolov5.train")}
        train(job, args.out, group, "none", args.workers, identity, replace=False)
    return 0


def _score_packaged_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="table to write")
    parser.add_argument(
        "--score",
        nargs="+",
        action="append",
        default=[],
        metavar=("DETECTOR SET WEIGHTS DATA", "WEIGHTS DATA"),
        help="name of the detector, name of the set, weights, and a folder test/ of `uncover face_photos`; further"
        " pairs of weights and folder are part of the same set; can be repeated",
    )
    parser.add_argument(
        "--tables", type=Path, nargs="+", default=[], metavar="CSV", help="earlier tables, whose rows come first"
    )
    size = parser.add_argument(
        "--image-size",
        type=int,
        metavar="PX",
        help="longest side of the input in pixels (default: that of the training)",
    )
    add_alias(parser, "--imgsz", size)
    parser.add_argument(
        "--turns",
        type=int,
        nargs="+",
        choices=(1, 4, 8),
        default=[1],
        help="1: one pass; 4, 8: a second pass at so many rotations of photos without a face; several are scored"
        " separately (default: 1)",
    )
    parser.add_argument(
        "--bootstrap", type=int, default=1000, metavar="N", help="bootstrap resamples of the intervals (default: 1000)"
    )
    add_device_argument(parser)


@verb("score_packaged", "score detectors on held-out photos, with intervals by block", _score_packaged_arguments)
def run_score_packaged(args: argparse.Namespace) -> int:
    """Score detectors on held-out photos.

    OUT.csv gets average precision at IoU 0.5 and 0.4, and recall at 0.25 false positives per photo. Intervals at IoU
    0.5 resample whole blocks of photos. Faces below 12 pixels are ignored. If a set has attributes of faces or grades,
    each gets a row too, in which all other faces are ignored.

    Examples:
      uncover score_packaged scores.csv --score mine newborns mine/weights.pt packaged/newborns/test --turns 1 4
    """
    from uncover.atomic import check_new_file
    from uncover.config.values import check_number
    from uncover.console import wrote
    from uncover.errors import InputError
    from uncover.yolov5.packaged import read_scores, score_sets, write_scores

    check_number("--image-size", args.image_size, 32)
    check_number("--bootstrap", args.bootstrap, 0)
    check_new_file(args.out)
    if not (args.score or args.tables):
        raise InputError("nothing to score; give --score DETECTOR SET WEIGHTS DATA, or --tables CSV")
    for words in args.score:
        if len(words) < 4 or len(words) % 2:
            raise InputError(f"--score {' '.join(words)}: expected DETECTOR SET WEIGHTS DATA [WEIGHTS DATA ...]")
    rows = [row for table in args.tables for row in read_scores(table)]
    before = len(rows)
    for detector, name, *places in args.score:
        pairs = [(Path(weights), Path(data)) for weights, data in zip(places[::2], places[1::2], strict=True)]
        for turns in args.turns:
            look_with = partial(_look_with, args.device, args.image_size, turns)
            rows += score_sets(detector, name, pairs, look_with, args.bootstrap, turns)
    write_scores(args.out, rows)
    wrote(args.out, f"{len(rows)} rows, {len(rows) - before} of them new", rows=len(rows))
    for row in rows[before:]:
        logger.info(
            f"{row.detector} on {row.set} ({row.faces_scored}, {row.faces} faces, {row.turns} rotations):"
            f" AP50 {row.ap50:.3f} ({row.ap50_low:.3f} to {row.ap50_high:.3f}), AP40 {row.ap40:.3f},"
            f" recall {row.recall:.3f}"
        )
    return 0


def _look_with(device: str, image_size: int | None, turns: int, weights: Path) -> Look:
    from uncover.video.face_detector import FaceDetector
    from uncover.yolov5.packaged import LOWEST

    return FaceDetector(weights, LOWEST, device, image_size, turns).detect


def _package_weights_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("weights", type=Path, metavar="WEIGHTS", help="weights.pt of `uncover train composed`")
    parser.add_argument("out", type=Path, metavar="OUT.pt", help="weights file to write, NAME.pt")
    parser.add_argument(
        "--photos", type=Path, nargs="+", required=True, metavar="DIR", help="folders of `uncover face_photos`"
    )
    parser.add_argument("--scores", type=Path, required=True, metavar="CSV", help="table of `uncover score_packaged`")
    parser.add_argument(
        "--command", required=True, metavar="TEXT", help="command that trains the detector, for the card"
    )
    parser.add_argument("--date", metavar="DATE", help="date of the card (default: today)")


@verb(
    "package_weights",
    "write weights in half precision, with a model card",
    _package_weights_arguments,
)
def run_package_weights(args: argparse.Namespace) -> int:
    """Write the weights of `uncover train composed` in half precision, with a model card, OUT.md.

    The card has network, data, recipe, command, scores, licence, limits and date; all but the last three come from the
    records of the training. Files above 4 MB are refused.

    Examples:
      uncover package_weights mine/weights.pt mine.pt --photos packaged/mine --scores scores.csv --command "make mine"
    """
    import datetime

    from uncover.atomic import check_new_file
    from uncover.console import wrote
    from uncover.yolov5.packaged import package_weights

    card = args.out.with_suffix(".md")
    for path in (args.out, card):
        check_new_file(path)
    date = args.date or datetime.datetime.now(datetime.UTC).date().isoformat()
    size = package_weights(args.weights, args.out, card, args.photos, args.scores, args.command, date)
    wrote(args.out, f"{size} bytes", bytes=size)
    wrote(card)
    return 0
