"""Shards by their names, and work that is done beside the network."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from uncover.cam.shards import in_background
from uncover.errors import InputError
from uncover.images.inputs import Shard


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1.0/2", "1 / 2"])
def test_no_shard(text: str) -> None:
    with pytest.raises(InputError, match=f"--shard {re.escape(text)}: expected"):
        Shard.parse(text)


def test_shards_are_known_by_their_records(tmp_path: Path) -> None:
    assert Shard.parse("2/3") == Shard(2, 3) and Shard.recorded(tmp_path) == []
    given = [Shard(10, 11), Shard(2, 11), Shard(1, 2)]
    (tmp_path / "shards").mkdir()
    for shard in given:
        shard.record(tmp_path).write_text("")
    # What a killed process has left of a record is none.
    for name in (".1-of-11.99.tmp.parquet", "1-of-11.csv", "notes.parquet"):
        (tmp_path / "shards" / name).write_text("")
    found = Shard.recorded(tmp_path)
    assert len(found) == 3 and set(found) == set(given)


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
