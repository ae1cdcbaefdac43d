"""A table of true boxes written by hand, each of its rows spoilt in turn; and boxes that somebody detected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from uncover.data.video_truth import FrameBoxes, read_frame_boxes, read_video_truth
from uncover.errors import InputError

HEADER = "frame,second,x1,y1,x2,y2,grade,event"
GOOD = ["0,0.0,10,20.5,30,41,none,still", "1,0.2,,,,,none,away", "4,0.8,0,1,2,3,hard,nurse"]


def write(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_rows_come_back_in_types_of_their_own(tmp_path: Path) -> None:
    table = read_video_truth(write(tmp_path / "v.csv", *GOOD))
    assert table.columns.tolist() == HEADER.split(",")
    assert table["frame"].dtype == np.int64 and table["frame"].tolist() == [0, 1, 4]
    assert table["second"].tolist() == [0.0, 0.2, 0.8]
    boxes = table[["x1", "y1", "x2", "y2"]]
    assert (boxes.dtypes == np.float64).all()
    assert boxes.iloc[0].tolist() == [10, 20.5, 30, 41] and boxes.iloc[1].isna().all()
    assert table["event"].tolist() == ["still", "away", "nurse"] and table["grade"].tolist() == ["none", "none", "hard"]


def test_a_video_of_an_empty_incubator(tmp_path: Path) -> None:
    table = read_video_truth(write(tmp_path / "v.csv", GOOD[1]))
    assert len(table) == 1 and table["x1"].dtype == np.float64 and table["x1"].isna().all()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,0.2,,,,,none", "row 3: 7 values"),
        ("one,0.2,,,,,none,still", "row 3: frame 'one'"),
        ("1,-0.2,,,,,none,still", "row 3: second '-0.2'"),
        ("1,nan,,,,,none,still", "row 3: second 'nan'"),
        ("1,0.2,1,2,x,4,none,still", "row 3: x2 'x'"),
        ("1,0.2,1,2,,4,none,still", "row 3: incomplete box"),
        ("1,0.2,3,2,3,4,none,still", "row 3: box 3 2 3 4"),
        ("1,0.2,,,,,severe,still", "row 3: grade 'severe'"),
        ("1,0.2,,,,,none,asleep", "row 3: event 'asleep'"),
        ("1,0.2,1,2,3,4,none,away", "row 3: box although the infant is away"),
        ("0,0.2,,,,,none,still", "row 3: not after"),
        ("1,0.0,,,,,none,still", "row 3: not after"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    path = write(tmp_path / "v.csv", GOOD[0], row, GOOD[2])
    with pytest.raises(InputError, match="v.csv, " + message):
        read_video_truth(path)


def test_a_row_after_a_blank_line_has_the_number_that_editors_show(tmp_path: Path) -> None:
    path = write(tmp_path / "v.csv", GOOD[0], "", GOOD[0])
    with pytest.raises(InputError, match="row 4: not after"):
        read_video_truth(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: does not exist"):
        read_video_truth(tmp_path / "none.csv")
    with pytest.raises(
        InputError, match="no column frame; expected the true boxes of the video of that name with frame, second"
    ):
        read_video_truth(write(tmp_path / "v.csv", header="a,b"))
    with pytest.raises(InputError, match="no frame"):
        read_video_truth(write(tmp_path / "v.csv"))
    (tmp_path / "v.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a CSV file"):
        read_video_truth(tmp_path / "v.csv")


HEADER_FRAME_BOXES = "frame,second,x1,y1,x2,y2,grade,event\n"
VIDEOS = {"a": Path("there/a.mp4"), "b": Path("b.avi")}


def as_lists(found: dict[int, FrameBoxes]) -> dict[int, tuple[str, list[list[float]] | None]]:
    return {
        number: (known.grade, None if known.boxes is None else known.boxes.tolist()) for number, known in found.items()
    }


def test_a_truth_table_tells_no_face_from_no_word(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text(HEADER_FRAME_BOXES + "0,0.0,1,2,30.5,40,easy,still\n3,0.6,,,,,none,away\n")
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
        ("c.csv", HEADER_FRAME_BOXES, "no video has this name; expected one of a, b"),
        ("a.txt", HEADER_FRAME_BOXES, r"expected the ground truth of a video \(\.csv\)"),
        ("a.csv", HEADER_FRAME_BOXES + "0,0,1,2,1,4,easy,still\n", "row 2: box 1 2 1 4; expected x1 below x2"),
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
        (tmp_path / folder / "a.csv").write_text(HEADER_FRAME_BOXES + "0,0,1,2,3,4,easy,still\n")
    with pytest.raises(InputError, match=r"two/a\.csv: there/a\.mp4 already has boxes from another table"):
        read_frame_boxes([tmp_path / "one/a.csv", tmp_path / "two/a.csv"], VIDEOS)
