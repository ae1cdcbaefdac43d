"""Scores of stored boxes on images, missed photos and videos."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from uncover.commands import verb
from uncover.commands._shared_arguments import (
    add_resampling_arguments,
    add_true_iou_argument,
    check_resampling_arguments,
)

if TYPE_CHECKING:
    from uncover.metrics.evaluation import Evaluation

logger = logging.getLogger(__name__)


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("predictions", type=Path, metavar="PREDICTIONS.parquet", help="table of `uncover predict`")
    parser.add_argument(
        "--labels", type=Path, required=True, help="folder of label files, or the data set with labels/"
    )
    parser.add_argument(
        "--blocks",
        type=Path,
        metavar="CSV",
        help="which images belong together: a column image, and block, infant, person or video (default: blocks.csv, "
        "manifest.parquet or frames.csv of the data set)",
    )
    parser.add_argument("--out", type=Path, help="folder to write the record to")
    parser.add_argument(
        "--class",
        dest="classes",
        action="append",
        metavar="NAME",
        help="score this class only; may stand several times (default: all that the model knows)",
    )
    add_resampling_arguments(parser)


@verb("evaluate", "score stored predictions against label files", _evaluate_arguments)
def run_evaluate(args: argparse.Namespace) -> int:
    """Score stored predictions against label files.

    PREDICTIONS.parquet is what `uncover predict` leaves. The label files are YOLO's, named like the images; an image
    without one counts as background. Their classes are those of the same name in the model: data.yaml or classes.txt
    of the data set names them; without, class 0 of frames in the graded layout is the whole face. Prints a table;
    with --out, writes the record that tables and figures are made from (summary.json, classes.csv, curves.parquet,
    confusion.csv).
    """
    from uncover.atomic import check_replaceable
    from uncover.metrics.evaluation import as_text

    check_resampling_arguments(args)
    if args.out is not None:
        check_replaceable(args.out, "evaluate")
    (evaluation,) = _scores(args.predictions, args.labels, args.blocks, [args.classes], args)
    print(as_text(evaluation))
    if args.out is not None:
        evaluation.write(args.out)
        logger.info(f"{args.out}: summary.json, classes.csv, curves.parquet, confusion.csv")
    return 0


def _scores(
    table: Path, labels: Path, blocks: Path | None, scopes: Sequence[Sequence[str] | None], args: argparse.Namespace
) -> list[Evaluation]:
    """Scores of stored predictions, one for each selection of classes; None stands for all.

    Raises:
        InputError: A file is not what it should be, or the model does not know a class.
    """
    from uncover.api.evaluate import score_stored
    from uncover.metrics.predictions import read_predictions

    return score_stored(read_predictions(table), labels, blocks, scopes, args.bootstrap, args.seed)


def _add_sets_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of what scores one detector on several sets."""
    parser.add_argument(
        "--predictions", type=Path, nargs="+", required=True, metavar="P.parquet", help="the detector's, one per set"
    )
    parser.add_argument(
        "--datasets", type=Path, nargs="+", required=True, metavar="DIR", help="data sets, for their labels/"
    )


def _evaluate_sets_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to, such as metrics/rgb10")
    _add_sets_arguments(parser)
    parser.add_argument(
        "--parts", nargs="+", default=[], metavar="SET", help="sets to score on all that the detector knows too"
    )
    add_resampling_arguments(parser)


@verb("evaluate sets", "score a detector's stored predictions on several sets", _evaluate_sets_arguments)
def run_evaluate_sets(args: argparse.Namespace) -> int:
    """Score a detector's stored predictions on the whole faces of several sets.

    OUT gets <set>/whole_face/, and <set>/all/ of those that --parts names: the records that `uncover evaluate` writes
    with --class "whole face", and without. Files and folders are named after their sets, such as
    predictions/rgb10/val.parquet and datasets/val.
    """
    from uncover.atomic import check_replaceable
    from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
    from uncover.errors import InputError
    from uncover.rescue.methods import by_set

    check_resampling_arguments(args)
    tables, datasets = by_set(args.predictions, "--predictions"), by_set(args.datasets, "--datasets")
    for name in args.parts:
        if name not in tables:
            raise InputError(f"--parts {name}: no predictions; give {name}.parquet among --predictions")
    for name, table in tables.items():
        if name not in datasets:
            raise InputError(f"{table}: no labels; give datasets/{name} among --datasets")
        for path in (table, datasets[name]):
            if not path.exists():
                raise InputError(f"{path}: does not exist")
    whole = {"whole_face": [CLASS_NAMES[WHOLE_FACE]]}
    scopes = {name: ({"all": None} if name in args.parts else {}) | whole for name in tables}
    for name, own in scopes.items():
        for scope in own:
            check_replaceable(args.out / name / scope, "evaluate")
    for name, own in scopes.items():
        for scope, scores in zip(own, _scores(tables[name], datasets[name], None, [*own.values()], args), strict=True):
            scores.write(args.out / name / scope)
            f1 = scores.rates["F1"].value
            logger.info(f"{args.out / name / scope}: {scores.images} images, {scores.labels} labels, F1 {f1:.3f}")
    return 0


def _evaluate_second_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to, such as metrics/hirescam_avg")
    _add_sets_arguments(parser)
    parser.add_argument(
        "--whole", nargs="+", required=True, metavar="SET", help="sets to score as a whole, val among them"
    )
    parser.add_argument(
        "--missed", type=Path, nargs="+", default=[], metavar="SET.csv", help="lists of `uncover missed`, one per set"
    )
    parser.add_argument("--unlabelled", nargs="+", default=[], metavar="SET", help="sets that have no labels")
    parser.add_argument(
        "--maps",
        metavar="VARIANT:INPUT",
        help="what the detector looks at, such as hirescam:joint (default: photos, which are never blank)",
    )
    parser.add_argument("--confidence", type=float, default=0.4, help="fixed threshold (default: 0.4)")
    add_true_iou_argument(parser)
    add_resampling_arguments(parser)


@verb(
    "evaluate second",
    "score a detector of the second step on whole sets and on missed photos",
    _evaluate_second_arguments,
)
def run_evaluate_second(args: argparse.Namespace) -> int:
    """Score one detector of the second step: on whole sets, and on the photos that the first detector missed.

    All of it comes from stored predictions, which cover every photo of a set; blank heatmaps are set aside. OUT gets
    <set>/whole_face/ and <set>/missed/ (records of `uncover evaluate`) and rescue.csv, a row per set and threshold:
    the best confidence on the scored photos themselves (set), the best on val (val), --confidence (fixed). Files and
    folders are named after their sets, such as predictions/hirescam_avg/val.parquet, datasets/val, missed/merl.csv.
    """
    from uncover.atomic import check_writable
    from uncover.config.values import check_number
    from uncover.rescue.second_step import Settings, count_all, read_sets

    check_number("--confidence", args.confidence, 0, 1)
    check_number("--true-iou", args.true_iou, 0, 1)
    check_resampling_arguments(args)
    check_writable(args.out)
    choice = Settings(args.whole, args.maps, args.confidence, args.true_iou, args.bootstrap, args.seed)
    sets = read_sets(args.predictions, args.datasets, args.missed, args.unlabelled, choice)
    second = count_all(sets, choice)
    second.write(args.out)
    logger.info(f"{args.out}: {len(second.whole)} whole sets, {len(args.missed)} sets of missed photos")
    return 0


def _evaluate_videos_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="record to write")
    parser.add_argument(
        "--truth",
        type=Path,
        required=True,
        metavar="RAW_FOLDER",
        help="folder with <video>.csv of each video, or with labels/<video>_<frame>.txt of some of their frames",
    )
    parser.add_argument(
        "--detections",
        nargs="+",
        required=True,
        metavar="NAME=DIR",
        help="ways to detect, by what they are called, and the folders of `uncover detect`; gains are over the first",
    )
    parser.add_argument(
        "--frames", type=Path, metavar="FRAMES.parquet", help="also write what found the face in each frame"
    )
    add_true_iou_argument(parser)
    parser.add_argument(
        "--block", type=float, default=1.0, metavar="SECONDS", help="that are drawn together (default: 1)"
    )
    add_resampling_arguments(parser)


@verb("evaluate videos", "score what was found in videos against their true boxes", _evaluate_videos_arguments)
def run_evaluate_videos(args: argparse.Namespace) -> int:
    """Score what `uncover detect` found in videos with true boxes.

    RAW_FOLDER has the videos' truths, <video>.csv; each DIR is what `uncover detect` left, on every frame of the same
    videos. Per way to detect (NAME), for all videos and each of them, and there for all frames, those of each event
    and those of each grade of occlusion: recall, false boxes per minute, and the longest time in which a face was in
    the picture and not found. Intervals come from blocks of --block seconds, since frames of one second are nearly
    the same picture; the draws are the same for all ways, so that differences to the first are paired.
    """
    import pandas as pd

    from uncover.atomic import check_new_file, new_file
    from uncover.config.values import check_number
    from uncover.console import warn_each
    from uncover.data.video_truth import read_video_truth
    from uncover.errors import InputError
    from uncover.metrics.labelled_frames import has_frame_labels
    from uncover.metrics.videos import COLUMNS, SHORTEST_BLOCK, Resampling, read_outcomes, score_videos, videos_of
    from uncover.text_files import printable

    check_resampling_arguments(args)
    check_number("--true-iou", args.true_iou, 0, 1)
    check_number("--block", args.block, SHORTEST_BLOCK)
    for path, suffix in ((args.out, ".csv"), (args.frames, ".parquet")):
        if path is not None:
            if path.suffix != suffix:
                raise InputError(f"{path}: expected a file that ends in {suffix}, to write to")
            check_new_file(path)
    folders: dict[str, Path] = {}
    for word in args.detections:
        name, _, folder = word.partition("=")
        if not name or not folder or name in folders:
            raise InputError(f"--detections {word}: expected NAME=DIR, each name once")
        folders[name] = Path(folder)
    if has_frame_labels(args.truth):
        return _evaluate_labelled(args, folders)
    videos = videos_of(next(iter(folders.values())))
    tables = {printable(path.stem): path for path in sorted(args.truth.glob("*.csv"))}
    truths = {video: read_video_truth(tables.get(video, args.truth / f"{video}.csv")) for video in videos}
    strange = [path for name, path in tables.items() if name not in videos]
    warn_each([f"{printable(str(path))}: belongs to no video that was looked at" for path in strange], str(args.truth))
    outcomes = pd.concat(
        [read_outcomes(name, folder, truths, args.true_iou) for name, folder in folders.items()], ignore_index=True
    )
    rows = score_videos(outcomes, Resampling(args.block, args.bootstrap, args.seed))
    with new_file(args.out) as path:
        pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(path, index=False, lineterminator="\n")
    if args.frames is not None:
        with new_file(args.frames) as path:
            outcomes.to_parquet(path, index=False)
    frames = sum(map(len, truths.values()))
    logger.info(f"{args.out}: {len(folders)} ways to detect on {len(videos)} videos, {frames} frames")
    return 0


def _evaluate_labelled(args: argparse.Namespace, folders: dict[str, Path]) -> int:
    """The same with labels of some frames."""
    import pandas as pd

    from uncover.atomic import new_file
    from uncover.console import warn_each
    from uncover.errors import InputError
    from uncover.metrics.labelled_frames import COLUMNS, as_text, read_frame_labels, score_labelled
    from uncover.metrics.videos import videos_of

    if args.frames is not None:
        raise InputError(f"--frames: needs true boxes of all frames, and {args.truth} has those of some; leave it out")
    labels = read_frame_labels(args.truth)
    videos = videos_of(next(iter(folders.values())))
    strange = [video for video in labels if video not in videos]
    warn_each([f"{video}: has labels, and was not looked at" for video in strange], str(args.truth))
    rows = score_labelled(folders, labels, args.true_iou)
    with new_file(args.out) as path:
        pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(path, index=False, lineterminator="\n")
    print(as_text(rows))
    labelled = sum(len(own) for video, own in labels.items() if video in videos)
    logger.info(f"{args.out}: {len(folders)} ways to detect on {len(videos)} videos, {labelled} labelled frames")
    return 0
