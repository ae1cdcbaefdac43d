"""Train one generation of a hyperparameter evolution and write its record.

Generation 0 trains with the settings as they stand, a later one with mutated hyperparameters of one of the best
generations before it. OUT.json gets them with what they achieved; results.csv and summary.json of the training stand in
a folder beside it, and a training that is stopped goes on when the same command is given again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._training_arguments import add_training_arguments, check_training_arguments
from uncover.commands._training_arguments import processes as processes

SUMMARY = "train one generation of a hyperparameter evolution"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, metavar="DATA", help="data set, or folder with train/ and val/")
    parser.add_argument("out", type=Path, metavar="OUT.json", help="record to write")
    parser.add_argument("--generation", type=int, required=True, metavar="G", help="number of the generation, from 0")
    parser.add_argument(
        "--history", type=Path, nargs="*", default=[], metavar="RECORD.json", help="records of earlier generations"
    )
    parser.add_argument(
        "--evolution",
        nargs="*",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="settings of the evolution as in the config, such as epochs=5 parallel=2 seed=1",
    )
    add_training_arguments(parser)


def run(args: argparse.Namespace) -> int:
    import shutil
    from collections.abc import Mapping
    from dataclasses import replace

    from uncover.atomic import check_new_file
    from uncover.config.detectors import Detector
    from uncover.config.evolution import Evolution
    from uncover.config.options import check_number
    from uncover.config.values import check_section, read_pairs
    from uncover.console import say
    from uncover.detector.evolution import read_generations, train_generation, write_generation
    from uncover.errors import Diverged

    check_number("--generation", args.generation, 0)
    check_training_arguments(args)
    check_new_file(args.out)
    evolution = check_section(Evolution, read_pairs(args.evolution, "--evolution"), "--evolution")
    history = read_generations(args.history)

    from uncover.detector.distributed import process_group
    from uncover.detector.job import read_job
    from uncover.detector.train import train
    from uncover.workflow.digest import code_digest

    job = read_job(args.data, args.val, args.set, args.start, channels=args.channels, padding=args.padding)
    identity = {"code": code_digest("uncover.detector.train")}
    folder = args.out.with_suffix(".training")

    def train_with(settings: Detector) -> Mapping[str, object]:
        with process_group(args.device) as group:
            try:
                return train(replace(job, settings=settings), folder, group, args.cache, args.workers, identity)
            except Diverged:
                if group.is_main:
                    raise
                return {}

    record = train_generation(job.settings, args.generation, history, evolution, train_with)
    if record is not None:
        write_generation(args.out, record)
        # Of many generations only one matters, and the final training makes its weights anew.
        (folder / "weights.pt").unlink(missing_ok=True)
        shutil.rmtree(folder / ".resume", ignore_errors=True)
        say(f"{args.out}: generation {record.generation}, fitness {record.fitness:.4f}")
    return 0
