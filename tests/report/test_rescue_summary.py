"""The rescue summary: all rows for programs, and for people a table per set."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from uncover.cli import main
from uncover.report.rescue_names import set_title
from uncover.rescue.trial import COLUMNS, write_trial

EASY = set_title("slapi_easy")
Cells = dict[str, object]


def cut(
    set_name: str, method: str, group: str, rate: float, threshold: str, share: float | None, **others: object
) -> Cells:
    """A row of the trial: ten photos with ten faces, unless told otherwise."""
    row: Cells = dict.fromkeys(COLUMNS)
    row |= {"set": set_name, "method": method, "group": group, "fp_per_photo": rate, "threshold": threshold}
    row |= {"confidence": 0.2, "photos": 10, "blank": 0.0, "attained": True, "detected": 4}
    if share is not None:
        row |= {"faces": 10, "found": round(10 * share), "false_boxes": 2, "false_per_photo": 0.2}
        row |= {"share": share, "share_low": share - 0.1, "share_high": share + 0.1}
        row |= {"precision": 0.75, "precision_low": 0.5, "precision_high": 0.9}
        row |= {"difference": share - 0.5, "difference_low": share - 0.6, "difference_high": share - 0.4}
    return row | others


def trial(root: Path) -> Path:
    """Easy frames with labels, Hand Over Face without; written in an order that is not the report's."""
    rows = []
    for rate in (0.1, 0.25, 0.5):
        for way, less in (("val", 0.05), ("set", 0.0)):
            rows += [
                cut("slapi_easy", "box_fusion", "ours", rate, way, 0.4 + rate - less),
                cut("slapi_easy", "lower_threshold", "baseline", rate, way, 0.5),
                cut("slapi_easy", "hirescam_avg", "heatmaps", rate, way, 0.2 + rate - less, blank=0.3),
            ]
        rows.append(cut("hof", "hirescam_avg", "heatmaps", rate, "val", None, attained=rate > 0.1, blank=0.4))
    rows[3] |= {"attained": False, "confidence": None}
    write_trial(root / "rescue_trial.csv", rows)
    return root / "rescue_trial.csv"


def write(root: Path, path: Path, *words: str) -> str:
    assert main(["rescue_summary", str(root / "out"), "--trial", str(path), *words]) == 0
    texts = [(root / "out" / f"rescue_summary.{suffix}").read_text(encoding="utf-8") for suffix in ("csv", "md", "tex")]
    assert not any(word in text for text in texts for word in ("nan", "NaN", "None"))
    return texts[1]


def test_people_see_a_table_per_set_with_the_thesis_s_detectors_first(tmp_path: Path) -> None:
    text = write(tmp_path, trial(tmp_path))
    hof, easy = text.index("Hand Over Face (10 missed photos, not labelled)"), text.index(EASY)
    assert hof < easy and "(10 missed photos, 10 faces in them)" in text
    lines = text[easy:].splitlines()
    assert lines[2] == (
        "| Kind | Method | Found at 0.1 | Found at 0.25 | Found at 0.5 | From val at 0.25 | Precision at 0.25"
        " | Gain at 0.25 | Blank |"
    )
    assert lines[4] == (
        "| thesis | HiResCAM (avg) | 0.30 [0.20, 0.40] | 0.45 [0.35, 0.55] | 0.70 [0.60, 0.80]"
        " | 0.40 [0.30, 0.50] (0.20) | 0.75 [0.50, 0.90] | -0.05 [-0.15, +0.05] | 0.30 |"
    )
    assert lines[5].startswith("| no heatmap | RGB 10 classes, lower threshold | 0.50 [0.40, 0.60] |")
    assert lines[5].endswith("| – | 0.00 |")
    # No threshold of ours gives as few as 0.1 false boxes.
    assert lines[6].startswith("| ours | Box fusion of both RGB models | 0.50 [0.40, 0.60]* | 0.65 ")
    assert "+0.15 [+0.05, +0.25]" in lines[6]


def test_a_set_without_labels_shows_detections_alone(tmp_path: Path) -> None:
    text = write(tmp_path, trial(tmp_path))
    part = text[: text.index(EASY)]
    assert "| Kind | Method | Detected at 0.1 | Detected at 0.25 | Detected at 0.5 | Blank |" in part
    assert "| thesis | HiResCAM (avg) | 4* | 4 | 4 | 0.40 |" in part
    assert "detections, which may be wrong" in part


def test_programs_get_all_rows_in_order(tmp_path: Path) -> None:
    path = trial(tmp_path)
    write(tmp_path, path)
    frame = pd.read_csv(tmp_path / "out" / "rescue_summary.csv")
    assert tuple(frame.columns) == COLUMNS and len(frame) == len(pd.read_csv(path)) == 21
    assert frame["set"].drop_duplicates().tolist() == ["hof", "slapi_easy"]
    easy = frame[frame["set"] == "slapi_easy"]
    assert easy["method"].drop_duplicates().tolist() == ["hirescam_avg", "lower_threshold", "box_fusion"]
    assert easy["fp_per_photo"].tolist()[:3] == [0.1, 0.25, 0.5]


def test_nothing_missed_and_nothing_tried_leave_no_gap(tmp_path: Path) -> None:
    nothing = {"photos": 0, "faces": 0, "found": 0, "false_boxes": 0, "detected": 0, "blank": None}
    row = cut("merl", "one_class", "baseline", 0.3, "set", None, **nothing)
    write_trial(tmp_path / "none.csv", [row])
    text = write(tmp_path, tmp_path / "none.csv")
    assert "No missed photo, so no face to find: MERL-RAV test photos." in text
    write_trial(tmp_path / "one.csv", [row, cut("wflw", "one_class", "baseline", 0.25, "set", 0.5)])
    text = write(tmp_path, tmp_path / "one.csv")
    assert text.count("# Rescue summary: ") == 1 and "no face to find: MERL-RAV test photos." in text
    write_trial(tmp_path / "empty.csv", [])
    assert "The trial of this run has no set." in write(tmp_path, tmp_path / "empty.csv")


def test_what_the_intervals_draw_is_told_by_set(tmp_path: Path) -> None:
    infants = {"blocks": 4, "block_kind": "infant", "alone": 1}
    rows = [
        cut("slapi_easy", "one_class", "baseline", 0.25, "set", 0.5, **infants),
        cut("merl", "one_class", "baseline", 0.25, "set", 0.5),
    ]
    write_trial(tmp_path / "some.csv", rows)
    text = write(tmp_path, tmp_path / "some.csv")
    assert "Graded frames, easy 4 (infant, 1 of them single photos of unknown infant)" in text
    assert (
        "MERL-RAV test photos: intervals treat photos as independent, because no blocks.csv states which belong" in text
    )
    assert text.count("treat photos as independent") == 1 and "Fewer than 10 blocks: " in text
    assert "Intervals treat photos as independent" in write(tmp_path, trial(tmp_path))


def test_detectors_of_others_stand_after_what_needs_no_heatmap_run_or_not(tmp_path: Path) -> None:
    path = trial(tmp_path)
    before = pd.read_csv(path)
    more = [cut("slapi_easy", "viola_jones", "detector", 0.25, way, 0.3) for way in ("val", "set")]
    write_trial(path, [*before.astype(object).where(before.notna(), None).to_dict("records"), *more])
    text = write(tmp_path, path, "--not-run", "retinaface=no weights", "mtcnn=not wanted")
    easy = [line.split(" | ")[:3] for line in text[text.index(EASY) :].splitlines()[4:10]]
    assert easy == [
        ["| thesis", "HiResCAM (avg)", "0.30 [0.20, 0.40]"],
        ["| no heatmap", "RGB 10 classes, lower threshold", "0.50 [0.40, 0.60]"],
        ["| baseline detectors", "Viola-Jones", "n/a"],
        ["| baseline detectors", "MTCNN", "not run"],
        ["| baseline detectors", "RetinaFace", "not run"],
        ["| ours", "Box fusion of both RGB models", "0.50 [0.40, 0.60]*"],
    ]
    assert text.count("Not run: MTCNN: not wanted; RetinaFace: no weights.") == 1
    assert "| baseline detectors | MTCNN | not run | not run | not run | not run |" in text[: text.index(EASY)]
    frame = pd.read_csv(tmp_path / "out" / "rescue_summary.csv")
    absent = frame[frame["threshold"] == "not run"]
    assert len(frame) == len(before) + 2 + 4 and absent["group"].unique().tolist() == ["detector"]
    assert absent[["set", "method"]].values.tolist() == [
        [name, method] for name in ("hof", "slapi_easy") for method in ("mtcnn", "retinaface")
    ]
    # Programs still read numbers as numbers, and whole ones as they were.
    assert all(pd.api.types.is_numeric_dtype(frame[name]) for name in ("confidence", "found", "share", "detected"))
    text = (tmp_path / "out" / "rescue_summary.csv").read_text(encoding="utf-8")
    assert "lower_threshold,baseline,0.25,set,0.2,10," in text


def test_a_detector_that_was_tried_cannot_be_one_that_was_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_trial(tmp_path / "one.csv", [cut("merl", "mtcnn", "detector", 0.25, "set", 0.5)])
    words = ["rescue_summary", str(tmp_path / "out"), "--trial", str(tmp_path / "one.csv"), "--not-run", "mtcnn=x"]
    assert main(words) == 2
    assert "--not-run mtcnn: " in capsys.readouterr().err


def test_a_stranger_s_record_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_trial(tmp_path / "strange.csv", [cut("merl", "x", "miracle", 0.1, "set", 0.5)])
    assert main(["rescue_summary", str(tmp_path / "out"), "--trial", str(tmp_path / "strange.csv")]) == 2
    assert "group 'miracle'; expected heatmaps, variant, baseline, detector, control, ours" in capsys.readouterr().err
