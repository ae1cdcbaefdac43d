"""Estimate of a run before it starts: cost, duration by number of GPUs, and why each job runs."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from uncover.workflow.causes import Causes
from uncover.workflow.costs import NEVER, PROCESSOR, STATED, UNCOUNTED, Costs, Disk
from uncover.workflow.engine import Plan, PlannedJob
from uncover.workflow.packages import OtherVersion, other_versions
from uncover.workflow.work import Work

HOUR, GIGABYTE = 3600.0, 1e9
EXPENSIVE = 0.01
"""Jobs with at least this share of the total time count as expensive."""

MOST_EXPENSIVE = 15
MOST_NAMED = 6
NEW = "not made yet"


@dataclass(frozen=True)
class JobCost:
    """A job that would run, with its estimated cost.

    Attributes:
        job: The job.
        seconds: Duration; None if unknown.
        basis: What the duration is based on, or why it is unknown.
        device: Device, as in `costs.Cost`.
        disk: Bytes of its outputs; None if unknown.
        because: The first of its own causes and those of the jobs that it depends on.
    """

    job: PlannedJob
    seconds: float | None
    basis: str
    device: str
    disk: int | None
    because: str

    @property
    def on_gpu(self) -> bool:
        """Whether the job needs a GPU, and its duration is one on a GPU."""
        return bool(self.job.gpus) and self.seconds is not None and self.device != PROCESSOR

    @property
    def only_on_processors(self) -> bool:
        """Whether the job needs a GPU, but its duration was measured on processors only."""
        return bool(self.job.gpus) and self.seconds is not None and self.device == PROCESSOR


@dataclass(frozen=True)
class Total:
    """A sum over jobs, some of which may be unknown.

    Attributes:
        amount: Sum over the known jobs: a lower bound if some are unknown.
        known: Number of known jobs.
        jobs: Number of all jobs.
    """

    amount: float
    known: int
    jobs: int

    @classmethod
    def over(cls, amounts: Sequence[float | None]) -> Total:
        """Sum amounts; None is unknown."""
        known = [amount for amount in amounts if amount is not None]
        return cls(math.fsum(known), len(known), len(amounts))

    @property
    def whole(self) -> float | None:
        """The sum; None if a part is unknown."""
        return self.amount if self.known == self.jobs else None

    def text(self, show: Callable[[float], str], of: str) -> str:
        """The sum in words, such as "at least 3 min of GPU time (2 of 5 jobs)"."""
        if self.known == self.jobs:
            return f"{show(self.amount)} of {of}"
        if not self.known:
            return f"unknown amount of {of} ({self.jobs} jobs)"
        return f"at least {show(self.amount)} of {of} ({self.known} of {self.jobs} jobs)"


@dataclass(frozen=True)
class NotKnown:
    """Jobs of a rule whose duration is unknown for the same reason.

    Attributes:
        rule: Name of the rule.
        jobs: Names of the jobs.
        why: The reason.
        to_know: How to get an estimate.
        output: An output of the first of these jobs.
    """

    rule: str
    jobs: tuple[str, ...]
    why: str
    to_know: str
    output: str

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"rule": self.rule, "jobs": len(self.jobs), "why": self.why, "to_know": self.to_know}


@dataclass(frozen=True)
class Outlook:
    """Estimate of a planned run.

    Attributes:
        jobs: All jobs that would run.
        running_disk: Bytes of the temporary files of the largest job.
        machines: By number of GPUs: seconds from start to end, and the share of that time in which GPUs are busy; None
            if the duration of a job on such a machine is unknown.
        path: Critical path: the jobs that limit the duration on any machine, as far as their durations are known.
        path_seconds: Duration of the critical path; a lower bound if a duration is unknown.
        warnings: Warnings of Snakemake, one line each.
        other_versions: Packages whose version has changed since the existing results were made.
    """

    jobs: list[JobCost]
    running_disk: int
    machines: dict[int, tuple[float, float] | None]
    path: list[JobCost]
    path_seconds: float
    warnings: tuple[str, ...] = ()
    other_versions: tuple[OtherVersion, ...] = ()

    @property
    def unknown(self) -> list[JobCost]:
        """Jobs of unknown duration."""
        return [cost for cost in self.jobs if cost.seconds is None]

    @property
    def gpu_seconds(self) -> Total:
        """GPU seconds of all jobs."""
        wanting = [cost for cost in self.jobs if cost.job.gpus]
        return Total.over([(cost.seconds or 0.0) * cost.job.gpus if cost.on_gpu else None for cost in wanting])

    @property
    def core_seconds(self) -> Total:
        """Processor seconds of jobs that need no GPU."""
        own = [cost for cost in self.jobs if not cost.job.gpus]
        return Total.over([None if cost.seconds is None else cost.seconds * cost.job.threads for cost in own])

    @property
    def seconds_on_processors(self) -> float:
        """Sum over jobs that need a GPU but were measured on processors only."""
        return math.fsum(cost.seconds or 0.0 for cost in self.jobs if cost.only_on_processors)

    @property
    def seconds(self) -> float:
        """Sum over all jobs of known duration."""
        return math.fsum(cost.seconds for cost in self.jobs if cost.seconds is not None)

    @property
    def disk(self) -> Total:
        """Bytes of all outputs."""
        return Total.over([cost.disk for cost in self.jobs])

    @property
    def not_known(self) -> list[NotKnown]:
        """Jobs whose duration, or duration on a GPU, is unknown, by rule and reason, in the order of the plan."""
        found: dict[tuple[str, str], list[JobCost]] = {}
        for cost in self.jobs:
            if cost.seconds is None or cost.only_on_processors:
                why = cost.basis if cost.seconds is None else "measured on processors only, not on a GPU"
                found.setdefault((cost.job.rule, why), []).append(cost)
        return [
            NotKnown(rule, tuple(cost.job.name for cost in costs), why, _to_know(costs[0]), costs[0].job.outputs[0])
            for (rule, why), costs in found.items()
        ]

    @property
    def expensive(self) -> list[JobCost]:
        """Jobs that take most of the time, longest first."""
        known = [cost for cost in self.jobs if cost.seconds is not None]
        large = [cost for cost in known if (cost.seconds or 0.0) >= EXPENSIVE * self.seconds]
        return sorted(large, key=lambda cost: -(cost.seconds or 0.0))

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "jobs": len(self.jobs),
            "gpu_hours": _rounded(self.gpu_seconds.whole, HOUR),
            "core_hours": _rounded(self.core_seconds.whole, HOUR),
            "disk_gigabytes": _rounded(self.disk.whole, GIGABYTE),
            "never_measured": [cost.job.name for cost in self.unknown if cost.basis == NEVER],
            "hours_by_gpus": {
                str(gpus): None if found is None else round(found[0] / HOUR, 3) for gpus, found in self.machines.items()
            },
            "critical_path_hours": None if self.unknown else round(self.path_seconds / HOUR, 3),
            "critical_path": [cost.job.name for cost in self.path],
            "at_least": {
                "jobs": len(self.jobs) - len(self.unknown),
                "gpu_hours": round(self.gpu_seconds.amount / HOUR, 3),
                "core_hours": round(self.core_seconds.amount / HOUR, 3),
                "disk_gigabytes": round(self.disk.amount / GIGABYTE, 3),
                "critical_path_hours": round(self.path_seconds / HOUR, 3),
            },
            "gpu_jobs_on_processors_hours": round(self.seconds_on_processors / HOUR, 3),
            "not_known": [each.to_dict() for each in self.not_known],
            "disk_not_known": [cost.job.name for cost in self.jobs if cost.disk is None],
            "warnings": list(self.warnings),
            "other_versions": [each.to_dict() for each in self.other_versions],
            "by_job": [
                {
                    "job": cost.job.name,
                    "seconds": None if cost.seconds is None else round(cost.seconds, 1),
                    "gpus": cost.job.gpus,
                    "basis": cost.basis,
                    "disk_bytes": cost.disk,
                    "because": cost.because,
                }
                for cost in self.jobs
            ],
        }


def look_ahead(
    plan: Plan, work: Work, costs: Costs, results: Path, gpus: Sequence[int], cores: int, overhead: float
) -> Outlook:
    """Estimate the cost of a plan.

    Args:
        plan: The plan.
        work: Sizes of its sets.
        costs: Durations of jobs.
        results: Folder of all runs, for file sizes.
        gpus: Numbers of GPUs of the machines to simulate.
        cores: Cores per GPU of these machines.
        overhead: Seconds that each job waits before it starts.
    """
    causes, disk = Causes(plan), Disk(work, results)
    jobs = []
    for job in plan.ahead:
        cost = costs.of(job, work)
        jobs.append(JobCost(job, cost.seconds, cost.basis, cost.device, disk.of(job), _because(causes, job)))
    places = {cost.job.number: place for place, cost in enumerate(jobs)}
    tasks = [
        Task(
            cost.job.name,
            cost.seconds or 0.0,
            cost.job.gpus,
            cost.job.threads,
            tuple(places[number] for number in cost.job.needs),
        )
        for cost in jobs
    ]
    machines: dict[int, tuple[float, float] | None] = dict.fromkeys(gpus)
    # If networks were measured on processors only, durations are known for a machine without GPUs.
    for count in (*gpus, *([0] if any(cost.only_on_processors for cost in jobs) else [])):
        if all(_is_known_with(cost, count) for cost in jobs):
            schedule = simulate(tasks, count, cores * max(1, count), overhead)
            machines[count] = schedule.seconds, schedule.busy
    # Waiting times count only if all durations are known; otherwise the sum is a lower bound of known work.
    wait = 0.0 if any(cost.seconds is None for cost in jobs) else overhead
    path = [jobs[place] for place in critical_path(tasks, wait)]
    return Outlook(
        jobs,
        max((disk.while_running(job) for job in plan.ahead), default=0),
        machines,
        [cost for cost in path if cost.seconds is not None],
        sum((cost.seconds or 0.0) + wait for cost in path),
        plan.warnings,
        tuple(other_versions(plan)),
    )


def _is_known_with(cost: JobCost, gpus: int) -> bool:
    """Whether the duration of a job is known on a machine with this number of GPUs."""
    if cost.seconds is None:
        return False
    return not cost.job.gpus or (cost.on_gpu if gpus else cost.device in (PROCESSOR, STATED))


def _to_know(cost: JobCost) -> str:
    """How to get an estimate of the duration of a job."""
    if cost.seconds is None and cost.basis.startswith(UNCOUNTED):
        return "pass --photos SET=N"
    where = "a GPU of the target machine" if cost.job.gpus else "the target machine"
    return f"pass --speeds FILE, or run one job of each rule on {where}"


def _rounded(amount: float | None, unit: float) -> float | None:
    return None if amount is None else round(amount / unit, 3)


def _because(causes: Causes, job: PlannedJob) -> str:
    """The first change, of the job itself before those of other jobs; without a change, outputs are not made yet."""
    own, roots = causes.own(job), list(causes.roots(job))
    changed = sorted((cause for cause in roots if cause.kind != "new"), key=lambda cause: cause not in own)
    if not changed:
        return NEW
    return str(changed[0]) + (f" (and {len(changed) - 1} more)" if len(changed) > 1 else "")


def outlook_text(outlook: Outlook, plan: Plan, free: int) -> str:
    """The estimate as text to print.

    Args:
        outlook: The estimate.
        plan: Its plan.
        free: Free bytes on the disk of the results.
    """
    other = [str(each) for each in outlook.other_versions]
    if not outlook.jobs:
        return "\n".join([f"{plan.run_folder}: nothing to do", *other]) + "\n"
    on_gpus = outlook.gpu_seconds.text(_hours, "GPU time")
    if outlook.seconds_on_processors:
        on_gpus += f", {_hours(outlook.seconds_on_processors)} if these run without a GPU"
    lines = [
        f"{plan.run_folder}: {len(outlook.jobs)} jobs, {on_gpus},"
        f" {outlook.core_seconds.text(_hours, 'processor time')}, {outlook.disk.text(_bytes, 'disk space')}, and"
        f" {_bytes(outlook.running_disk)} of temporary files ({_bytes(free)} free)",
        *other,
    ]
    if outlook.disk.amount + outlook.running_disk > free:
        lines.append("warning: not enough free disk space")
    lines += [*_not_known(outlook), "", *_rules(outlook)]
    shown = outlook.expensive[:MOST_EXPENSIVE]
    if shown:
        lines += ["", "jobs that take most of the time" + (" (of known duration)" if outlook.unknown else "")]
    for cost in shown:
        lines.append(f"  {cost.job.name:<36} {_hours(cost.seconds):>9}  {cost.because}  [{cost.basis}]")
    if len(outlook.expensive) > len(shown):
        lines.append(f"  and {len(outlook.expensive) - len(shown)} more like these (--json lists all)")
    lines += ["", "from start to end"]
    for gpus, found in outlook.machines.items():
        used = f" (GPUs busy {found[1]:.0%} of the time)" if gpus and found else ""
        time = _hours(found[0]) if found else "unknown"
        lines.append(f"  {f'{gpus} GPU' if gpus else 'no GPU'}{'s' if gpus > 1 else ''}: {time}{used}")
    if not outlook.unknown:
        lines.append(f"  lower bound: {_hours(outlook.path_seconds)}: {_path_words(outlook)}")
    elif outlook.path_seconds:
        lines.append(f"  lower bound (known durations): {_hours(outlook.path_seconds)}: {_path_words(outlook)}")
    return "\n".join(lines) + "\n"


def _not_known(outlook: Outlook) -> list[str]:
    """Rules whose duration is unknown, why, and how to get an estimate."""
    found = outlook.not_known
    if not found:
        return []
    by_reason: dict[tuple[str, str], list[NotKnown]] = {}
    for each in found:
        by_reason.setdefault((each.why, each.to_know), []).append(each)
    lines = ["", "unknown durations"]
    for (why, _), same in by_reason.items():
        names = [f"{each.rule} ({len(each.jobs)})" for each in same]
        more = f" and {len(names) - MOST_NAMED} more rules (--json lists all)" if len(names) > MOST_NAMED else ""
        lines.append(f"  {', '.join(names[:MOST_NAMED])}{more}: {why}")
    to_know: dict[str, NotKnown] = {}
    for each in found:
        to_know.setdefault(each.to_know, each)
    lines += [f"  for an estimate: {words}, e.g. {each.output}" for words, each in to_know.items()]
    return lines


def _rules(outlook: Outlook) -> list[str]:
    rules: dict[str, list[JobCost]] = {}
    for cost in outlook.jobs:
        rules.setdefault(cost.job.rule, []).append(cost)
    small = {name: costs for name, costs in rules.items() if name.startswith(("table_", "figure_"))}
    rows = [(name, costs) for name, costs in rules.items() if name not in small]
    if small:
        rows.append(("tables and figures", [cost for costs in small.values() for cost in costs]))
    rows.sort(key=lambda row: -Total.over([cost.seconds for cost in row[1]]).amount)
    wide = max(len(name) for name, _ in rows)
    lines = [f"  {'rule':<{wide}} {'jobs':>5} {'time':>9} {'of GPUs':>9} {'disk':>8}  because"]
    for name, costs in rows:
        time = _least(Total.over([cost.seconds for cost in costs]), _hours)
        wanting = [cost for cost in costs if cost.job.gpus]
        on_gpus = [(cost.seconds or 0.0) * cost.job.gpus if cost.on_gpu else None for cost in wanting]
        gpu_time = _least(Total.over(on_gpus), _hours) if wanting else ""
        because = ", ".join(
            word for word, _ in Counter(cost.because.split(" (and")[0] for cost in costs).most_common(2)
        )
        disk = _least(Total.over([cost.disk for cost in costs]), _bytes)
        lines.append(f"  {name:<{wide}} {len(costs):>5} {time:>9} {gpu_time:>9} {disk:>8}  {because}")
    return lines


def _least(total: Total, show: Callable[[float], str]) -> str:
    """A sum in a cell: "?" if all of it is unknown, with ">" before it if a part is."""
    if total.known == total.jobs:
        return show(total.amount)
    return f">{show(total.amount)}" if total.known else "?"


def _path_words(outlook: Outlook) -> str:
    """The jobs on the critical path with a relevant share of its time; consecutive jobs of one rule as one."""
    long = [cost for cost in outlook.path if (cost.seconds or 0.0) > 0.02 * outlook.path_seconds]
    words = []
    for rule, costs in groupby(long, key=lambda cost: cost.job.rule):
        names = [cost.job.name for cost in costs]
        words.append(names[0] if len(names) == 1 else f"{rule} ({len(names)} times)")
    return " > ".join(words)


def _hours(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"


def _bytes(count: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.0f} KB"


@dataclass(frozen=True)
class Task:
    """A job in the simulation.

    Attributes:
        name: Name of the job.
        seconds: Duration.
        gpus: GPUs that it occupies.
        cores: Cores that it occupies.
        needs: Indices, in the list of tasks, of those that must end before it starts.
    """

    name: str
    seconds: float
    gpus: int
    cores: int
    needs: tuple[int, ...]


@dataclass(frozen=True)
class Schedule:
    """Result of a simulation.

    Attributes:
        seconds: Time from the first start to the last end.
        busy: Share of GPU time that tasks occupy; 0 without GPUs.
        ends: End of each task, in seconds from the start.
    """

    seconds: float
    busy: float
    ends: tuple[float, ...]


def simulate(tasks: Sequence[Task], gpus: int, cores: int, overhead: float = 0.0) -> Schedule:
    """Simulate a greedy schedule: of the tasks that fit, the one with the longest remaining path starts first.

    Args:
        tasks: Tasks; each needs only tasks before it in the list.
        gpus: GPUs of the machine; a task that needs more gets all of them.
        cores: Cores of the machine; likewise.
        overhead: Seconds that each task waits before it starts, without occupying anything (queue, process start).

    Returns:
        The schedule.
    """
    behind = _paths_behind(tasks, overhead)
    waiting = [len(task.needs) for task in tasks]
    followers: list[list[int]] = [[] for _ in tasks]
    for number, task in enumerate(tasks):
        for need in task.needs:
            followers[need].append(number)
    # `coming`: tasks whose needs have ended, by earliest start. `running`: started tasks, by end.
    coming = [(overhead, number) for number, count in enumerate(waiting) if count == 0]
    heapq.heapify(coming)
    ready: list[tuple[float, int]] = []
    running: list[tuple[float, int]] = []
    free_gpus, free_cores, now, held = gpus, cores, 0.0, 0.0
    ends = [0.0] * len(tasks)
    while coming or ready or running:
        while coming and coming[0][0] <= now:
            _, number = heapq.heappop(coming)
            heapq.heappush(ready, (-behind[number], number))
        postponed = []
        while ready:
            place = heapq.heappop(ready)
            task = tasks[place[1]]
            wanted = min(task.gpus, gpus), min(task.cores, cores)
            if wanted[0] > free_gpus or wanted[1] > free_cores:
                postponed.append(place)
                continue
            free_gpus, free_cores = free_gpus - wanted[0], free_cores - wanted[1]
            held += wanted[0] * task.seconds
            heapq.heappush(running, (now + task.seconds, place[1]))
        for place in postponed:
            heapq.heappush(ready, place)
        now = min(moment for moment, _ in [*running[:1], *coming[:1]]) if running or coming else now
        while running and running[0][0] <= now:
            _, number = heapq.heappop(running)
            ends[number] = now
            free_gpus += min(tasks[number].gpus, gpus)
            free_cores += min(tasks[number].cores, cores)
            for follower in followers[number]:
                waiting[follower] -= 1
                if waiting[follower] == 0:
                    heapq.heappush(coming, (now + overhead, follower))
    total = max(ends, default=0.0)
    return Schedule(total, held / (gpus * total) if gpus and total else 0.0, tuple(ends))


def critical_path(tasks: Sequence[Task], overhead: float = 0.0) -> list[int]:
    """Indices of the tasks on the longest path, which limits the duration on any machine."""
    if not tasks:
        return []
    behind = _paths_behind(tasks, overhead)
    heads = [number for number, task in enumerate(tasks) if not task.needs]
    followers: list[list[int]] = [[] for _ in tasks]
    for number, task in enumerate(tasks):
        for need in task.needs:
            followers[need].append(number)
    path = [max(heads, key=lambda number: behind[number])]
    while followers[path[-1]]:
        path.append(max(followers[path[-1]], key=lambda number: behind[number]))
    return path


def _paths_behind(tasks: Sequence[Task], overhead: float) -> list[float]:
    """Seconds from each task's start to the end of all tasks that depend on it, without limits of machines."""
    behind = [task.seconds + overhead for task in tasks]
    for number in range(len(tasks) - 1, -1, -1):
        for need in tasks[number].needs:
            behind[need] = max(behind[need], tasks[need].seconds + overhead + behind[number])
    return behind
