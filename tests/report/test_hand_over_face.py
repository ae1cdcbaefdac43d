"""Faces found in Hand Over Face: frames counted, intervals, and what the thesis counted."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.report import records
from tests.rescue.sets import STATED
from uncover.cli import main
from uncover.metrics.predictions import Predictions, write_predictions

NAMES = {2: "whole face", 9: "mouth"}


def write(path: Path, boxes: list[tuple[str, int, float]], frames: int = 4, confidence: float = 0.001) -> str:
    """Predictions on frames "0.png", "1.png" ...: (frame, class id, confidence) of each box."""
    table = pd.DataFrame(boxes, columns=["image", "class_id", "confidence"])
    table = table.assign(x1=1.0, y1=1.0, x2=9.0, y2=9.0, **{"class": table["class_id"].map(NAMES)})
    images = pd.DataFrame({"image": [f"{number}.png" for number in range(frames)], "width": 20, "height": 20})
    settings = {"confidence": confidence, **STATED, "classes": {str(key): name for key, name in NAMES.items()}}
    write_predictions(path, Predictions(table, images, settings))
    return str(path)


def run(root: Path, *paths: str, confidence: str = "0.4") -> int:
    arguments = ["--predictions", *paths, "--confidence", confidence, "--published", str(records.PUBLISHED)]
    return main(["table_hof", str(root / "out"), *arguments])


def test_frames_with_a_sure_whole_face_are_counted_once(tmp_path: Path) -> None:
    ten = write(
        tmp_path / "rgb10" / "hof.parquet",
        [("0.png", 2, 0.9), ("0.png", 2, 0.5), ("1.png", 2, 0.4), ("2.png", 2, 0.39), ("3.png", 9, 0.99)],
    )
    one = write(tmp_path / "rgb1" / "hof.parquet", [("2.png", 2, 0.8)])
    assert run(tmp_path, one, ten) == 0
    frame = pd.read_csv(tmp_path / "out" / "table_hof.csv")
    assert list(frame.columns[:4]) == ["Model", "Frames", "Detected", "Share"]
    assert frame.iloc[:, :4].values.tolist() == [["rgb10", 4, 2, 0.5], ["rgb1", 4, 1, 0.25]]
    # By hand, z = 1.96: 0.5 -+ 1.96 / (1 + 0.96) * sqrt(0.25 / 4 + 3.84 / 64)
    assert frame.loc[0, ["Share_low", "Share_high"]].tolist() == pytest.approx([0.1500, 0.8500], abs=5e-4)
    published = frame[["Frames_published", "Detected_published", "Share_published"]]
    assert published.values.tolist() == [[4384, 3985, pytest.approx(0.909)], [4384, 3701, pytest.approx(0.844)]]
    text = (tmp_path / "out" / "table_hof.md").read_text(encoding="utf-8")
    assert (
        "| rgb10 | 4 | 2 | 0.500 |\n| – 95 % interval |  |  | 0.150–0.850 |\n| – thesis | 4384 | 3985 | 0.909 |" in text
    )
    assert "confidence 0.4 or more. NMS at IoU 0.6" in text
    assert "the thesis misses 399 frames (4384 - 3985); section 4.5.2: 400." in text


def test_frames_of_one_person_are_worth_less(tmp_path: Path) -> None:
    path = write(tmp_path / "rgb10" / "hof.parquet", [("0.png", 2, 0.9), ("1.png", 2, 0.5)])
    assert run(tmp_path, path) == 0
    plain = pd.read_csv(tmp_path / "out" / "table_hof.csv").iloc[0]
    assert "Intervals treat photos as independent" in (tmp_path / "out" / "table_hof.md").read_text(encoding="utf-8")
    (tmp_path / "hof").mkdir()
    (tmp_path / "hof" / "blocks.csv").write_text("image,person\n0.png,a\n1.png,a\n2.png,b\n3.png,b\n")
    assert run(tmp_path, path, "--dataset", str(tmp_path / "hof")) == 0
    own = pd.read_csv(tmp_path / "out" / "table_hof.csv").iloc[0]
    assert own["Share"] == plain["Share"] == 0.5
    assert own["Share_low"] < plain["Share_low"] and own["Share_high"] > plain["Share_high"]
    text = (tmp_path / "out" / "table_hof.md").read_text(encoding="utf-8")
    assert "intervals resample them as one block: the frames 2 (person)." in text and "Fewer than 10 blocks" in text


def test_predictions_that_begin_too_high_or_of_another_model_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "rgb10" / "hof.parquet", [("0.png", 2, 0.9)], confidence=0.5)
    assert run(tmp_path, path) == 2
    assert "was stored at confidence 0.5; expected 0.4 or less" in capsys.readouterr().err
    assert run(tmp_path, write(tmp_path / "hirescam_10" / "hof.parquet", [("0.png", 2, 0.9)])) == 2
    assert "is in folder hirescam_10; expected one file in each of rgb10, rgb1" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
