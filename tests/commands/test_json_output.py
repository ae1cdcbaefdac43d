"""`--json` of commands that really run: what it says agrees with the files that they wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from detector_commands import CPU, QUICK
from heatmaps_commands import words

from uncover.cli import main
from uncover.metrics.predictions import read_predictions

if TYPE_CHECKING:
    from detector_commands import Good


def ask(capsys: pytest.CaptureFixture[str], *given: object, code: int = 0) -> dict[str, Any]:
    """The JSON object of a command."""
    capsys.readouterr()
    assert main([*map(str, given), "--json"]) == code
    values = json.loads(capsys.readouterr().out)
    assert values["exit_code"] == code and given[0] == values["command"].split()[0]
    return values


def test_predict_and_evaluate(good: Good, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "p.parquet"
    values = ask(capsys, "predict", good.data / "val", table, "--weights", good.weights, *CPU, "--format", "csv")
    stored = read_predictions(table)
    counts = {"boxes": len(stored.boxes), "images": 4, "images_with_boxes": stored.boxes["image"].nunique()}
    assert values["outputs"] == [{"path": str(tmp_path / f"p.{kind}"), **counts} for kind in ("parquet", "csv")]
    assert values["settings"]["image_size"] == 64
    scores = ask(
        capsys, "evaluate", table, "--labels", good.data / "val", "--bootstrap", 0, "--out", tmp_path / "scores"
    )
    assert scores["outputs"][0]["path"] == str(tmp_path / "scores")
    assert scores.items() >= json.loads((tmp_path / "scores/summary.json").read_text()).items()
    missing = ask(capsys, "evaluate", tmp_path / "no.parquet", "--labels", good.data / "val", code=2)
    assert missing["error"].startswith(f"{tmp_path / 'no.parquet'}: does not exist") and missing["outputs"] == []


def test_heatmaps(good: Good, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = ask(capsys, "heatmaps", *words(good, good.data / "val", tmp_path / "maps"))
    for output in values["outputs"]:
        manifest = pd.read_parquet(Path(output["path"]) / "manifest.parquet")
        assert output["images"] == output["made"] == len(manifest) == 4
        blank = sum(status != "map" for own in manifest["status"] for status in list(own)[:-1])
        assert output["blank"] == blank and output["maps"] >= 4
    assert len(values["outputs"]) == 2


def test_train(good: Good, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = ask(capsys, "train", good.data, tmp_path / "out", *QUICK, "epochs=1")
    assert values["outputs"] == [{"path": str(tmp_path / "out/weights.pt")}]
    assert values["summary"] == json.loads((tmp_path / "out/summary.json").read_text())
