"""`uncover evolution_history`, and what `uncover evolve_generation` refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from uncover import cli
from uncover.config.detectors import Hyperparameters
from uncover.yolov5.evolution import Generation, write_generation


def record(folder: Path, generation: int, fitness: float) -> str:
    values = Hyperparameters(lr0=0.01 + 0.001 * generation).model_dump()
    parent = None if generation == 0 else 0
    write_generation(
        folder / f"{generation}.json", Generation(generation, parent, values, 2, 0.5, 0.5, 0.5, 0.5, fitness)
    )
    return str(folder / f"{generation}.json")


def test_history(tmp_path: Path) -> None:
    records = [record(tmp_path, number, fitness) for number, fitness in ((2, 0.4), (0, 0.3), (1, 0.4))]
    history, best = tmp_path / "history.csv", tmp_path / "best.json"
    assert cli.main(["evolution_history", str(history), str(best), *records]) == 0
    with history.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["generation"], row["parent"], row["fitness"], row["lr0"]) for row in rows] == [
        ("0", "", "0.3", "0.01"),
        ("1", "0", "0.4", "0.011"),
        ("2", "0", "0.4", "0.012"),
    ]
    assert json.loads(best.read_text())["generation"] == 1
    assert json.loads(best.read_text())["hyperparameters"]["lr0"] == 0.011


def test_a_missing_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = [str(tmp_path / "history.csv"), str(tmp_path / "best.json")]
    assert cli.main(["evolution_history", *out, str(tmp_path / "7.json")]) == 2
    assert "7.json: does not exist; make it with 'uncover evolve_generation'" in capsys.readouterr().err
    assert not (tmp_path / "history.csv").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--generation", "-1"], "--generation -1: expected 0 or more"),
        (["--generation", "1", "--evolution", "generation=3"], "did you mean generations?"),
        (["--generation", "1", "--evolution", "space.lr9=[1, 0, 1]"], "key space.lr9 is unknown"),
    ],
)
def test_bad_words(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert cli.main(["evolve_generation", str(tmp_path), str(tmp_path / "out.json"), *words]) == 2
    assert message in capsys.readouterr().err
