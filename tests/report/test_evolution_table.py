"""Table 3: the best generation's hyperparameters, the thesis's, and those that were used."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.report import records
from uncover.cli import main
from uncover.config.detectors import Hyperparameters

BASE = Hyperparameters().model_dump()
CHILD = BASE | {"lr0": 0.0123, "hsv_h": 0.016, "lrf": 0.0098, "anchors": 3.2}


def write_records(root: Path, used: dict[str, float | None], best: int = 1) -> list[str]:
    """A training's summary and an evolution of two generations; arguments of the command."""
    (root / "summary.json").write_text(
        json.dumps({"settings": {"optimizer": "SGD", "hyperparameters": used}, "best_epoch": 3})
    )
    history = [
        {"generation": number, "parent": parent, "epochs": 3, "fitness": fitness, **values}
        for number, parent, fitness, values in ((0, None, 0.31, BASE), (1, 0, 0.3456, CHILD))
    ]
    pd.DataFrame(history).to_csv(root / "history.csv", index=False)
    record = {"generation": best, "fitness": 0.3456, "hyperparameters": CHILD}
    (root / "best.json").write_text(json.dumps(record))
    paths = {name: str(root / f"{name}") for name in ("summary.json", "history.csv", "best.json")}
    evolution = ["--history", paths["history.csv"], "--best", paths["best.json"]]
    published = ["--published", str(records.PUBLISHED)]
    return ["table_03", str(root / "out"), "--training", paths["summary.json"], *published, *evolution]


def test_the_thesis_s_rows_come_first_and_then_what_else_evolved(tmp_path: Path) -> None:
    assert main(write_records(tmp_path, used=CHILD)) == 0
    frame = pd.read_csv(tmp_path / "out" / "table_03.csv", dtype=str).set_index("Hyperparameter")
    assert list(frame.columns) == ["Value", "Value_published", "Used"]
    assert list(frame.index) == [
        "Starting lr", "Optimizer", "IoU threshold", "Hue", "Value", "Saturation", "Translation", "Scale",
        "lrf", "anchors",
    ]  # fmt: skip
    assert frame.loc["Starting lr"].tolist() == ["0.0123", "0.0072", "0.0123"]
    assert frame.loc["Optimizer"].tolist() == ["SGD", "SGD", "SGD"]
    assert frame.loc["Hue", ["Value", "Value_published"]].tolist() == ["0.016", "0.0107"]
    assert frame.loc["Saturation", "Value"] == str(BASE["hsv_s"])
    assert frame.loc["anchors", "Value"] == "3.2" and pd.isna(frame.loc["anchors", "Value_published"])
    text = (tmp_path / "out" / "table_03.md").read_text(encoding="utf-8")
    assert "| Hyperparameter | Value | Thesis | rgb10 trained with |" in text
    assert "| anchors | 3.2 | n/a | 3.2 |" in text
    assert "Best of 2 generations, counted from 0: generation 1, fitness 0.3456" in text
    assert "rgb10 was trained with the values of the best generation." in text
    same = next(line for line in text.splitlines() if "Equal in all generations" in line)
    assert "momentum 0.937" in same and "lr0" not in same and "optimizer" not in same


def test_settings_that_are_not_the_evolved_ones_are_told(tmp_path: Path) -> None:
    assert main(write_records(tmp_path, used=BASE)) == 0
    frame = pd.read_csv(tmp_path / "out" / "table_03.csv", dtype=str).set_index("Hyperparameter")
    assert frame.loc["Starting lr", ["Value", "Used"]].tolist() == ["0.0123", "0.01"]
    text = (tmp_path / "out" / "table_03.md").read_text(encoding="utf-8")
    assert "trained with the settings of the config, not with these values: 4 values differ" in text
    assert "| anchors | 3.2 | n/a | n/a |" in text


def test_without_evolution_the_table_says_so(tmp_path: Path) -> None:
    arguments = write_records(tmp_path, used=BASE)
    assert main(arguments[: arguments.index("--history")]) == 0
    frame = pd.read_csv(tmp_path / "out" / "table_03.csv")
    assert len(frame) == 8 and frame["Value"].isna().all()
    assert "This run has no evolution" in (tmp_path / "out" / "table_03.md").read_text(encoding="utf-8")


def test_records_that_do_not_fit_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = write_records(tmp_path, used=BASE, best=7)
    assert main(arguments) == 2
    assert "no generation 7, which best.json names" in capsys.readouterr().err
    assert main(arguments[: arguments.index("--best")]) == 2
    assert "--history and --best belong together" in capsys.readouterr().err
    (tmp_path / "summary.json").write_text('{"settings": {}}')
    assert main(arguments) == 2
    assert "expected optimizer and hyperparameters" in capsys.readouterr().err
