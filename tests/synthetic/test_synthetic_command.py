"""The command: one folder, one record, repeatable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from uncover.cli import main


def test_record_is_repeatable(tmp_path: Path) -> None:
    for name in ("a", "b"):
        words = ["--frames", "2", "--size", "64", "--seed", "5"]
        assert main(["make_synthetic", "hof", str(tmp_path / name), *words]) == 0
    records = [(tmp_path / name / "synthetic.json").read_text() for name in ("a", "b")]
    assert records[0] == records[1]
    record = json.loads(records[0])
    assert record["layout"] == "hof" and record["counts"] == {"photos": 2, "faces": 2}
    assert record["arguments"] == {"frames": 2, "size": 64, "seed": 5} and len(record["sha256"]) == 64


def test_a_count_of_another_layout_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make_synthetic", "slapi", str(tmp_path / "out"), "--train", "3"]) == 2
    assert "--train: not for slapi" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_videos_are_counted_by_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = ("--infants", "1", "--seconds", "1", "--rate", "2", "--size", "64")
    assert main(["make_synthetic", "videos", str(out), *words]) == 0
    record = json.loads((out / "synthetic.json").read_text())
    assert record["arguments"] == {"infants": 1, "seconds": 1, "rate": 2, "size": 64, "seed": 1}
    assert record["counts"] | {"faces": 0} == {"videos": 1, "frames": 2, "faces": 0}
    assert capsys.readouterr().out == f"{out}: 1 videos, 2 frames, {record['counts']['faces']} faces\n"
