"""Worker threads: how many a job may use, and background work on a stream of jobs."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def cores() -> int:
    """Cores that this process may use; fewer than the machine has on a cluster. macOS does not report them."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Some clusters limit the number of cores without binding jobs to them.
    given = min(here, int(os.environ.get("SLURM_CPUS_PER_TASK", here)))
    return max(1, given // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))


def in_background(
    jobs: Iterable[Callable[[], Result]], most_waiting: int, threads: int | None = None
) -> Iterator[Result]:
    """Yield the results of jobs in order, while threads work on the next jobs.

    Args:
        jobs: Jobs to run.
        most_waiting: Maximum number of jobs that are queued or finished but not yet consumed, to limit memory.
        threads: Number of threads; None uses one per core of this process.
    """
    with ThreadPoolExecutor(threads or cores()) as pool:
        waiting: deque[Future[Result]] = deque()
        for job in jobs:
            waiting.append(pool.submit(job))
            while len(waiting) > most_waiting:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
