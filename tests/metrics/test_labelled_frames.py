"""Boxes of videos against labels of a few of their frames, and how steady they are in all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.video_records import ASIDE, FACE, SHIFTED, write_detections
from uncover.cli import main
from uncover.errors import InputError
from uncover.metrics.labelled_frames import COLUMNS, read_frame_labels, score_labelled
from uncover.metrics.steadiness import REACH, add_steadiness, measure_steadiness

Box = tuple[float, float, float, float]
OTHER = (60.0, 75.0, 80.0, 95.0)


def write_labels(folder: Path, name: str, boxes: list[Box], words: str | None = None) -> None:
    """Of a frame of 100 x 100 pixels."""
    rows = [f"0 {(x1 + x2) / 200} {(y1 + y2) / 200} {(x2 - x1) / 100} {(y2 - y1) / 100}" for x1, y1, x2, y2 in boxes]
    for kind, text in (("labels", "".join(f"{row}\n" for row in rows)), ("classes", words)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        if text is not None:
            (folder / kind / f"{name}.txt").write_text(text)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Five labelled frames of two videos: six faces."""
    folder = tmp_path / "truth"
    write_labels(folder, "a_000", [FACE, OTHER], "infant\nadult\n")
    write_labels(folder, "a_003", [SHIFTED], "infant\n")
    write_labels(folder, "a_005", [])
    write_labels(folder, "b_1_000", [FACE], "infant\n")
    write_labels(folder, "b_1_002", [FACE, OTHER], "infant\nadult\n")
    return folder


@pytest.fixture
def ways(tmp_path: Path) -> dict[str, Path]:
    """Two videos at two frames a second, looked at in two ways."""
    plain = write_detections(tmp_path / "plain", {"a": "rr.r.r", "b_1": "r.."}, {"a": [0, 5], "b_1": [1]})
    after = write_detections(tmp_path / "after", {"a": "rrtrtr", "b_1": "rtt"}, {"a": [5]})
    return {"plain": plain, "after": after}


def by_key(rows: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    assert all(tuple(row) == COLUMNS for row in rows)
    return {(row["mode"], row["video"], row["part"]): row for row in rows}


def test_counts_are_those_by_hand(labelled: Path, ways: dict[str, Path]) -> None:
    rows = by_key(score_labelled(ways, read_frame_labels(labelled), 0.5))
    plain, after = rows["plain", "all", "all"], rows["after", "all", "all"]
    # Found: the face of a_000, a_003 and b_1_000; beside a face stands the box of a_000, and a_005 has two and no face.
    assert [plain[name] for name in ("labelled_frames", "faces", "found", "false_boxes")] == [5, 6, 3, 3]
    assert [after[name] for name in ("labelled_frames", "faces", "found", "false_boxes")] == [5, 6, 4, 2]
    assert plain["recall"] == 0.5 and plain["recall_low"] < 0.5 < plain["recall_high"]
    assert plain["false_per_frame"] == pytest.approx(3 / 5)
    assert [rows["plain", "all", part]["faces"] for part in ("infant", "adult")] == [4, 2]
    assert [rows["after", "all", part]["found"] for part in ("infant", "adult")] == [4, 0]
    assert rows["plain", "a", "all"]["found"] == 2 and rows["plain", "b_1", "infant"]["recall"] == 0.5
    # Frames with a box: 0 1 3 5 of six and 0 1 of three; all of them with tracking.
    assert plain["shown"] == pytest.approx(6 / 9) and after["shown"] == 1.0
    # Gaps: frames 2 and 4 of the first video; the second one's face does not come back.
    assert (plain["gaps"], plain["longest_gap"], after["gaps"]) == (2, 0.5, 0)
    assert plain["gap_share"] == pytest.approx(2 / (8 + 2)) and after["gap_share"] == 0
    assert plain["flicker"] == 1.0 and after["flicker"] == pytest.approx(1 / 7)


def test_a_stricter_overlap_finds_less(labelled: Path, ways: dict[str, Path]) -> None:
    """The box of a_003 overlaps its label by 35 / 45."""
    found = [
        by_key(score_labelled(ways, read_frame_labels(labelled), iou))["plain", "all", "all"]["found"]
        for iou in (0.75, 0.8)
    ]
    assert found == [3, 2]


def test_average_precision_is_that_of_all_boxes(labelled: Path, ways: dict[str, Path]) -> None:
    rows = by_key(score_labelled(ways, read_frame_labels(labelled), 0.5))
    # In a clip of one right box and no false one among its labels it is whole, as far as upstream's sums go.
    (labelled / "labels/b_1_002.txt").unlink()
    alone = by_key(score_labelled(ways, read_frame_labels(labelled), 0.5))
    assert alone["plain", "b_1", "all"]["ap50"] == pytest.approx(0.995)
    # Two of three faces behind two false boxes that are surer, and before one more: precision 1/3, 2/4, 2/5. Up to a
    # recall of 2/3 it is 2/4, and from there upstream draws a line from 2/5 to nothing.
    assert alone["plain", "a", "all"]["ap50"] == pytest.approx(2 / 4 * 2 / 3 + 2 / 5 / 3 / 2, abs=0.001)
    assert rows["plain", "b_1", "infant"]["ap50"] is None


def test_steadiness_counts_by_hand() -> None:
    second = np.arange(8) / 2
    still = [np.array([FACE])] * 8
    steady = measure_steadiness(still, second, np.full(8, 0.5))
    assert (steady.flicker, steady.gaps, steady.median_jitter, steady.shown_share) == (0.0, 0, 0.0, 1.0)
    # It moves evenly by an eighth of its side: no jitter. Back and forth by a tenth in x, and not in y.
    even = [np.array([FACE]) + 5 * number for number in range(8)]
    assert measure_steadiness(even, second, np.full(8, 0.5)).median_jitter == pytest.approx(0)
    shaking = [np.array([FACE]) + np.array([4, 0, 4, 0]) * (number % 2) for number in range(8)]
    assert measure_steadiness(shaking, second, np.full(8, 0.5)).median_jitter == pytest.approx(0.1 / 2)
    none = np.zeros((0, 4))
    two = np.array([FACE, ASIDE])
    # The second face is missing in the third frame, the first one in frames 5 and 6.
    gone = [two, two, two[:1], two, two, two[1:], two[1:], two[::-1]]
    found = measure_steadiness(gone, second / 2, np.full(8, 0.25))
    assert (found.gaps, found.missing, found.longest_gap, found.changes, found.shown) == (2, 3, 0.5, 4, 8)
    # What comes back later than that is another face, and no gap.
    late = [two[:1], *[none] * 6, two[:1]]
    assert measure_steadiness(late, second, np.full(8, 0.5)).gaps == 0 and second[7] > REACH
    assert measure_steadiness(late, second / 10, np.full(8, 0.05)).gaps == 1
    assert add_steadiness([found, steady]).shown_share == 1.0 and add_steadiness([found, steady]).pairs == 14
    empty = measure_steadiness([none] * 3, second[:3], np.full(3, 0.5))
    assert (empty.gap_share, empty.median_jitter, empty.flicker) == (None, None, 0.0)


def test_the_command_writes_a_record(
    labelled: Path, ways: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scores.csv"
    words = [f"{name}={folder}" for name, folder in ways.items()]
    write_labels(labelled, "c_000", [FACE])
    (labelled / "notes.csv").touch()
    assert main(["evaluate", "videos", str(out), "--truth", str(labelled), "--detections", *words]) == 0
    told = capsys.readouterr()
    assert "3/6" in told.out and "4/6" in told.out
    assert "c: has labels, but no detections" in told.err
    table = pd.read_csv(out)
    assert tuple(table.columns) == COLUMNS and len(table) == 2 * 3 * 3


@pytest.mark.parametrize(
    ("name", "boxes", "words", "why"),
    [
        ("a_009", [FACE], None, "labelled frame 9 was not processed"),
        ("first", [FACE], None, "expected <video>_<frame number>.txt"),
        ("a_001", [FACE, OTHER], "infant", "1 rows for 2 faces"),
        ("a_001", [(90.0, 10.0, 90.0, 20.0)], None, "row 1"),
    ],
)
def test_what_does_not_fit_is_told(
    labelled: Path, ways: dict[str, Path], name: str, boxes: list[Box], words: str | None, why: str
) -> None:
    write_labels(labelled, name, boxes, words)
    with pytest.raises(InputError, match=why):
        score_labelled(ways, read_frame_labels(labelled), 0.5)


def test_frames_of_the_record_need_true_boxes_of_all(labelled: Path, ways: dict[str, Path], tmp_path: Path) -> None:
    words = [
        "--truth",
        str(labelled),
        "--detections",
        f"plain={ways['plain']}",
        "--frames",
        str(tmp_path / "f.parquet"),
    ]
    assert main(["evaluate", "videos", str(tmp_path / "scores.csv"), *words]) == 2
    assert not (tmp_path / "scores.csv").exists()
