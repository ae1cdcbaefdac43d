"""Tables and summaries that are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from uncover import cli
from uncover.datasets.records import read_summary, read_table
from uncover.errors import InputError


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "does not exist; make it with 'uncover labels'"), (b"no table", "is no Parquet file"), (b"", "Parquet")],
)
def test_what_is_no_table_is_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "a.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_table(path, ["x"], "labels")
    assert message in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_table_of_another_kind_names_the_missing_column(tmp_path: Path) -> None:
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet", ["x"], "labels")["x"].tolist() == [1]
    with pytest.raises(InputError, match=r"a\.parquet: no column y; expected a table of 'uncover labels'"):
        read_table(tmp_path / "a.parquet", ["x", "y"], "labels")


@pytest.mark.parametrize("content", ["", "[]", "{", json.dumps({"a": 1})])
def test_what_is_no_summary_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=r"a\.json: .*'uncover split_photos'"):
        read_summary(tmp_path / "a.json", ["a", "b"], "split_photos")


@pytest.mark.parametrize(
    "arguments",
    [
        ["table_01", "OUT", "--faces", "BAD"],
        ["table_01", "OUT", "--frames", "BAD"],
        ["table_02", "OUT", "--manifests", "BAD", "--splits", "BAD", "--published", "BAD"],
        ["table_parts", "OUT", "--faces", "BAD"],
        ["figure_15", "OUT", "--faces", "BAD", "--boxes", "BAD"],
        ["figure_16", "OUT", "--manifest", "BAD", "--boxes", "BAD"],
        ["split_photos", "BAD", "OUT", "OUT", "--split", "train=all"],
        ["label_faces", "OUT", "--set", "train", "--faces", "BAD", "--splits", "BAD"],
    ],
)
def test_every_command_that_reads_tables_refuses_what_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    bad = tmp_path / "bad"
    bad.write_text("no table")
    places = {"OUT": str(tmp_path / "out"), "BAD": str(bad)}
    assert cli.main([places.get(argument, argument) for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and str(bad) in said
    assert not (tmp_path / "out").exists()
