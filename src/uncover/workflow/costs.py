"""Cost of jobs: seconds, estimated from the benchmark files of earlier runs, and bytes on disk."""

from __future__ import annotations

import csv
import fnmatch
import itertools
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from uncover.config.detectors import Detector
from uncover.config.model import Config
from uncover.config.values import read_yaml
from uncover.data.parts import CLASS_NAMES
from uncover.errors import InputError
from uncover.metrics.predictions import MOST_BOXES
from uncover.paths import RunPaths, job_name
from uncover.workflow.engine import Plan, PlannedJob
from uncover.workflow.gpus import read_gpu_use
from uncover.workflow.run_record import read_records
from uncover.workflow.work import Work, shards_of

FAR = 20.0
"""Largest extrapolation: no time is estimated for a job more than this many times larger than all measured ones."""

PROCESSOR = "processor"
"""Device of a job whose log names no GPU."""

STATED = "stated speed"
NEVER = "never measured"
UNCOUNTED = "unknown number of images"

EACH_ITS_OWN = ("predict_baseline", "train_baseline", "fetch_weights")
"""Rules whose jobs run different third-party detectors: the time of one is no estimate for another."""


@dataclass(frozen=True)
class Measured:
    """A measured job of an earlier run.

    Attributes:
        run: Name of the run.
        name: Name of the job, such as "train/rgb10".
        rule: Rule of the job.
        work: Amount of work, as returned by `Work.of`.
        seconds: Duration.
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
    """Seconds of a job of a rule: `start + work * each`."""

    start: float
    each: float

    def seconds(self, work: float) -> float:
        """Seconds of a job with this amount of work."""
        return self.start + self.each * work


@dataclass(frozen=True)
class Cost:
    """Estimated duration of a job.

    Attributes:
        seconds: The estimate; None if there is none: no similar job was measured, only far smaller ones were, or the
            amount of work is unknown.
        basis: What the estimate is based on, or why there is none.
        device: Device of the measurements, as in `Measured`; STATED if nothing was measured.
    """

    seconds: float | None
    basis: str
    device: str = STATED


class Costs:
    """Estimates durations of jobs."""

    def __init__(self, measured: Sequence[Measured], speeds: Mapping[str, Speed] | None = None) -> None:
        """
        Args:
            measured: Jobs of earlier runs.
            speeds: Speeds of another machine, by rule or by a pattern such as "table_*"; they take precedence over
                measurements.
        """
        self._measured, self._speeds = measured, speeds or {}

    def of(self, job: PlannedJob, work: Work) -> Cost:
        """Estimate the duration of a job."""
        amount = work.of(job.rule, job.wildcards)
        if math.isnan(amount):
            named = job.wildcards.get("set")
            unsized = [named] if named in work.unsized else work.unsized
            return Cost(None, f"{UNCOUNTED} in {', '.join(unsized)}" if unsized else UNCOUNTED)
        stated = self._speeds.get(job.rule) or next(
            (speed for name, speed in self._speeds.items() if fnmatch.fnmatchcase(job.rule, name)), None
        )
        if stated is not None:
            return Cost(stated.seconds(amount), STATED)
        alike = [each for each in self._measured if each.rule == job.rule]
        if job.rule in EACH_ITS_OWN:
            alike = [each for each in alike if each.name == job.name]
        if not alike:
            return Cost(None, NEVER)
        # Estimate a GPU job from GPU jobs only, if any were measured.
        on_gpu = [each for each in alike if each.device != PROCESSOR]
        if job.gpus and on_gpu:
            alike = on_gpu
        device = statistics.mode(each.device for each in alike)
        alike = [each for each in alike if each.device == device]
        same = [each.seconds for each in alike if each.name == job.name and _close(each.work, amount)]
        if same:
            return Cost(statistics.median(same), f"the same job, {device}", device)
        runs = ", ".join(sorted({each.run for each in alike}))
        basis = f"{len(alike)} {'job' if len(alike) == 1 else 'jobs'} of {runs}, {device}"
        if amount > FAR * max(each.work for each in alike):
            return Cost(None, f"far larger than {basis}", device)
        return Cost(fit(alike).seconds(amount), basis, device)


def fit(measured: Sequence[Measured]) -> Speed:
    """Fit a line through measured jobs, with a start of at least 0 and seconds that grow with the work.

    Args:
        measured: At least one job.
    """
    works = [each.work for each in measured]
    seconds = [each.seconds for each in measured]
    if max(works) > 2 * min(works):
        slope, start = statistics.linear_regression(works, seconds)
        if slope > 0 and start > 0:
            return Speed(start, slope)
        if slope > 0:
            return Speed(0.0, sum(seconds) / sum(works))
    # All of similar size: start and slope cannot be separated. Without a start, larger jobs are overestimated.
    return Speed(0.0, statistics.median(second / work for second, work in zip(seconds, works, strict=True)))


def measured_jobs(plan: Plan, results: Path) -> list[Measured]:
    """All jobs, of all runs in a folder, that have a benchmark file and a recorded config.

    Args:
        plan: Supplies the config of its own run.
        results: Folder of the runs.
    """
    found: list[Measured] = []
    folders = sorted(results.iterdir()) if results.is_dir() else []
    for folder in (each for each in folders if Path(RunPaths(each).benchmarks).is_dir()):
        found += _of_run(folder, plan.config if folder == plan.run_folder else _config_of(folder))
    return found


def _of_run(folder: Path, config: Config | None) -> Iterator[Measured]:
    gpus = read_gpu_use(Path(RunPaths(folder).logs))
    # The amount of work of a job follows from its config.
    if config is None:
        return
    work = Work(config)
    benchmarks = Path(RunPaths(folder).benchmarks)
    for path in sorted(benchmarks.rglob("*.tsv")):
        name = job_name(path, benchmarks)
        seconds = read_seconds(path)
        if seconds is None:
            continue
        rule = name.split("/")[0]
        device = str(gpus[name]["gpu"]) if name in gpus else PROCESSOR
        amount = work.of_name(name)
        # A job of unknown size is no basis for estimates.
        if not math.isnan(amount):
            yield Measured(folder.name, name, rule, amount, seconds, device)


def read_speeds(path: Path) -> dict[str, Speed]:
    """Read the speeds of another machine, by rule or pattern.

    Raises:
        InputError: The file has another format, or a value is not a number.
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
    """Seconds in a benchmark file; None if it is truncated."""
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


class Spent(NamedTuple):
    """Time that jobs took.

    Attributes:
        jobs: Number of jobs.
        seconds: Sum of their durations.
        processor: CPU seconds, as sampled by Snakemake; may be missing for jobs of a second or less.
    """

    jobs: int = 0
    seconds: float = 0.0
    processor: float = 0.0

    def plus(self, other: Spent) -> Spent:
        """Sum of both."""
        return Spent(self.jobs + other.jobs, self.seconds + other.seconds, self.processor + other.processor)


def spent_by_rule(benchmarks: Path) -> dict[str, Spent]:
    """Time that jobs took, by rule, in alphabetical order of the jobs.

    Args:
        benchmarks: Folder with `<rule>.tsv` and `<rule>/<wildcards>.tsv`.
    """
    totals: dict[str, Spent] = {}
    for path, own in _files(benchmarks):
        rule = job_name(path, benchmarks).split("/")[0]
        totals[rule] = totals.get(rule, Spent()).plus(own)
    return totals


def seconds_at_work(benchmarks: Path) -> float:
    """Wall-clock seconds during which at least one job ran; pauses between runs do not count.

    A benchmark file is written when its job ends, so its modification time and its seconds give the time span.

    Args:
        benchmarks: Folder with `<rule>.tsv` and `<rule>/<wildcards>.tsv`.
    """
    spans = sorted((path.stat().st_mtime - own.seconds, path.stat().st_mtime) for path, own in _files(benchmarks))
    total, until = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _files(benchmarks: Path) -> Iterator[tuple[Path, Spent]]:
    """Files, and what their job took."""
    for path in sorted(benchmarks.rglob("*.tsv")):
        with path.open(encoding="utf-8") as file:
            rows = [*csv.DictReader(file, delimiter="\t")]
        # Snakemake writes NA if it could not sample.
        sampled = (row.get("cpu_time") or "NA" for row in rows)
        processor = sum(float(value) for value in sampled if value not in ("NA", "-"))
        yield path, Spent(1, sum(float(row["s"]) for row in rows), processor)


BLOCK = 4096
"""Bytes that the smallest file occupies on most disks."""

SAMPLE = 200
"""Number of files from which the mean size of a folder's files is estimated."""

MILLION_WEIGHTS = {"yolov5n": 1.9, "yolov5s": 7.2, "yolov5m": 21.2, "yolov5l": 46.5, "yolov5x": 86.7, "scrfd_2.5g": 0.8}
STATES = 5
"""Copies of the weights in the state of a training: weights, their average, the best, and two of the optimiser."""

MAP_BYTES = {"gradcampp": 8_500, "hirescam": 4_100, "gradcampp_multiscale": 100_000, "hirescam_multiscale": 7_000}
"""Bytes of the heatmaps of an image at 640 pixels, measured on real photos; used while a run has no heatmaps yet."""

WEIGHTS_OF_OTHERS = ("fetch_weights", "train_baseline")
"""Rules that write weights of unknown size."""

OF_RGB = frozenset(
    {"predict", "predict_rgb_tables", "predict_train", "collect_predictions", "collect_rgb_tables", "collect_train"}
)
"""Rules that write predictions of the RGB detectors."""

BOX_BYTES = 12
"""Bytes of a compressed row of stored predictions."""


class Disk:
    """Estimates bytes on disk."""

    def __init__(self, work: Work, results: Path) -> None:
        """
        Args:
            work: Sizes of the run.
            results: Folder of all runs.
        """
        self._work, self._results = work, results
        self._maps: dict[str, float] = {}

    def of(self, job: PlannedJob) -> int | None:
        """Bytes of the outputs of a job, without temporary files; None if unknown."""
        size = self._of(job)
        return None if math.isnan(size) else int(size)

    def _of(self, job: PlannedJob) -> float:
        rule, wildcards = job.rule, job.wildcards
        photos = self._work.photos
        if rule in WEIGHTS_OF_OTHERS:
            return sum(map(_taken, _files_of(job.outputs))) if not job.missing else math.nan
        if rule == "import_weights":
            return 4e6 * MILLION_WEIGHTS.get(wildcards["network"], math.nan)
        if rule in ("label_faces", "label_frames"):
            # One link and one label file per image, each of at most one block.
            return 2 * BLOCK * photos.get(wildcards["set"], 0)
        if rule == "train":
            return self._weights(self._work.run.detector(wildcards["model"]))
        if rule.startswith("make_heatmaps"):
            each = sum(self._map(name) for name in self._work.config.heatmaps.named())
            sets = [wildcards["set"]] if rule == "make_heatmaps" else self._work.sets_of(rule)
            return each * sum(photos.get(name, 0) for name in sets) / shards_of(wildcards)
        shares = shards_of(wildcards)
        if rule in OF_RGB:
            classes = 1 if self._work.run.detector(wildcards["model"]).classes == "whole_face" else len(CLASS_NAMES)
            tables = 2 if rule.endswith("rgb_tables") else 1
            seen = sum(photos.get(name, 0) for name in self._work.sets_of(rule))
            boxes = tables * classes * MOST_BOXES * seen
            return boxes * BOX_BYTES // shares
        if rule in ("predict_second", "predict_at_scales", "predict_baseline", "collect_second", "collect_baseline"):
            seen = sum(count for name, count in photos.items() if name != "train")
            return MOST_BOXES * BOX_BYTES * seen // shares
        if rule == "make_synthetic":
            return int(0.15 * self._work.config.synthetic.size**2) * self._work.of(rule, wildcards)
        if rule.startswith("fine_tune"):
            start = wildcards.get("further", self._work.config.finetune.start)
            return self._weights(self._work.run.finetune_detector(start))
        return BLOCK * len(job.outputs)

    def while_running(self, job: PlannedJob) -> int:
        """Bytes of the temporary files of a job."""
        return STATES * self._weights(self._work.run.detector(job.wildcards["model"])) if job.rule == "train" else 0

    def _map(self, variant: str) -> float:
        """Bytes of both heatmap files of an image."""
        if variant not in self._maps:
            config = self._work.config
            size = config.heatmaps.image_size or config.detectors.rgb10.image_size
            known = MAP_BYTES.get(variant, max(MAP_BYTES.values())) * (size / 640) ** 2
            self._maps[variant] = self._measured_map(variant) or max(known, 2.0 * BLOCK)
        return self._maps[variant]

    def _measured_map(self, variant: str) -> float | None:
        """Mean bytes measured in this run, which has the same image size."""
        sets = sorted(Path(RunPaths(self._results / self._work.config.run).heatmaps_of(variant)).glob("*"))
        kinds = [[*_sample(folder / kind for folder in sets)] for kind in ("images", "joint")]
        if not all(kinds):
            return None
        return sum(sum(map(_taken, files)) / len(files) for files in kinds)

    def _weights(self, detector: Detector) -> int:
        return int(4e6 * MILLION_WEIGHTS[detector.model])


def _sample(folders: Iterable[Path]) -> Iterable[Path]:
    files = itertools.chain.from_iterable(folder.glob("*.tiff") for folder in folders if folder.is_dir())
    return itertools.islice(files, SAMPLE)


def _files_of(outputs: Iterable[str]) -> Iterator[Path]:
    for path in map(Path, outputs):
        yield from (each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def _taken(path: Path) -> int:
    return path.stat().st_blocks * 512
