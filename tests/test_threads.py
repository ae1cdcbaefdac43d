"""How many threads a job may have, and that work in the background uses them all."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import pytest

from uncover import threads
from uncover.errors import InputError
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


def test_jobs_are_done_beside_the_network_and_few_wait() -> None:
    begun, go = [], threading.Event()

    def jobs() -> Iterator[Callable[[], int]]:
        for number in range(50):
            if number == 8:
                go.set()
            begun.append(number)
            yield lambda number=number: go.wait(10) and number

    results = in_background(jobs(), 8)
    # The first result is asked for only when more jobs than may wait are handed over.
    assert next(results) == 0 and len(begun) <= 10
    assert list(results) == list(range(1, 50))


def test_a_job_that_fails_is_heard_of_and_those_begun_are_finished() -> None:
    done = []

    def jobs() -> Iterator[Callable[[], int]]:
        for number in range(20):

            def job(number: int = number) -> int:
                if number == 3:
                    raise OSError(28, "No space left on device")
                done.append(number)
                return number

            yield job

    found = []
    with pytest.raises(OSError, match="No space left"):
        found.extend(in_background(jobs(), 4))
    assert {0, 1, 2} <= set(done) and 3 not in done and len(done) < 19


def test_the_network_that_fails_loses_no_job_handed_over() -> None:
    done = []

    def jobs() -> Iterator[Callable[[], None]]:
        for number in range(5):
            yield lambda number=number: done.append(number)
        raise InputError("4.jpg cannot be decoded")

    with pytest.raises(InputError, match="cannot be decoded"):
        list(in_background(jobs(), 100))
    assert sorted(done) == [0, 1, 2, 3, 4]
