"""Fine-tuning on few frames, and how much of them it takes."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from uncover.commands import verb
from uncover.commands._shared_arguments import add_detector_settings, add_true_iou_argument

logger = logging.getLogger(__name__)


def _fine_tune_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, metavar="DATA", help="data set of annotated frames")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for weights.pt and left_out.json")
    parser.add_argument(
        "--from",
        type=Path,
        dest="source",
        metavar="RUN",
        required=True,
        help="a run, the folder of a training, or weights",
    )
    parser.add_argument("--count", type=int, required=True, metavar="N", help="frames to fine-tune on; 0: none")
    parser.add_argument(
        "--leave-out",
        required=True,
        nargs="+",
        metavar="NAME",
        help="infants to score on, or one of the videos of each",
    )
    parser.add_argument(
        "--confidence", type=float, default=0.4, help="from which a box counts as a face (default: 0.4)"
    )
    add_true_iou_argument(parser)
    parser.add_argument(
        "--finetune",
        nargs="*",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="settings of fine-tuning as in the config, such as epochs=10 lr0=0.0001 seed=1",
    )
    add_detector_settings(parser, "freeze=10 hyperparameters.fliplr=0")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda:0 (default: a GPU where there is one)")


@verb("fine_tune", "fine-tune on a few frames, and score on the infant left out", _fine_tune_arguments)
def run_fine_tune(args: argparse.Namespace) -> int:
    """Fine-tune a detector on a few frames, and score it on an infant of whom it has seen none.

    DATA is a data set of annotated frames. Which infant a frame shows stands in frames.csv (column infant) or
    infants.csv (video,infant) beside the frames; else a video named like infant_01_a is of infant_01, and any other
    counts as one infant, which is told; photos that no video names are of the block that the data set's manifest says.
    Of the frames that are not of --leave-out, --count are drawn by the seed, spread over the infants as evenly as can
    be; those of a smaller count are among those of a larger one. OUT gets weights.pt, of the last epoch, and
    left_out.json, with the scores of the infants left out; --count 0 scores the start weights as they are. Settings are
    those of the start weights' own training, with what fine-tuning changes (`finetune` in the config). For a detector
    to use, and an infant that validates it: uncover train --from. A
    training that is stopped goes on when the same command is given again.
    """
    from uncover.atomic import check_writable
    from uncover.config.finetune import Finetune
    from uncover.config.values import check_number, check_section, read_pairs
    from uncover.owner import check_shared
    from uncover.workflow.digest import code_digest
    from uncover.yolov5.distributed import process_group
    from uncover.yolov5.finetune import find_start, read_point, run_point

    check_number("--count", args.count, 0)
    check_number("--confidence", args.confidence, 0, 1)
    check_number("--true-iou", args.true_iou, 0, 1)
    check_writable(args.out)
    check_shared(args.out, "train", ("weights.pt", "left_out.json"))
    changes = check_section(Finetune, read_pairs(args.finetune, "--finetune"), "--finetune").changes()
    point = read_point(args.data, find_start(args.source), args.count, args.leave_out, changes, args.set)
    with process_group(args.device) as group:
        identity = {"code": code_digest("uncover.yolov5.finetune:run_point")}
        scores = run_point(point, args.out, group, args.confidence, identity, args.true_iou)
    shown = "no face to score" if scores.ap50 is None else f"AP50 {scores.ap50:.3f}, recall {scores.recall:.3f}"
    logger.info(f"{args.out}: {len(point.names)} frames; {point.fold.left_out}: {scores.frames} frames, {shown}")
    return 0


def _learning_curve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="table to write")
    parser.add_argument("records", type=Path, nargs="+", metavar="left_out.json", help="records of uncover fine_tune")


@verb("learning_curve", "collect the scores of fine-tunings on a few frames", _learning_curve_arguments)
def run_learning_curve(args: argparse.Namespace) -> int:
    """Put the scores of many fine-tunings into one table, a row each: how many labelled frames help how much.

    The records are left_out.json of `uncover fine_tune`, for several counts, infants left out and numbers of frozen
    layers. `uncover figure_learning_curve` draws the table.
    """
    from uncover.atomic import check_new_file
    from uncover.errors import InputError
    from uncover.report.learning_curve import collect_learning_curve

    # Whoever forgets OUT would have the first record overwritten.
    if args.out.suffix != ".csv":
        raise InputError(f"{args.out}: expected OUT.csv, the table to write, before the records")
    check_new_file(args.out)
    table = collect_learning_curve(args.records, args.out)
    unscored = int(table["ap50"].isna().sum())
    told = f"; {unscored} of an infant without a face to score" if unscored else ""
    groups = table.drop_duplicates("group")["group_kind"].value_counts(sort=False)
    left_out = " and ".join(f"{number} {kind}{'s' * (number != 1)}" for kind, number in groups.items())
    assumed = "; nobody says whose the videos are: each counts as one infant" if "video" in groups else ""
    logger.info(f"{args.out}: {len(table)} fine-tunings, {left_out} left out in turn{assumed}{told}")
    return 0
