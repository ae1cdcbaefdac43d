"""A table written by hand, and each of its rows spoilt in turn."""

from pathlib import Path

import numpy as np
import pytest

from uncover.data.video_truth import read_video_truth
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
        ("1,0.2,1,2,,4,none,still", "row 3: half a box"),
        ("1,0.2,3,2,3,4,none,still", "row 3: box 3 2 3 4"),
        ("1,0.2,,,,,severe,still", "row 3: grade 'severe'"),
        ("1,0.2,,,,,none,asleep", "row 3: event 'asleep'"),
        ("1,0.2,1,2,3,4,none,away", "row 3: a box while the infant is away"),
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
    with pytest.raises(InputError, match="no CSV file"):
        read_video_truth(tmp_path / "v.csv")
