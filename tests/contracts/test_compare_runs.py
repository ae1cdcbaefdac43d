"""What differs between two runs is told, and what differs between equal runs is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from tests.contracts import renames
from tests.contracts.compare_runs import main


def write_parquet(path: Path, values: list[float], weights: str) -> None:
    table = pa.Table.from_pandas(
        pd.DataFrame({"image": ["a.jpg", "b.jpg"], "confidence": values}), preserve_index=False
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({"uncover": json.dumps({"weights": weights, "nms_iou": 0.6})}), path)


def write_weights(path: Path, value: float, code: str = "0") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"header": json.dumps({"code": code}), "state": {"bias": torch.tensor([value, 2.0])}}, path)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A run of one file of each kind."""
    run = tmp_path / "base" / "tiny"
    for name, text in {
        "tables/table_01.csv": "row,looks\na,1\nb,2\n",
        "models/rgb1/results.csv": "epoch,loss,seconds/train\n0,1.5,0.31\n",
        "models/rgb1/summary.json": json.dumps({"seconds": 3.2, "epochs": 1, "digests": {"start": "1"}}),
        "comparison.csv": "table,ours\n01,2\n",
        "logs/train.log": "not compared",
    }.items():
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text(text, encoding="utf-8")
    (run / "figures").mkdir()
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(run / "figures" / "figure_15.png")
    write_parquet(run / "predictions" / "rgb1" / "val.parquet", [0.25, 0.5], "0" * 64)
    write_weights(run / "models" / "rgb1" / "weights.pt", 1.0)
    return run


@pytest.fixture
def other(base: Path, tmp_path: Path) -> Path:
    """The same run again, which took longer, by other code."""
    run = tmp_path / "other" / "tiny"
    shutil.copytree(base, run)
    (run / "models/rgb1/results.csv").write_text("epoch,loss,seconds/train\n0,1.5,9.9\n", encoding="utf-8")
    summary = json.dumps({"seconds": 8, "epochs": 1, "digests": {"start": "2"}})
    (run / "models/rgb1/summary.json").write_text(summary, encoding="utf-8")
    write_parquet(run / "predictions" / "rgb1" / "val.parquet", [0.25, 0.5], "1" * 64)
    write_weights(run / "models" / "rgb1" / "weights.pt", 1.0, "1")
    return run


def compared(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, list[str]]:
    capsys.readouterr()
    code = main([str(word) for word in words])
    return code, capsys.readouterr().out.splitlines()


def test_equal_runs_and_a_snapshot(base: Path, other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(capsys, base, other) == (0, ["7 of 7 files equal, 0 differ"])
    snapshot = tmp_path / "snapshot.json"
    assert compared(capsys, base, snapshot, "--freeze")[0] == 0
    assert compared(capsys, snapshot, other) == (0, ["7 of 7 files equal, 0 differ"])
    (other / "comparison.csv").write_text("table,ours\n01,3\n", encoding="utf-8")
    code, lines = compared(capsys, snapshot, other)
    assert code == 1 and lines[0] == "comparison.csv: differs from its digest in snapshot.json"


def test_each_difference_is_a_line_that_says_what_differs(
    base: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (other / "tables/table_01.csv").write_text("row,looks\na,1\nb,3\n", encoding="utf-8")
    (other / "tables/table_02.csv").write_text("row\n", encoding="utf-8")
    (other / "comparison.csv").unlink()
    picture = np.zeros((4, 5, 3), np.uint8)
    picture[1, 2] = (0, 9, 0)
    Image.fromarray(picture).save(other / "figures" / "figure_15.png")
    write_parquet(other / "predictions" / "rgb1" / "val.parquet", [0.25, 0.75], "1" * 64)
    write_weights(other / "models" / "rgb1" / "weights.pt", 1.5)
    code, lines = compared(capsys, base, other)
    assert code == 1 and lines[-1] == "2 of 8 files equal, 6 differ"
    assert lines[0] == f"comparison.csv: only in {base}"
    assert lines[1] == "figures/figure_15.png: 1 of 20 pixels, by up to 9"
    assert lines[2].startswith("models/rgb1/weights.pt: 1 lines differ, first line 2: 'tensor bias: torch.float32")
    assert "0.5}' was" in lines[3] and "0.75}' is" in lines[3]
    assert lines[4] == "tables/table_01.csv: 1 lines differ, first line 3: 'b,2' was, 'b,3' is"
    assert lines[5] == f"tables/table_02.csv: only in {other}"


def test_a_run_of_before_is_read_through_the_renames(
    base: Path, other: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (other / "tables/table_01.csv").rename(other / "tables/table_1.csv")
    (other / "tables/table_1.csv").write_text("row,views\na,1\nb,2\n", encoding="utf-8")
    assert compared(capsys, base, other)[1][-1] == "6 of 8 files equal, 2 differ"
    monkeypatch.setattr(renames, "PATHS", [("table_0", "table_")])
    monkeypatch.setattr(renames, "WORDS", [("looks", "views")])
    assert compared(capsys, base, other, "--renames") == (0, ["7 of 7 files equal, 0 differ"])
