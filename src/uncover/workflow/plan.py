"""What a run will cost before it is started, how long on how many machines, and why each of its jobs runs."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from uncover.workflow.causes import Causes
from uncover.workflow.costs import PROCESSOR, Costs, Disk
from uncover.workflow.engine import Plan, PlannedJob
from uncover.workflow.work import Work

HOUR, GIGABYTE = 3600.0, 1e9
EXPENSIVE = 0.01
"""Share of all time from which a job counts as expensive."""

MOST_EXPENSIVE = 15
MOST_NAMED = 6
NEW = "not made yet"


@dataclass(frozen=True)
class JobCost:
    """A job that would run.

    Attributes:
        job: It.
        seconds: None where nothing like it was ever measured.
        basis: Where the time is known from.
        disk: Bytes that it leaves.
        because: The first of its causes, of its own or of the jobs before it.
    """

    job: PlannedJob
    seconds: float | None
    basis: str
    disk: int
    because: str


@dataclass(frozen=True)
class Outlook:
    """A run that is to come.

    Attributes:
        jobs: All that would run.
        running_disk: Bytes that the largest job needs while it runs, beyond what it leaves.
        machines: By number of GPUs: seconds from start to end, and the share of the time that GPUs are busy.
        path: Jobs that no machine makes shorter together.
        path_seconds: How long they take.
    """

    jobs: list[JobCost]
    running_disk: int
    machines: dict[int, tuple[float, float]]
    path: list[JobCost]
    path_seconds: float

    @property
    def unknown(self) -> list[JobCost]:
        """Jobs whose time nobody knows."""
        return [cost for cost in self.jobs if cost.seconds is None]

    @property
    def seconds(self) -> float:
        """Of all jobs, one after the other."""
        return sum(cost.seconds or 0.0 for cost in self.jobs)

    @property
    def gpu_seconds(self) -> float:
        """Of all GPUs."""
        return sum((cost.seconds or 0.0) * cost.job.gpus for cost in self.jobs)

    @property
    def core_seconds(self) -> float:
        """Of the processors of jobs without a GPU."""
        return sum((cost.seconds or 0.0) * cost.job.threads for cost in self.jobs if not cost.job.gpus)

    @property
    def disk(self) -> int:
        """Bytes that are left."""
        return sum(cost.disk for cost in self.jobs)

    @property
    def expensive(self) -> list[JobCost]:
        """Jobs that take most of the time, the longest first."""
        known = [cost for cost in self.jobs if cost.seconds is not None]
        large = [cost for cost in known if (cost.seconds or 0.0) >= EXPENSIVE * self.seconds]
        return sorted(large, key=lambda cost: -(cost.seconds or 0.0))

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "jobs": len(self.jobs),
            "gpu_hours": round(self.gpu_seconds / HOUR, 3),
            "core_hours": round(self.core_seconds / HOUR, 3),
            "disk_gigabytes": round(self.disk / GIGABYTE, 3),
            "never_measured": [cost.job.name for cost in self.unknown],
            "hours_by_gpus": {str(gpus): round(seconds / HOUR, 3) for gpus, (seconds, _) in self.machines.items()},
            "critical_path_hours": round(self.path_seconds / HOUR, 3),
            "critical_path": [cost.job.name for cost in self.path],
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
    """Foretell what a plan costs.

    Args:
        plan: What would run.
        work: Sizes of its sets.
        costs: Times.
        results: Folder of all runs, for sizes of files.
        gpus: Machines to simulate, by their GPUs.
        cores: Their processors, for each GPU.
        overhead: Seconds that a job waits before it begins.
    """
    causes, disk = Causes(plan), Disk(work, results)
    jobs = []
    for job in plan.ahead:
        cost = costs.of(job, work)
        jobs.append(JobCost(job, cost.seconds, cost.basis, disk.of(job), _because(causes, job)))
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
    machines = {}
    for count in gpus:
        schedule = simulate(tasks, count, cores * max(1, count), overhead)
        machines[count] = schedule.seconds, schedule.busy
    path = [jobs[place] for place in critical_path(tasks, overhead)]
    return Outlook(
        jobs,
        max((disk.while_running(job) for job in plan.ahead), default=0),
        machines,
        path,
        sum((cost.seconds or 0.0) + overhead for cost in path),
    )


def _because(causes: Causes, job: PlannedJob) -> str:
    """What has changed, of its own before that of other jobs; otherwise it, or what it needs, is not made yet."""
    own, roots = causes.own(job), list(causes.roots(job))
    changed = sorted((cause for cause in roots if cause.kind != "new"), key=lambda cause: cause not in own)
    if not changed:
        return NEW
    return str(changed[0]) + (f" (and {len(changed) - 1} more)" if len(changed) > 1 else "")


def outlook_text(outlook: Outlook, plan: Plan, free: int) -> str:
    """The outlook for people.

    Args:
        outlook: It.
        plan: What it is of.
        free: Bytes that are free on the disk of the results.
    """
    if not outlook.jobs:
        return f"{plan.run_folder}: nothing to do\n"
    lines = [
        f"{plan.run_folder}: {len(outlook.jobs)} jobs, {_hours(outlook.gpu_seconds)} of GPUs,"
        f" {_hours(outlook.core_seconds)} of processors, {_bytes(outlook.disk)} of disk, and"
        f" {_bytes(outlook.running_disk)} while it runs ({_bytes(free)} free)"
    ]
    lines += _warnings(outlook, free)
    lines += ["", *_rules(outlook), "", "jobs that take most of the time"]
    shown = outlook.expensive[:MOST_EXPENSIVE]
    for cost in shown:
        lines.append(f"  {cost.job.name:<36} {_hours(cost.seconds):>9}  {cost.because}  [{cost.basis}]")
    if len(outlook.expensive) > len(shown):
        lines.append(f"  and {len(outlook.expensive) - len(shown)} more like these (--json lists all)")
    lines += ["", "from start to end"]
    for gpus, (seconds, busy) in outlook.machines.items():
        used = f", which are busy {busy:.0%} of it" if gpus else ""
        lines.append(f"  {gpus} GPU{'s' if gpus != 1 else ''}: {_hours(seconds)}{used}")
    lines.append(f"  never less than {_hours(outlook.path_seconds)}: {_path_words(outlook)}")
    return "\n".join(lines) + "\n"


def _warnings(outlook: Outlook, free: int) -> list[str]:
    lines = []
    if outlook.unknown:
        names = sorted({cost.job.rule for cost in outlook.unknown})
        rules = ", ".join(names[:MOST_NAMED]) + (
            f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        )
        lines.append(f"not counted, as no earlier run has done the like: {len(outlook.unknown)} jobs ({rules})")
    if any(cost.job.gpus and cost.basis.endswith(PROCESSOR) for cost in outlook.jobs):
        lines.append("no run here has used a GPU yet: the time of networks is that of processors")
    if outlook.disk + outlook.running_disk > free:
        lines.append("the disk is too small")
    return lines


def _rules(outlook: Outlook) -> list[str]:
    rules: dict[str, list[JobCost]] = {}
    for cost in outlook.jobs:
        rules.setdefault(cost.job.rule, []).append(cost)
    small = {name: costs for name, costs in rules.items() if name.startswith(("table_", "figure_"))}
    rows = [(name, costs) for name, costs in rules.items() if name not in small]
    if small:
        rows.append(("tables and figures", [cost for costs in small.values() for cost in costs]))
    rows.sort(key=lambda row: -sum(cost.seconds or 0.0 for cost in row[1]))
    wide = max(len(name) for name, _ in rows)
    lines = [f"  {'rule':<{wide}} {'jobs':>5} {'time':>9} {'of GPUs':>9} {'disk':>8}  because"]
    for name, costs in rows:
        seconds = sum(cost.seconds or 0.0 for cost in costs)
        on_gpus = sum((cost.seconds or 0.0) * cost.job.gpus for cost in costs)
        known = any(cost.seconds is not None for cost in costs)
        time, gpu_time = (_hours(seconds), _hours(on_gpus) if on_gpus else "") if known else ("?", "")
        because = ", ".join(
            word for word, _ in Counter(cost.because.split(" (and")[0] for cost in costs).most_common(2)
        )
        disk = _bytes(sum(cost.disk for cost in costs))
        lines.append(f"  {name:<{wide}} {len(costs):>5} {time:>9} {gpu_time:>9} {disk:>8}  {because}")
    return lines


def _path_words(outlook: Outlook) -> str:
    """The jobs on the longest path that take some of its time; those of one rule in a row as one."""
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
    """A job as the simulation knows it.

    Attributes:
        name: For people.
        seconds: How long it runs.
        gpus: GPUs that it holds meanwhile.
        cores: Processors that it holds meanwhile.
        needs: Places, in the list of tasks, of those that end before it begins.
    """

    name: str
    seconds: float
    gpus: int
    cores: int
    needs: tuple[int, ...]


@dataclass(frozen=True)
class Schedule:
    """What a machine makes of some tasks.

    Attributes:
        seconds: From the first start to the last end.
        busy: Share of the GPUs' time in which a task held them; 0 where there are none.
        ends: Seconds at which each task ends.
    """

    seconds: float
    busy: float
    ends: tuple[float, ...]


def simulate(tasks: Sequence[Task], gpus: int, cores: int, overhead: float = 0.0) -> Schedule:
    """Run tasks greedily: whenever something is free, the task that begins is the one with the longest path behind it.

    Args:
        tasks: Each needs only tasks before it in the list.
        gpus: Of the machine; a task that asks for more gets all of them.
        cores: Of the machine; likewise.
        overhead: Seconds that each task waits before it begins, holding nothing: a queue, or a start.

    Returns:
        When everything ends.
    """
    behind = _paths_behind(tasks, overhead)
    waiting = [len(task.needs) for task in tasks]
    followers: list[list[int]] = [[] for _ in tasks]
    for number, task in enumerate(tasks):
        for need in task.needs:
            followers[need].append(number)
    # What may begin, by the time from which it may; what has begun, by its end.
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
    """Places of the tasks on the longest path: no number of machines ends sooner."""
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
    """Seconds from each task's start to the end of everything that waits for it, on endless machines."""
    behind = [task.seconds + overhead for task in tasks]
    for number in range(len(tasks) - 1, -1, -1):
        for need in tasks[number].needs:
            behind[need] = max(behind[need], tasks[need].seconds + overhead + behind[number])
    return behind
