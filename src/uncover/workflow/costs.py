"""What jobs will cost, foretold from the benchmark files of earlier runs."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from uncover.config.model import Config
from uncover.config.values import read_yaml
from uncover.errors import InputError
from uncover.workflow.dag import Plan, PlannedJob
from uncover.workflow.gpu_use import read_gpu_use
from uncover.workflow.run_record import read_records
from uncover.workflow.work import Work

FAR = 20.0
"""From so many times the largest job that was measured on, a line through jobs is a guess."""

PROCESSOR = "processor"
"""Where a job ran whose log names no GPU."""


@dataclass(frozen=True)
class Measured:
    """A job of an earlier run.

    Attributes:
        run: Name of the run.
        name: Of the job, such as "train/rgb10".
        rule: Its rule.
        work: How much it was, as `Work.of` has it.
        seconds: How long it took.
        device: GPU model, or "processor".
    """

    run: str
    name: str
    rule: str
    work: float
    seconds: float
    device: str


@dataclass(frozen=True)
class Speed:
    """Seconds of a job of a rule: start + work * each."""

    start: float
    each: float

    def seconds(self, work: float) -> float:
        """Of a job of so much work."""
        return self.start + self.each * work


@dataclass(frozen=True)
class Cost:
    """What a job is expected to take.

    Attributes:
        seconds: None where nothing like it was ever measured.
        basis: Where that is known from.
    """

    seconds: float | None
    basis: str


class Costs:
    """Foretells times."""

    def __init__(self, measured: Sequence[Measured], speeds: Mapping[str, Speed] | None = None) -> None:
        """
        Args:
            measured: Jobs of earlier runs.
            speeds: By rule, of a machine that is not at hand; they come before what was measured.
        """
        self._measured, self._speeds = measured, speeds or {}

    def of(self, job: PlannedJob, work: Work) -> Cost:
        """What a job is expected to take."""
        if job.rule in self._speeds:
            return Cost(self._speeds[job.rule].seconds(work.of(job.rule, job.wildcards)), "stated speed")
        alike = [each for each in self._measured if each.rule == job.rule]
        if not alike:
            return Cost(None, "never measured")
        # A job of a GPU is foretold from jobs of GPUs, if there ever were any.
        on_gpu = [each for each in alike if each.device != PROCESSOR]
        if job.gpus and on_gpu:
            alike = on_gpu
        device = statistics.mode(each.device for each in alike)
        alike = [each for each in alike if each.device == device]
        amount = work.of(job.rule, job.wildcards)
        same = [each.seconds for each in alike if each.name == job.name and _close(each.work, amount)]
        if same:
            return Cost(statistics.median(same), f"the same job, {device}")
        runs = ", ".join(sorted({each.run for each in alike}))
        far = "far beyond " if amount > FAR * max(each.work for each in alike) else ""
        return Cost(fit(alike).seconds(amount), f"{far}{len(alike)} jobs of {runs}, {device}")


def fit(measured: Sequence[Measured]) -> Speed:
    """The line through some jobs: a start that is no less than nothing, and seconds that grow with the work.

    Args:
        measured: At least one.
    """
    works = [each.work for each in measured]
    seconds = [each.seconds for each in measured]
    if max(works) > 2 * min(works):
        slope, start = statistics.linear_regression(works, seconds)
        if slope > 0 and start > 0:
            return Speed(start, slope)
        if slope > 0:
            return Speed(0.0, sum(seconds) / sum(works))
    # All alike: start and work cannot be told apart, so large jobs are foretold too long, not too short.
    return Speed(0.0, statistics.median(second / work for second, work in zip(seconds, works, strict=True)))


def measured_jobs(plan: Plan, results: Path) -> list[Measured]:
    """All jobs of all runs in a folder that left a benchmark and a record of their config.

    Args:
        plan: Says what the config of its own run is.
        results: Folder of the runs.
    """
    found: list[Measured] = []
    for folder in (
        sorted(path for path in results.iterdir() if (path / "benchmarks").is_dir()) if results.is_dir() else ()
    ):
        found += _of_run(folder, plan.config if folder == plan.run_folder else _config_of(folder))
    return found


def _of_run(folder: Path, config: Config | None) -> Iterator[Measured]:
    gpus = read_gpu_use(folder / "logs")
    # Without its config, how much work a job was is not known.
    if config is None:
        return
    work = Work(config)
    for path in sorted((folder / "benchmarks").rglob("*.tsv")):
        name = path.relative_to(folder / "benchmarks").with_suffix("").as_posix()
        seconds = read_seconds(path)
        if seconds is None:
            continue
        rule = name.split("/")[0]
        device = str(gpus[name]["gpu"]) if name in gpus else PROCESSOR
        yield Measured(folder.name, name, rule, work.of_name(name), seconds, device)


def read_speeds(path: Path) -> dict[str, Speed]:
    """Speeds of a machine that is not at hand, by rule.

    Raises:
        InputError: The file is none of such, or a number is no number.
    """
    speeds = {}
    for rule, values in read_yaml(path).items():
        try:
            speeds[rule] = Speed(float(values["start"]), float(values["each"]))
        except (KeyError, TypeError, ValueError):
            raise InputError(
                f"{path}: {rule}: expected {{start: seconds, each: seconds}}; found {values!r:.60}"
            ) from None
    return speeds


def read_seconds(path: Path) -> float | None:
    """Seconds in a benchmark file; None where it is cut off."""
    try:
        with path.open(encoding="utf-8") as file:
            return sum(float(row["s"]) for row in csv.DictReader(file, delimiter="\t"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _config_of(folder: Path) -> Config | None:
    for record in reversed(read_records(folder)):
        try:
            return record.config()
        except (OSError, ValueError, ValidationError):
            continue
    return None


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= 0.02 * max(one, other)
