"""Threads beside the main one: how many a job may have, and work that they do while the next piece is asked for."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def cores() -> int:
    """Cores that this process may use, which on a cluster are fewer than there are; macOS does not tell."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # A cluster may count cores without binding jobs to them.
    given = min(here, int(os.environ.get("SLURM_CPUS_PER_TASK", here)))
    return max(1, given // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))


def in_background(
    jobs: Iterable[Callable[[], Result]], most_waiting: int, threads: int | None = None
) -> Iterator[Result]:
    """Results of jobs, in order; while they are done in threads, the next ones are asked for.

    Args:
        jobs: To do.
        most_waiting: How many may wait to be done or to be taken, so that they take no more memory.
        threads: That do them; None takes one per core of this process.
    """
    with ThreadPoolExecutor(threads or cores()) as pool:
        waiting: deque[Future[Result]] = deque()
        for job in jobs:
            waiting.append(pool.submit(job))
            while len(waiting) > most_waiting:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
