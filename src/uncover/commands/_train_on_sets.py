"""What `uncover train` does with sets to train and to validate on: all that the trainings of a run need."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def train_on_sets(args: argparse.Namespace, data: Path, out: Path, frozen: Sequence[str]) -> int:
    """Train.

    Args:
        args: Of the verb.
        data: Data set, or folder with train/ and val/.
        out: Folder to write to.
        frozen: Settings of --freeze, which --set may change.

    Raises:
        InputError: A set, the weights, or a setting is unusable.
    """
    from uncover.detector.distributed import process_group
    from uncover.detector.job import read_job
    from uncover.detector.train import train
    from uncover.workflow.digest import code_digest

    job = read_job(
        data,
        args.val,
        [*frozen, *args.set],
        args.start,
        args.hyperparameters,
        args.channels,
        args.padding,
        args.heatmaps,
        args.input,
        args.classes,
    )
    with process_group(args.device) as group:
        identity = {"code": code_digest("uncover.detector.train")}
        train(job, out, group, args.cache, args.workers, identity, replace=False)
    return 0
