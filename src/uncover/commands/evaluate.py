"""Score stored boxes on images, missed photos and videos."""

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
        "--labels", type=Path, required=True, metavar="DIR", help="folder of label files, or data set with labels/"
    )
    parser.add_argument(
        "--blocks",
        type=Path,
        metavar="CSV",
        help="images that are not independent: columns image, and block, infant, person or video; intervals resample"
        " whole blocks (default: blocks.csv, manifest.parquet or frames.csv of the data set)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write the record to")
    parser.add_argument(
        "--class",
        dest="classes",
        action="append",
        metavar="NAME",
        help="score this class only; can be repeated (default: all classes of the model)",
    )
    add_resampling_arguments(parser)


@verb("evaluate", "score predicted boxes against labels: precision, recall, AP", _evaluate_arguments)
def run_evaluate(args: argparse.Namespace) -> int:
    """Score predicted boxes against labels: precision, recall, F1 and average precision, with 95 % intervals.

    PREDICTIONS.parquet is a table of `uncover predict`. Label files are in YOLO format, named as the images; an image
    without one counts as background. Classes are matched by name: data.yaml or classes.txt of the data set names them;
    without these, class 0 of frames in the graded layout is the whole face. Prints a table. With --out, DIR gets
    summary.json, classes.csv, curves.parquet and confusion.csv, the inputs of tables and figures.

    Examples:
      uncover evaluate val.parquet --labels datasets/val
      uncover evaluate val.parquet --labels datasets/val --class "whole face" --out metrics/val --json
    """
    from uncover.atomic import check_replaceable
    from uncover.console import result, wrote
    from uncover.metrics.evaluation import as_text, summary

    check_resampling_arguments(args)
    if args.out is not None:
        check_replaceable(args.out, "evaluate")
    (evaluation,) = _scores(args.predictions, args.labels, args.blocks, [args.classes], args)
    print(as_text(evaluation))
    result(summary(evaluation))
    if args.out is not None:
        evaluation.write(args.out)
        text = "summary.json, classes.csv, curves.parquet, confusion.csv"
        wrote(args.out, text, images=evaluation.images, labels=evaluation.labels)
    return 0


def _scores(
    table: Path, labels: Path, blocks: Path | None, scopes: Sequence[Sequence[str] | None], args: argparse.Namespace
) -> list[Evaluation]:
    """Scores of stored predictions, one for each selection of classes; None stands for all.

    Raises:
        InputError: A file is invalid, or the model does not have a class.
    """
    from uncover.api.evaluate import score_stored
    from uncover.metrics.predictions import read_predictions

    return score_stored(read_predictions(table), labels, blocks, scopes, args.bootstrap, args.seed)


def _add_sets_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of commands that score one detector on several sets."""
    parser.add_argument(
        "--predictions", type=Path, nargs="+", required=True, metavar="P.parquet", help="predictions, a table per set"
    )
    parser.add_argument(
        "--datasets", type=Path, nargs="+", required=True, metavar="DIR", help="data sets with labels/, one per set"
    )


def _evaluate_sets_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to, such as metrics/rgb10")
    _add_sets_arguments(parser)
    parser.add_argument("--parts", nargs="+", default=[], metavar="SET", help="sets to score on all classes too")
    add_resampling_arguments(parser)


@verb("evaluate sets", "score a detector's stored predictions on several sets", _evaluate_sets_arguments)
def run_evaluate_sets(args: argparse.Namespace) -> int:
    """Score a detector's stored predictions on the whole faces of several sets.

    OUT gets <set>/whole_face/, and <set>/all/ for sets of --parts: the records that `uncover evaluate` writes with
    --class "whole face", and without. Files and folders are named after their sets, such as
    predictions/rgb10/val.parquet and datasets/val.

    Examples:
      uncover evaluate sets metrics/rgb10 --predictions predictions/rgb10/val.parquet --datasets datasets/val
    """
    from uncover.atomic import check_replaceable
    from uncover.console import wrote
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
            text = f"{scores.images} images, {scores.labels} labels, F1 {f1:.3f}"
            wrote(args.out / name / scope, text, images=scores.images, labels=scores.labels, f1=f1)
    return 0


def _evaluate_second_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to, such as metrics/hirescam_avg")
    _add_sets_arguments(parser)
    parser.add_argument(
        "--whole", nargs="+", required=True, metavar="SET", help="sets to score on all photos; must include val"
    )
    parser.add_argument(
        "--missed", type=Path, nargs="+", default=[], metavar="SET.csv", help="tables of `uncover missed`, one per set"
    )
    parser.add_argument("--unlabelled", nargs="+", default=[], metavar="SET", help="sets without labels")
    parser.add_argument(
        "--maps",
        metavar="VARIANT:INPUT",
        help="input of the detector, such as hirescam:joint (default: photos, which are never blank)",
    )
    parser.add_argument(
        "--confidence", type=float, default=0.4, metavar="CONF", help="fixed confidence threshold (default: 0.4)"
    )
    add_true_iou_argument(parser)
    add_resampling_arguments(parser)


@verb(
    "evaluate second",
    "score a detector of the second step on all photos and on missed photos",
    _evaluate_second_arguments,
)
def run_evaluate_second(args: argparse.Namespace) -> int:
    """Score one detector of the second step on all photos of sets, and on the photos that the first detector missed.

    Reads stored predictions of all photos of a set; photos with blank heatmaps are omitted. OUT gets <set>/whole_face/
    and <set>/missed/ (records of `uncover evaluate`) and rescue.csv, a row per set and threshold: the best confidence
    on the scored photos themselves (set), the best on val (val), and --confidence (fixed). Files and folders are named
    after their sets, such as predictions/hirescam_avg/val.parquet, datasets/val, missed/merl.csv.

    Examples:
      uncover evaluate second metrics/hirescam_avg --predictions predictions/hirescam_avg/val.parquet \\
          --datasets datasets/val --whole val --maps hirescam:joint
    """
    from uncover.atomic import check_writable
    from uncover.config.values import check_number
    from uncover.console import wrote
    from uncover.rescue.second_step import Settings, count_all, read_sets

    check_number("--confidence", args.confidence, 0, 1)
    check_number("--true-iou", args.true_iou, 0, 1)
    check_resampling_arguments(args)
    check_writable(args.out)
    choice = Settings(args.whole, args.maps, args.confidence, args.true_iou, args.bootstrap, args.seed)
    sets = read_sets(args.predictions, args.datasets, args.missed, args.unlabelled, choice)
    second = count_all(sets, choice)
    second.write(args.out)
    text = f"{len(second.whole)} whole sets, {len(args.missed)} sets of missed photos"
    wrote(args.out, text, whole=len(second.whole), missed=len(args.missed))
    return 0


def _evaluate_videos_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="record to write")
    parser.add_argument(
        "--truth",
        type=Path,
        required=True,
        metavar="RAW_FOLDER",
        help="folder with true boxes: <video>.csv of each video, or labels/<video>_<frame>.txt of some frames",
    )
    parser.add_argument(
        "--detections",
        nargs="+",
        required=True,
        metavar="NAME=DIR",
        help="names of the methods and their folders of `uncover detect`; differences are to the first",
    )
    parser.add_argument(
        "--frames", type=Path, metavar="FRAMES.parquet", help="also write what detected the face in each frame"
    )
    add_true_iou_argument(parser)
    parser.add_argument(
        "--block", type=float, default=1.0, metavar="SECONDS", help="length of blocks for the intervals (default: 1)"
    )
    add_resampling_arguments(parser)


@verb("evaluate videos", "score detections in videos against true boxes", _evaluate_videos_arguments)
def run_evaluate_videos(args: argparse.Namespace) -> int:
    """Score detections of `uncover detect` in videos against true boxes.

    RAW_FOLDER has the true boxes, <video>.csv. Each DIR is a folder of `uncover detect` on every frame of the same
    videos. OUT.csv gets, per method (NAME), for all videos and each of them, and there for all frames, each event and
    each grade of occlusion: recall, false positives per minute, and the longest time in which a visible face was
    missed. Intervals resample blocks of --block seconds, since frames within a second are nearly identical; the
    resamples are the same for all methods, so differences to the first are paired.

    Examples:
      uncover evaluate videos videos.csv --truth raw/videos --detections plain=found/plain tracked=found/tracked
    """
    import pandas as pd

    from uncover.atomic import check_new_file, new_file
    from uncover.config.values import check_number
    from uncover.console import warn_each, wrote
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
    warn_each([f"{printable(str(path))}: has no video among the detections" for path in strange], str(args.truth))
    outcomes = pd.concat(
        [read_outcomes(name, folder, truths, args.true_iou) for name, folder in folders.items()], ignore_index=True
    )
    rows = score_videos(outcomes, Resampling(args.block, args.bootstrap, args.seed))
    with new_file(args.out) as path:
        pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(path, index=False, lineterminator="\n")
    if args.frames is not None:
        with new_file(args.frames) as path:
            outcomes.to_parquet(path, index=False)
        wrote(args.frames, f"{len(outcomes)} frames", frames=len(outcomes))
    frames = sum(map(len, truths.values()))
    text = f"{len(folders)} methods on {len(videos)} videos, {frames} frames"
    wrote(args.out, text, methods=len(folders), videos=len(videos), frames=frames)
    return 0


def _evaluate_labelled(args: argparse.Namespace, folders: dict[str, Path]) -> int:
    """The same for labels of some frames."""
    import pandas as pd

    from uncover.atomic import new_file
    from uncover.console import result, warn_each, wrote
    from uncover.errors import InputError
    from uncover.metrics.labelled_frames import COLUMNS, as_text, read_frame_labels, score_labelled
    from uncover.metrics.videos import videos_of

    if args.frames is not None:
        raise InputError(f"--frames: requires true boxes of all frames, and {args.truth} has those of some; omit it")
    labels = read_frame_labels(args.truth)
    videos = videos_of(next(iter(folders.values())))
    strange = [video for video in labels if video not in videos]
    warn_each([f"{video}: has labels, but no detections" for video in strange], str(args.truth))
    rows = score_labelled(folders, labels, args.true_iou)
    with new_file(args.out) as path:
        pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(path, index=False, lineterminator="\n")
    print(as_text(rows))
    labelled = sum(len(own) for video, own in labels.items() if video in videos)
    text = f"{len(folders)} methods on {len(videos)} videos, {labelled} labelled frames"
    wrote(args.out, text, methods=len(folders), videos=len(videos), frames=labelled)
    result({"rows": [dict(row) for row in rows]})
    return 0
