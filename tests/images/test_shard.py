"""Shards by their names and by their records."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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


def test_a_set_is_complete_when_all_records_of_one_split_are_there(tmp_path: Path) -> None:
    assert Shard.complete(tmp_path) is None
    (tmp_path / "shards").mkdir()
    for shard in Shard.all(3):
        assert Shard.complete(tmp_path) is None
        shard.record(tmp_path).write_text("")
    assert Shard.complete(tmp_path) == 3
    Shard(1, 1).record(tmp_path).write_text("")
    assert Shard.complete(tmp_path) is None
    Shard.forget(tmp_path, but=1)
    assert Shard.complete(tmp_path) == 1
    Shard.forget(tmp_path)
    assert Shard.recorded(tmp_path) == []
