"""Hyperparameter evolution, one generation per call."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from uncover.commands import verb
from uncover.commands.train import add_training_arguments, check_training_arguments, processes

logger = logging.getLogger(__name__)


def _evolve_generation_arguments(parser: argparse.ArgumentParser) -> None:
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
        help="settings of the evolution, with the keys of `evolution` in config/README.md, such as epochs=5 seed=1",
    )
    add_training_arguments(parser)


def _report_generation(args: argparse.Namespace) -> None:
    from uncover.console import wrote
    from uncover.yolov5.evolution import read_generations

    (record,) = read_generations([args.out])
    text = f"generation {record.generation}, fitness {record.fitness:.4f}"
    wrote(args.out, text, generation=record.generation, fitness=record.fitness)


@verb(
    "evolve_generation",
    "train one generation of a hyperparameter evolution",
    _evolve_generation_arguments,
    processes=processes,
    report=_report_generation,
)
def run_evolve_generation(args: argparse.Namespace) -> int:
    """Train one generation of a hyperparameter evolution and write its record.

    Generation 0 trains with the given settings, a later one with mutated hyperparameters of one of the best earlier
    generations. OUT.json gets the hyperparameters and scores; results.csv and summary.json of the training are in a
    folder beside it. The same command resumes a stopped training.

    Examples:
      uncover evolve_generation datasets 0.json --generation 0 --set model=yolov5n
      uncover evolve_generation datasets 2.json --generation 2 --history 0.json 1.json --evolution epochs=5
    """
    import shutil
    from collections.abc import Mapping
    from dataclasses import replace

    from uncover.atomic import check_new_file
    from uncover.config.detectors import Detector
    from uncover.config.evolution import Evolution
    from uncover.config.values import check_number, check_section, read_pairs
    from uncover.errors import Diverged
    from uncover.yolov5.evolution import read_generations, train_generation, write_generation

    check_number("--generation", args.generation, 0)
    check_training_arguments(args)
    check_new_file(args.out)
    evolution = check_section(Evolution, read_pairs(args.evolution, "--evolution"), "--evolution")
    history = read_generations(args.history)

    from uncover.workflow.digest import code_digest
    from uncover.yolov5.distributed import process_group
    from uncover.yolov5.job import read_job
    from uncover.yolov5.train import train

    job = read_job(args.data, args.val, args.set, args.start, channels=args.channels, padding=args.padding)
    identity = {"code": code_digest("uncover.yolov5.train")}
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
        # Only the hyperparameters are kept; the final training starts from scratch.
        (folder / "weights.pt").unlink(missing_ok=True)
        shutil.rmtree(folder / ".resume", ignore_errors=True)
    return 0


def _evolution_history_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("history", type=Path, metavar="HISTORY.csv", help="table to write")
    parser.add_argument("best", type=Path, metavar="BEST.json", help="record of the best generation to write")
    parser.add_argument(
        "records", type=Path, nargs="+", metavar="RECORD.json", help="records of `uncover evolve_generation`"
    )


@verb("evolution_history", "collect the generations of a hyperparameter evolution", _evolution_history_arguments)
def run_evolution_history(args: argparse.Namespace) -> int:
    """Collect the generations of a hyperparameter evolution.

    HISTORY.csv gets a row per generation. BEST.json gets the record of the one with the highest fitness (0.1 mAP50 +
    0.9 mAP50-95), of equal ones the earliest.

    Examples:
      uncover evolution_history history.csv best.json 0.json 1.json 2.json
    """
    import csv

    from uncover.atomic import check_new_file, new_file
    from uncover.console import wrote
    from uncover.errors import InputError
    from uncover.yolov5.evolution import fittest, history_rows, read_generations, write_generation

    # Without one of the two, a record would be overwritten.
    if args.history.suffix != ".csv" or args.best in args.records:
        raise InputError(
            f"{args.history} {args.best}: expected HISTORY.csv and BEST.json to write, before the records to read"
        )
    for path in (args.history, args.best):
        check_new_file(path)
    records = read_generations(args.records)
    best = fittest(records)
    rows = history_rows(records)
    with new_file(args.history) as path, path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_generation(args.best, best)
    text = f"{len(records)} generations, best {best.generation} with fitness {best.fitness:.4f}"
    wrote(args.history, text, generations=len(records), best=best.generation, fitness=best.fitness)
    wrote(args.best)
    return 0
