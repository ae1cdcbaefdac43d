"""How many threads a job may have, and that work in the background uses them all."""

from __future__ import annotations

import os
import threading

import pytest

from uncover import threads
from uncover.images import cache
from uncover.threads import cores, in_background


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is bound to eight cores, of a job that says no more."""
    for name in ("SLURM_CPUS_PER_TASK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, 8),
        ({"SLURM_CPUS_PER_TASK": "6"}, 6),
        # A cluster that binds its jobs says the same twice; what it says to others does not make more of them.
        ({"SLURM_CPUS_PER_TASK": "64"}, 8),
        ({"LOCAL_WORLD_SIZE": "4"}, 2),
        ({"LOCAL_WORLD_SIZE": "16"}, 1),
        ({"SLURM_CPUS_PER_TASK": "6", "LOCAL_WORLD_SIZE": "2"}, 3),
    ],
)
def test_cores_are_those_of_the_job(
    eight: None, environment: dict[str, str], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cores() == expected


def test_macos_does_not_say_what_a_process_is_bound_to(eight: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert cores() == 10


@pytest.mark.parametrize(("given", "expected"), [(None, 8), (3, 3)])
def test_as_many_jobs_are_done_at_once_as_there_are_cores(eight: None, given: int | None, expected: int) -> None:
    # Nobody passes the barrier before so many stand at it; one more would never be let through.
    barrier = threading.Barrier(expected, timeout=10)
    jobs = (barrier.wait for _ in range(2 * expected))
    assert sorted(in_background(jobs, 2 * expected, given)) == sorted([*range(expected)] * 2)


@pytest.mark.parametrize(("largest", "expected"), [(1, 8), (100, 8), (250, 5), (1000, 1), (10**9, 1), (0, 8)])
def test_few_images_are_decoded_at_once_where_memory_is_short(
    eight: None, largest: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "free_memory", lambda: 10_000)
    # A quarter of the memory holds 2500 bytes, and an image takes two times its own while it is decoded.
    assert cache.readers(largest) == expected
    assert threads.cores() == 8
