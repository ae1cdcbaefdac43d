"""The ready-made detectors: photos to compose images of, trainings on them, scores, packaged weights."""

from __future__ import annotations

import argparse
import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from uncover.commands import verb

if TYPE_CHECKING:
    from uncover.metrics.detections import Detector
    from uncover.yolov5.packaged import Look

logger = logging.getLogger(__name__)


def _face_photos_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photos", type=Path, metavar="PHOTOS", help="folder of photos with their annotations")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write, with train/ and test/")
    parser.add_argument("--group", required=True, metavar="NAME", help="what to call the photos, such as ytf68")
    parser.add_argument(
        "--teacher",
        action="append",
        default=[],
        metavar="NAME[=WEIGHTS]",
        help="detector that completes the labels: a baseline, with its folder of `uncover fetch_weights` where it needs"
        " one, or any name and a weights file of ours; may stand several times",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda:0 (default: a GPU where there is one)")
    parser.add_argument(
        "--set",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="settings of packaged.sources, such as layout=yolo held_out=0.3",
    )


@verb("face_photos", "prepare photos with faces for trainings on composed images", _face_photos_arguments)
def run_face_photos(args: argparse.Namespace) -> int:
    """Bring photos and their labels under one convention, a box from hairline to chin, and hold some of them out.

    OUT/train is a data set in YOLO layout with outlines and frames of the faces (faces.json) and pieces without a face
    (empty/); `uncover train composed` composes images of it. OUT/test has the photos held out, for `uncover
    score_packaged`. A teacher sees every photo to learn from: what it is sure of becomes a face where labels may be
    incomplete, what it doubts is painted over. Photos without any annotation (layout=images) get the faces that all
    teachers agree on. Nothing learns from a photo in OUT/test, unless half=all says so.
    """
    from uncover.baselines.face_photos import Teacher, make_face_photos
    from uncover.config.packaged import PhotoSource
    from uncover.config.values import check_section, read_pairs

    settings = check_section(PhotoSource, read_pairs(args.set), "--set")
    teachers = [_open_teacher(word, settings.turns, args.device) for word in args.teacher]
    teacher = Teacher(teachers) if teachers else None
    counts = make_face_photos(args.photos, args.out, args.group, settings, teacher)
    lost = "".join(f", left out {count}: {why}" for why, count in counts.left_out.items())
    logger.info(
        f"{args.out}: {counts.train} photos to learn from, {counts.train_faces} faces ({counts.taught} seen by teachers"
        f" alone), {counts.younger} copies with younger faces; {counts.test} photos held out, {counts.test_faces} faces"
        f"{lost}"
    )
    return 0


def _open_teacher(word: str, turns: int, device: str) -> Detector:
    """A detector of a word NAME[=WEIGHTS], that looks at so many turns of a photo."""
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
            raise InputError(f"--teacher {name}: is trained here; expected a ready-made detector, or weights of ours")
        return load_detector(name, settings.model_copy(update={"turns": turns}), weights, pick_device(device), 0.4)
    if not place:
        raise InputError(f"--teacher {name}: no such baseline; expected one of {', '.join(BASELINES)}, or NAME=WEIGHTS")
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
        help="data sets to validate on, such as their test/",
    )
    parser.add_argument("--covers", type=Path, metavar="DIR", help="pictures with alpha to lay on faces (PNG)")
    parser.add_argument("--start", type=Path, metavar="WEIGHTS", help="weights to start from")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda:0 (default: a GPU where there is one)")
    parser.add_argument("--workers", type=int, help="threads that compose images")
    parser.add_argument(
        "--set",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="settings of packaged.detectors, such as model=yolov5n epochs=30 composed.images=4096",
    )


@verb("train composed", "train a detector on images composed of photos", _train_composed_arguments)
def run_train_composed(args: argparse.Namespace) -> int:
    """Train a detector of whole faces on images that are composed of photos: at any angle and scale, under covers.

    An epoch is a number of composed images (composed.images), whose sizes differ from batch to batch (composed.sizes);
    one seed gives the same images. composed.close, composed.scene and composed.heads say how often photos of each
    group are drawn, such as composed.close.ytf68=0.24. OUT gets weights.pt, results.csv and summary.json. A training
    that is stopped goes on after its last epoch when the same command is given again.
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
        help="name of the detector, name of what it is scored on, its weights, and a folder test/ of `uncover"
        " face_photos`; further pairs of weights and folder count as one set with it; may stand several times",
    )
    parser.add_argument(
        "--tables", type=Path, nargs="+", default=[], metavar="CSV", help="tables made before, whose rows stand first"
    )
    parser.add_argument("--image-size", type=int, help="longest side of a photo as it is seen (default: as trained)")
    parser.add_argument(
        "--turns",
        type=int,
        nargs="+",
        choices=(1, 4, 8),
        default=[1],
        help="1: one look at each photo (default); 4 or 8: photos without a face are looked at again at so many turns;"
        " several are scored each",
    )
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples behind the intervals (default: 1000)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda:0 (default: a GPU where there is one)")


@verb("score_packaged", "score detectors on photos held out, with intervals by block", _score_packaged_arguments)
def run_score_packaged(args: argparse.Namespace) -> int:
    """Score detectors on photos held out: average precision at IoU 0.5 and 0.4, recall at 0.25 false boxes a photo.

    Intervals at IoU 0.5 draw blocks of photos as a whole. Faces under 12 pixels count neither way. Where a set says
    something of each face, or has grades, there is a row for each of them too, in which the other faces count neither
    way.
    """
    from uncover.atomic import check_new_file
    from uncover.config.values import check_number
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
    for row in rows[before:]:
        logger.info(
            f"{row.detector} on {row.set} ({row.faces_scored}, {row.faces} faces, {row.turns} turns):"
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
    parser.add_argument("out", type=Path, metavar="OUT.pt", help="weights file to write; its name is the detector's")
    parser.add_argument("--photos", type=Path, nargs="+", required=True, metavar="DIR", help="of `uncover face_photos`")
    parser.add_argument("--scores", type=Path, required=True, metavar="CSV", help="table of `uncover score_packaged`")
    parser.add_argument("--command", required=True, help="what makes the detector, for the card")
    parser.add_argument("--date", help="for the card (default: today)")


@verb(
    "package_weights",
    "write weights in half precision, with a card that says what they are",
    _package_weights_arguments,
)
def run_package_weights(args: argparse.Namespace) -> int:
    """Write the weights of a training on composed images in half precision, and beside them a card, OUT.md.

    The card names network, data, recipe, command, scores, licence, limits and date, all but the last three from the
    records of the training. A file above 4 MB is refused.
    """
    import datetime

    from uncover.atomic import check_new_file
    from uncover.yolov5.packaged import package_weights

    card = args.out.with_suffix(".md")
    for path in (args.out, card):
        check_new_file(path)
    date = args.date or datetime.datetime.now(datetime.UTC).date().isoformat()
    size = package_weights(args.weights, args.out, card, args.photos, args.scores, args.command, date)
    logger.info(f"{args.out}: {size} bytes; {card}")
    return 0
