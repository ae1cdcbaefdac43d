"""What `uncover train` does with frames of videos: fine-tuning, and trainings that one video validates."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def train_on_frames(args: argparse.Namespace, data: Path, out: Path, frozen: Sequence[str]) -> int:
    """Train; picked frames become a data set in OUT first.

    Args:
        args: Of the verb.
        data: Picked frames, data set, or folder with train/ and val/.
        out: Folder to write to.
        frozen: Settings of --freeze, which --set may change.

    Raises:
        InputError: Frames, weights or a setting are unusable, or an option would change nothing.
    """
    from uncover.detector.distributed import process_group
    from uncover.detector.finetune import find_start, read_frames_job
    from uncover.detector.train import train
    from uncover.workflow.digest import code_digest

    _refuse_idle_options(args)
    start = args.start if args.source is None else find_start(args.source)
    with process_group(args.device) as group:
        places = (data, args.val, out / "data")
        settings, fine_tuning = [*frozen, *args.set], args.source is not None
        job = read_frames_job(*places, start, settings, args.leave_out, fine_tuning, group, args.classes)
        identity = {"code": code_digest("uncover.detector.train")}
        train(job, out, group, args.cache, args.workers, identity, replace=False)
    return 0


def _refuse_idle_options(args: argparse.Namespace) -> None:
    """An option that would change nothing is a mistake that somebody would find out late."""
    from uncover.errors import InputError

    if args.source and args.start:
        raise InputError(f"--start {args.start}: --from {args.source} says where to start; leave one of the two out")
    if args.val and args.leave_out:
        raise InputError(f"--leave-out {args.leave_out}: --val {args.val} validates; leave one of the two out")
    of_weights = {"--hyperparameters": args.hyperparameters, "--channels": args.channels, "--padding": args.padding}
    for option, value in {**of_weights, "--heatmaps": args.heatmaps}.items():
        if value is not None:
            raise InputError(f"{option} {value}: is none of fine-tuning's options; leave it out")
    if args.input != "photo":
        raise InputError(f"--input {args.input}: what is looked at is that of the start weights; leave it out")
