"""Boxes that frames come with: true ones, and those that somebody detected."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from uncover.data.frame_boxes import FrameBoxes, read_frame_boxes
from uncover.errors import InputError

HEADER = "frame,second,x1,y1,x2,y2,grade,event\n"
VIDEOS = {"a": Path("there/a.mp4"), "b": Path("b.avi")}


def as_lists(found: dict[int, FrameBoxes]) -> dict[int, tuple[str, list[list[float]] | None]]:
    return {
        number: (known.grade, None if known.boxes is None else known.boxes.tolist()) for number, known in found.items()
    }


def test_a_truth_table_tells_no_face_from_no_word(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text(HEADER + "0,0.0,1,2,30.5,40,easy,still\n3,0.6,,,,,none,away\n")
    found = read_frame_boxes([table], VIDEOS)
    assert as_lists(found["a"]) == {
        0: ("easy", [[1, 2, 30.5, 40]]),
        3: ("none", []),
    }


def test_found_boxes_stay_ungraded_and_only_those_of_our_videos_count(tmp_path: Path) -> None:
    table = tmp_path / "boxes.parquet"
    rows = [("a.mp4", 7, 1.0, 2.0, 3.0, 4.0), ("a.mp4", 2, 0.0, 0.0, 9.0, 9.0), ("other.mp4", 7, 1.0, 2.0, 3.0, 4.0)]
    pd.DataFrame(rows, columns=["source", "frame", "x1", "y1", "x2", "y2"]).to_parquet(table)
    found = read_frame_boxes([table], VIDEOS)
    assert found.keys() == {"a"}
    assert as_lists(found["a"]) == {2: ("ungraded", [[0, 0, 9, 9]]), 7: ("ungraded", [[1, 2, 3, 4]])}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("c.csv", HEADER, "there is no video of this name; expected one of a, b"),
        ("a.txt", HEADER, r"expected the truth of a video \(\.csv\)"),
        ("a.csv", HEADER + "0,0,1,2,1,4,easy,still\n", "row 2: box 1 2 1 4; expected x1 below x2"),
    ],
)
def test_what_is_wrong_with_a_table_is_one_line(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_frame_boxes([tmp_path / name], VIDEOS)
    assert str(caught.value).startswith(f"{tmp_path / name}")


def test_two_tables_of_one_video_are_refused(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text(HEADER + "0,0,1,2,3,4,easy,still\n")
    with pytest.raises(InputError, match=r"two/a\.csv: another table has boxes of there/a\.mp4 already"):
        read_frame_boxes([tmp_path / "one/a.csv", tmp_path / "two/a.csv"], VIDEOS)
