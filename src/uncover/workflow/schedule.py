"""How long a DAG takes on so many GPUs and processors: a simulation, and the path that no machine makes shorter."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass


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
