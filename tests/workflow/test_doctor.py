"""The doctor says what is missing and whom to ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from uncover import cli
from uncover.config.load import check_config
from uncover.workflow.doctor import examine


def test_missing_and_present_raw_data(tmp_path: Path) -> None:
    (tmp_path / "WFLW").mkdir()
    config = check_config({"run": "a", "raw": {"folder": str(tmp_path), "wflw": "WFLW", "merl_rav": "M", "hof": "H"}})
    found = {finding.topic: finding for finding in examine(config, tmp_path)}
    assert found["wflw"].verdict == "ok"
    assert found["merl_rav"].verdict == "missing"
    assert "https://github.com/abhi1kumar/MERL-RAV_dataset" in found["merl_rav"].found
    assert "private" in found["slapi"].found
    assert "free" in found["disk"].found


def test_videos_need_true_boxes(tmp_path: Path) -> None:
    config = check_config({"run": "a", "raw": {"folder": str(tmp_path), "videos": "ward"}})

    def found() -> tuple[str, str]:
        (finding,) = (each for each in examine(config, tmp_path) if each.topic == "videos")
        return finding.verdict, finding.found

    assert found()[0] == "missing" and "ask for it" in found()[1]
    (tmp_path / "ward").mkdir()
    (tmp_path / "ward" / "a.mp4").touch()
    assert found() == ("missing", f"none with a CSV of its true boxes beside it in {tmp_path / 'ward'}")
    (tmp_path / "ward" / "a.csv").touch()
    assert found() == ("ok", f"present at {tmp_path / 'ward'}")


def test_weights_of_others_are_looked_for(tmp_path: Path) -> None:
    here = tmp_path / "here.pt"
    here.touch()
    known = {"sha256": "a" * 64}
    weights = {
        "here": {"path": str(here), **known},
        "absent": {"path": str(tmp_path / "absent.pt"), "url": "https://example.org/absent.pt", **known},
        "elsewhere": {"url": "https://example.org/elsewhere.pt", **known},
        "nowhere": {"path": None, **known},
        "unknown": {"path": str(here)},
    }
    found = {finding.topic: finding for finding in examine(check_config({"run": "a", "weights": weights}), tmp_path)}
    verdicts = {name: found[f"weights.{name}"].verdict for name in weights}
    assert verdicts == {
        "here": "ok",
        "absent": "missing",
        "elsewhere": "ok",
        "nowhere": "missing",
        "unknown": "missing",
    }
    assert "https://example.org/absent.pt" in found["weights.absent"].found
    assert "sha256" in found["weights.unknown"].found


def test_the_command_prints_a_line_a_finding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    assert cli.main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("ok") and "torch" in line for line in lines)
    assert any("TU Graz" in line for line in lines)
