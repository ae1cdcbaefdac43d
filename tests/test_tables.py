"""Tables and summaries that are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from uncover import cli
from uncover.errors import InputError
from uncover.tables import Column, check_rows, read_rows, read_summary, read_table


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "does not exist; make it with 'uncover labels'"), (b"no table", "is not a Parquet file"), (b"", "Parquet")],
)
def test_what_is_no_table_is_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "a.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_table(path, ["x"], "labels")
    assert message in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_table_of_another_kind_names_the_missing_column(tmp_path: Path) -> None:
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet", ["x"], "labels")["x"].tolist() == [1]
    with pytest.raises(InputError, match=r"a\.parquet: no column y; expected a table of 'uncover labels'"):
        read_table(tmp_path / "a.parquet", ["x", "y"], "labels")


def test_a_csv_of_a_command_is_read_as_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("epoch,   loss\n0, 0.5\n", encoding="utf-8")
    table = read_table(path, ["epoch", "loss"], "train")
    assert table["epoch"].dtype == np.int64 and table["loss"].tolist() == [0.5]
    with pytest.raises(InputError, match=r"a\.csv: no column x; expected a table of 'uncover train'"):
        read_table(path, ["x"], "train")
    path.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.csv: is not a CSV file \(No columns to parse from file\)"):
        read_table(path, ["x"], "train")


CELLS = {
    "image": Column(),
    "faces": Column("whole", low=0, empty=True),
    "confidence": Column("number", low=0, high=1),
    "grade": Column(words=("none", "hard"), optional=True),
    "missed": Column("bool"),
}
GOOD = "image,faces,confidence,missed,note\na.jpg,2,0.5,True,x\n\nb.jpg,,1,False\n"


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace(",", ";"),
        GOOD.replace(",", " \t").replace("image", "Image"),
        GOOD.replace("\n", "\r\n").replace("x", "x,,"),
        GOOD.replace("a.jpg", '"a.jpg"'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_rows_have_types_and_the_numbers_that_editors_show(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    table = read_rows(path, CELLS, "a list")
    assert table.index.tolist() == [2, 4] and table.columns.tolist() == [
        "image",
        "faces",
        "confidence",
        "missed",
        "note",
    ]
    assert table["image"].tolist() == ["a.jpg", "b.jpg"] and table["note"].tolist() == ["x", ""]
    assert table["faces"].dtype == "Int64" and table["faces"].isna().tolist() == [False, True]
    assert table["confidence"].dtype == np.float64 and table["missed"].dtype == bool


def test_a_table_without_rows_has_its_types(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(GOOD.partition("\n")[0], encoding="utf-8")
    table = read_rows(path, CELLS, "a list")
    assert table.empty and table["confidence"].dtype == np.float64 and table["missed"].dtype == bool


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("image", "picture", r": no column image; expected a list with image, faces, confidence, missed$"),
        ("note", "faces", ": column faces occurs twice; expected a list"),
        ("a.jpg", "", ", row 2: image ''; expected text$"),
        (",2,", ",2.5,", ", row 2: faces '2.5'; expected a whole number of 0 or more, or an empty cell$"),
        (",2,", ",-1,", ", row 2: faces '-1'"),
        (",1,", ",1.1,", ", row 4: confidence '1.1'; expected a number from 0 to 1$"),
        (",1,", ",nan,", ", row 4: confidence 'nan'"),
        (",1,", ",1e_0,", ", row 4: confidence '1e_0'"),
        ("False", "no", ", row 4: missed 'no'; expected True or False$"),
        (",1,False", "", ", row 4: 2 values; expected 5: image, faces, confidence, missed, note$"),
        (",x", ",x,y", ", row 2: 6 values; expected 5"),
        ("note", "grade", ", row 2: grade 'x'; expected one of none, hard$"),
        ("a.jpg", '"a.jpg', r": is not a CSV file \(unexpected end of data\); expected a list$"),
        (GOOD, "\n", r": is empty; expected a list$"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=f"a\\.csv{says}"):
        read_rows(path, CELLS, "a list")


@pytest.mark.parametrize(
    ("content", "says"), [(None, "does not exist; expected a list"), (b"\xff\xd8\xff\xe0", "is not a CSV file")]
)
def test_what_are_no_rows_is_one_line(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "a.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.csv: {says}"):
        read_rows(path, CELLS, "a list")


def test_what_must_hold_for_a_row_is_told_of_the_first_where_it_does_not(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x1,x2\n1,2\n\n3,3\n4,1\n", encoding="utf-8")
    table = read_rows(path, {"x1": Column("number"), "x2": Column("number")}, "boxes")
    with pytest.raises(InputError, match=r"a\.csv, row 4: x1 3 and x2 3; expected the first below"):
        check_rows(path, table, table["x1"] < table["x2"], "x1 {x1:g} and x2 {x2:g}; expected the first below")
    check_rows(path, table, table["x1"] > 0, "x1 {x1:g}")


@pytest.mark.parametrize("content", ["", "[]", "{", json.dumps({"a": 1})])
def test_what_is_no_summary_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=r"a\.json: .*'uncover split_photos'"):
        read_summary(tmp_path / "a.json", ["a", "b"], "split_photos")


@pytest.mark.parametrize(
    "arguments",
    [
        ["table_01", "OUT", "--faces", "BAD"],
        ["table_01", "OUT", "--frames", "BAD"],
        ["table_02", "OUT", "--manifests", "BAD", "--splits", "BAD", "--published", "BAD"],
        ["table_parts", "OUT", "--faces", "BAD"],
        ["figure_15", "OUT", "--faces", "BAD", "--boxes", "BAD"],
        ["figure_16", "OUT", "--manifest", "BAD", "--boxes", "BAD"],
        ["split_photos", "BAD", "OUT", "OUT", "--split", "train=all"],
        ["label_faces", "OUT", "--set", "train", "--faces", "BAD", "--splits", "BAD"],
    ],
)
def test_every_command_that_reads_tables_refuses_what_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    bad = tmp_path / "bad"
    bad.write_text("no table")
    places = {"OUT": str(tmp_path / "out"), "BAD": str(bad)}
    assert cli.main([places.get(argument, argument) for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and str(bad) in said
    assert not (tmp_path / "out").exists()
