"""Fine-tuning on few frames, and learning curves of it."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from uncover.commands import verb
from uncover.commands._shared_arguments import add_detector_settings, add_device_argument, add_true_iou_argument

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
        help="initial weights: a weights file, the folder of a run or of a training",
    )
    parser.add_argument(
        "--count", type=int, required=True, metavar="N", help="number of frames to fine-tune on; 0: none"
    )
    parser.add_argument(
        "--leave-out",
        required=True,
        nargs="+",
        metavar="NAME",
        help="infants to score on and not train on, or one of the videos of each",
    )
    parser.add_argument(
        "--confidence", type=float, default=0.4, metavar="CONF", help="confidence threshold of the score (default: 0.4)"
    )
    add_true_iou_argument(parser)
    parser.add_argument(
        "--finetune",
        nargs="*",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="settings of fine-tuning, with the keys of `finetune` in config/README.md, such as epochs=10 lr0=0.0001",
    )
    add_detector_settings(parser, "freeze=10 hyperparameters.fliplr=0")
    add_device_argument(parser)


@verb("fine_tune", "fine-tune on few frames, and score on infants left out", _fine_tune_arguments)
def run_fine_tune(args: argparse.Namespace) -> int:
    """Fine-tune a detector on few frames, and score it on infants that are not in the training set.

    DATA is a data set of annotated frames. frames.csv (column infant) or infants.csv (columns video and infant) beside
    the frames name the infant of each frame; without these, a video named like infant_01_a shows infant_01, and any
    other video counts as one infant, which is reported. Photos without a video belong to the block in the manifest of
    the data set.

    Of all frames except those of --leave-out, --count are drawn by the seed, spread evenly over the infants; a smaller
    count draws a subset of a larger one. OUT gets weights.pt (the last epoch) and left_out.json (scores on the infants
    left out); --count 0 scores the initial weights. Settings are those of the training of the initial weights, with the
    changes of `finetune` in the config. The same command resumes a stopped training. To fine-tune a detector for use,
    with a validation set, run `uncover train --from`.

    Examples:
      uncover fine_tune datasets/frames curve/infant_03_20 --from results/demo --count 20 --leave-out infant_03
    """
    from uncover.atomic import check_writable
    from uncover.config.finetune import Finetune
    from uncover.config.values import check_number, check_section, read_pairs
    from uncover.console import wrote
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
    text = f"{len(point.names)} frames; {point.fold.left_out}: {scores.frames} frames, {shown}"
    wrote(args.out / "left_out.json", text, frames=len(point.names), ap50=scores.ap50, recall=scores.recall)
    return 0


def _learning_curve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv", help="table to write")
    parser.add_argument("records", type=Path, nargs="+", metavar="left_out.json", help="records of `uncover fine_tune`")


@verb("learning_curve", "collect the scores of fine-tuning on few frames", _learning_curve_arguments)
def run_learning_curve(args: argparse.Namespace) -> int:
    """Collect the scores of several calls of `uncover fine_tune` in one table, a row each.

    Reads left_out.json of several counts, infants left out and numbers of frozen layers. `uncover
    figure_learning_curve` draws the table.

    Examples:
      uncover learning_curve curve.csv curve/*/left_out.json
    """
    from uncover.atomic import check_new_file
    from uncover.console import wrote
    from uncover.errors import InputError
    from uncover.report.learning_curve import collect_learning_curve

    # Without OUT, the first record would be overwritten.
    if args.out.suffix != ".csv":
        raise InputError(f"{args.out}: expected OUT.csv, the table to write, before the records")
    check_new_file(args.out)
    table = collect_learning_curve(args.records, args.out)
    unscored = int(table["ap50"].isna().sum())
    faceless = f"; {unscored} of an infant without a face to score" if unscored else ""
    groups = table.drop_duplicates("group")["group_kind"].value_counts(sort=False)
    left_out = " and ".join(f"{number} {kind}{'s' * (number != 1)}" for kind, number in groups.items())
    assumed = "; the infant of videos is unknown: each video counts as one infant" if "video" in groups else ""
    wrote(args.out, f"{len(table)} fine-tunings, {left_out} left out in turn{assumed}{faceless}", rows=len(table))
    return 0
