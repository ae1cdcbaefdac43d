"""Tables 10 and 11: frames by grade of occlusion, found and missed, and missed ones with a heatmap."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.report import records
from tests.report.second_records import faces, predictions, write_boxes, write_evaluation, write_labels, write_list
from uncover.cli import main
from uncover.data.blocks import Block, Blocks
from uncover.metrics.evaluation import evaluate

GRADES = ["No Occl", "Easy", "Medium", "Hard"]
IMAGES = ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]


def read(root: Path, name: str) -> tuple[pd.DataFrame, str]:
    texts = {suffix: (root / "out" / f"{name}.{suffix}").read_text(encoding="utf-8") for suffix in ("csv", "md", "tex")}
    assert not any(word in text for text in texts.values() for word in ("nan", "NaN", "None", "<NA>"))
    return pd.read_csv(root / "out" / f"{name}.csv"), texts["md"]


def test_scores_and_counts_stand_beside_the_thesis_s_by_grade(tmp_path: Path) -> None:
    found = [("0.jpg", 0.9, True), ("1.jpg", 0.5, True)]
    paths = [
        write_evaluation(tmp_path / "slapi_hard" / "whole_face", IMAGES, found),
        write_evaluation(tmp_path / "slapi_none" / "whole_face", [], []),
    ]
    out = str(tmp_path / "out")
    assert main(["table_10", out, "--summaries", *paths, "--published", str(records.PUBLISHED)]) == 0
    frame, text = read(tmp_path, "table_10")
    assert list(frame.columns[:7]) == ["Set", "Count", "P", "R", "F1", "mAP50", "mAP50_95"]
    assert frame["Set"].tolist() == GRADES
    # Two of four faces found, and nothing else.
    assert frame.loc[3, ["Count", "P", "R", "F1"]].tolist() == pytest.approx([4, 1, 0.5, 2 / 3], abs=1e-3)
    assert frame.loc[3, ["Count_published", "F1_published"]].tolist() == [210, 0.331]
    assert "| No Occl | 0 | n/a | n/a | n/a | n/a | n/a | n/a | 0 |\n| – thesis | 10 | 0.989 |" in text
    assert "Not in this run: Easy, Medium." in text


def test_what_intervals_take_as_independent_is_told(tmp_path: Path) -> None:
    found = [("0.jpg", 0.9, True), ("1.jpg", 0.5, True)]
    infants = {image: Block("x" if number < 2 else "y", "infant") for number, image in enumerate(IMAGES)}
    paths = []
    for name, blocks in (("slapi_easy", None), ("slapi_medium", Blocks(infants))):
        evaluated = evaluate(predictions(IMAGES, found), faces(IMAGES), ["whole face"], 20, blocks=blocks)
        evaluated.write(tmp_path / name / "whole_face")
        paths.append(str(tmp_path / name / "whole_face/summary.json"))
    out = str(tmp_path / "out")
    assert main(["table_10", out, "--summaries", *paths[:1], "--published", str(records.PUBLISHED)]) == 0
    text = read(tmp_path, "table_10")[1]
    assert "Intervals: 95 %, bootstrap over photos, 20 resamples." in text
    assert "Intervals treat photos as independent, because no blocks.csv states which belong together" in text
    assert main(["table_10", out, "--summaries", *paths[:2], "--published", str(records.PUBLISHED)]) == 0
    frame, text = read(tmp_path, "table_10")
    assert "bootstrap over photos or blocks of photos, 20 resamples." in text
    assert "Photos of one infant are similar, so intervals resample them as one block: Medium 2 (infant)." in text
    assert "Easy: intervals treat photos as independent" in text and "Fewer than 10 blocks: Medium" in text
    # All found, or none: of two infants only 0, a half and 1 can be drawn.
    assert frame.loc[2, ["R", "R_low", "R_high"]].tolist() == [0.5, 0, 1]


def frames(root: Path) -> list[str]:
    """Easy: found, found in the wrong place, found less surely, missed; hard: two missed frames without labels."""
    boxes = [
        ("0.jpg", 0.9, True),
        ("1.jpg", 0.8, False),
        ("2.jpg", 0.5, True),
        ("2.jpg", 0.45, True),
        ("3.jpg", 0.3, True),
    ]
    surest = {"0.jpg": 0.9, "1.jpg": 0.8, "2.jpg": 0.5, "3.jpg": 0.3}
    drawn = {"gradcampp": [True, True, True, False], "hirescam_t1": [True] * 4, "drawn_boxes": [True] * 4}
    hard = {"8.jpg": 0.1, "9.jpg": 0.0}
    (root / "data" / "slapi_hard").mkdir(parents=True)
    return [
        "--predictions",
        write_boxes(root / "rgb10" / "slapi_easy.parquet", IMAGES, boxes),
        write_boxes(root / "rgb10" / "slapi_hard.parquet", list(hard), [("8.jpg", 0.1, True)]),
        "--datasets",
        write_labels(root / "data" / "slapi_easy", IMAGES),
        str(root / "data" / "slapi_hard"),
        "--missed",
        write_list(root / "missed" / "slapi_easy.csv", surest, **drawn),
        write_list(root / "missed" / "slapi_hard.csv", hard, faces=None, gradcampp=[True, True]),
    ]


def test_found_and_missed_frames_and_their_maps_are_counted(tmp_path: Path) -> None:
    arguments = [*frames(tmp_path), "--confidence", "0.4", "--published", str(records.PUBLISHED)]
    assert main(["table_11", str(tmp_path / "out"), *arguments]) == 0
    frame, text = read(tmp_path, "table_11")
    thesis = ["Set", "Total", "Correct", "Lowest conf", "Remaining", "Non-empty heatmaps"]
    assert list(frame.columns[:6]) == thesis and frame["Set"].tolist() == GRADES
    # The second box on the third face is no further correct one; the first face is the surest, the third the least.
    assert frame.loc[1, thesis].tolist() == ["Easy", 4, 2, 0.5, 1, 0]
    others = ["Faces", "Detections", "Correct detections", "Non-empty heatmaps, HiResCAM T1"]
    assert frame.loc[1, others].tolist() == [4, 4, 2, 1]
    assert not [name for name in frame if "drawn" in name]
    assert frame.loc[1, "Remaining_published"] == 15 and frame.loc[3, "Non-empty heatmaps_published"] == 32
    assert "| Hard | 2 | n/a | n/a | 2 | 2 | n/a | 0 | n/a | n/a |" in text
    assert "so correctness is unknown: Hard." in text and "Not in this run: No Occl, Medium." in text


def test_a_set_that_is_empty_has_zeros(tmp_path: Path) -> None:
    (tmp_path / "slapi_none" / "labels").mkdir(parents=True)
    arguments = ["--predictions", write_boxes(tmp_path / "slapi_none.parquet", [], [])]
    arguments += ["--datasets", str(tmp_path / "slapi_none")]
    arguments += ["--missed", write_list(tmp_path / "slapi_none.csv", {}, gradcampp=[])]
    assert main(["table_11", str(tmp_path / "out"), *arguments, "--published", str(records.PUBLISHED)]) == 0
    assert "| No Occl | 0 | 0 | n/a | 0 | 0 | 0 | 0 | 0 |" in read(tmp_path, "table_11")[1]


def test_records_of_different_sets_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = frames(tmp_path)
    end = ["--published", str(records.PUBLISHED)]
    assert main(["table_11", str(tmp_path / "out"), *arguments[:-1], *end]) == 2
    assert "expected one file of predictions, one data set and one list of missed" in capsys.readouterr().err
    write_list(tmp_path / "missed" / "slapi_hard.csv", {"7.jpg": 0.1, "9.jpg": 0.0}, gradcampp=[True, True])
    assert main(["table_11", str(tmp_path / "out"), *arguments, *end]) == 2
    assert "expected records of the same set" in capsys.readouterr().err
    assert main(["table_11", str(tmp_path / "out"), *arguments, *end, "--confidence", "0.0001"]) == 2
    assert "was stored at confidence 0.001" in capsys.readouterr().err
