"""Who belongs together: what people wrote down, what names say, and what is told when nobody says anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from uncover.cli import main
from uncover.data.blocks import Block, Blocks, BlockTable, block_of_video, infant_of, read_blocks, read_infants
from uncover.errors import InputError

FRAMES = (
    "image,video,infant\nungraded/images/a_000001.jpg,a,\nungraded/images/a_000002.jpg,a,Mia\nb/images/c_1.jpg,c,\n"
)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("video", "infant"),
    [
        ("infant_01", "infant_01"),
        ("infant_01_a", "infant_01"),
        ("infant_01_b", "infant_01"),
        ("Baby 7.second take", "Baby 7"),
        ("patient-12-night", "patient-12"),
        ("infant_011", "infant_011"),
        ("infant_01b", "infant_01"),
        ("infant_01b_night", "infant_01"),
        ("infant_01bc", None),
        ("ward_cam_2", None),
        ("clip_01", None),
        ("infant_2024_05", None),
        ("infants_01", None),
    ],
)
def test_the_name_of_a_video_may_say_whose_it_is(video: str, infant: str | None) -> None:
    assert infant_of(video) == infant


def test_somebodys_word_comes_before_the_name(tmp_path: Path) -> None:
    write(tmp_path / "infants.csv", "\ufeffVideo;Infant\r\ninfant_01_a.MP4;x\r\nclips\\cam_2.mov;x\r\n")
    infants = read_infants(tmp_path)
    assert infants == {"infant_01_a": "x", "cam_2": "x"}
    assert block_of_video("infant_01_a", infants) == Block("x", "infant", "infant_01_a")
    assert block_of_video("infant_01_b", infants) == Block("infant_01", "infant", "infant_01_b", by_name=True)
    assert block_of_video("cam_3", infants) == Block("cam_3", "video", "cam_3")
    assert read_infants(tmp_path / "nowhere") == {}


def test_one_row_of_a_video_says_it_for_all(tmp_path: Path) -> None:
    table = BlockTable(write(tmp_path / "frames.csv", FRAMES))
    assert {path: (block.name, block.kind) for path, block in table.of_path.items()} == {
        "ungraded/images/a_000001.jpg": ("Mia", "infant"),
        "ungraded/images/a_000002.jpg": ("Mia", "infant"),
        "b/images/c_1.jpg": ("c", "video"),
    }
    # A frame that was graded since is known by its name.
    found = table.find(["hard/images/a_000001.jpg"])
    assert found is not None and found.name == "Mia"
    write(tmp_path / "infants.csv", "video,infant\nc,Noah\na,somebody else\n")
    named = BlockTable(tmp_path / "frames.csv")
    assert [block.name for block in named.of_path.values()] == ["Mia", "Mia", "Noah"]


def test_names_that_stand_for_two_photos_stand_for_none(tmp_path: Path) -> None:
    table = BlockTable(write(tmp_path / "blocks.csv", "image,person\neasy\\images\\1.jpg,p1\n./hard/images/1.jpg,p2\n"))
    assert table.find(["1.jpg"]) is None
    assert [table.find([f"{grade}/images/1.jpg"]) for grade in ("easy", "hard")] == [
        Block("p1", "person"),
        Block("p2", "person"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("blocks.csv", "image,who\na.jpg,1\n", "columns image, who; expected image and one of block, infant, person"),
        ("blocks.csv", "infant\n1\n", "columns infant; expected image and one of"),
        ("blocks.csv", "image,infant\na.jpg,1\na.jpg,2\n", "row 3: a: '1' and '2'; expected one infant"),
        ("blocks.csv", "", "is empty"),
        ("frames.csv", "image,film\na.jpg,1\n", "expected the columns image and video"),
        ("frames.csv", "image,video\na.jpg,\n", "row 2: a: no video"),
        (
            "frames.csv",
            "image,video,infant\na_1.jpg,a,x\na_2.jpg,a,y\na_3.jpg,a,\n",
            "row 4: a_3: other rows of a have x, y; fill in the infant here, too",
        ),
    ],
)
def test_a_spoilt_table_is_named(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(InputError, match=f"{name}[:,] {says}"):
        BlockTable(write(tmp_path / name, text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("video\na\n", "no column infant; expected a table of videos and their infants with video, infant"),
        ("video,infant\na,\n", "row 2: infant ''; expected text"),
        ("video,infant\na,1\na.mp4,2\n", "row 3: a has infants '1' and '2'"),
    ],
)
def test_a_spoilt_list_of_infants_is_named(tmp_path: Path, text: str, says: str) -> None:
    write(tmp_path / "infants.csv", text)
    with pytest.raises(InputError, match=says):
        read_infants(tmp_path)


def test_blocks_are_numbered_by_first_appearance_and_strangers_are_alone() -> None:
    blocks = Blocks(
        {"a": Block("x", "infant"), "b": Block("y", "infant"), "c": Block("x", "video"), "d": Block("x", "infant")}
    )
    assert blocks.numbers(["b", "?", "a", "d", "c", "!"]).tolist() == [0, 1, 2, 2, 3, 4]
    assert blocks.numbers([]).dtype == np.int64
    count = blocks.count(["b", "?", "a", "d", "!"])
    assert (count.kind, count.blocks, count.alone) == ("infant", 4, 2)
    assert blocks.count(["a", "c"]).kind == "infant or video"
    assert blocks.count(["?"]).as_json() == {"kind": "infant or video", "blocks": 1, "alone": 1}


@pytest.fixture
def graded(tmp_path: Path) -> Path:
    """Two grades of two frames each, of which three are known to show two infants."""
    root = tmp_path / "graded"
    for grade in ("easy", "hard"):
        for name in ("1", "2"):
            path = root / grade / "images" / f"{grade}_{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.zeros((32, 48, 3), np.uint8)).save(path)
            write(root / grade / "labels" / f"{grade}_{name}.txt", "0 0.5 0.5 0.4 0.4\n")
    write(root / "blocks.csv", "image,infant\neasy/images/easy_1.png,i1\nhard/images/hard_1.png,i1\neasy_2.png,i2\n")
    return root


def test_the_manifest_says_what_a_frame_belongs_to_and_what_nobody_knows_is_told(
    graded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["labels", "--layout", "graded", str(graded), str(tmp_path / "set")]) == 0
    manifest = pd.read_parquet(tmp_path / "set/manifest.parquet").set_index("photo")
    assert manifest["block"].to_dict() == {"easy_1": "i1", "easy_2": "i2", "hard_1": "i1", "hard_2": ""}
    assert manifest["block_kind"].tolist() == ["infant", "infant", "infant", ""]
    assert "1 of 4 photos have no known infant, person or video; each counts as a block" in capsys.readouterr().err
    images = [name.removeprefix("images/") for name in manifest["image"]]
    for place in ("set", "set/labels"):
        blocks = read_blocks(tmp_path / place, images)
        assert blocks is not None and blocks.numbers(images).tolist() == [0, 1, 0, 2]
    # A later word beside the data set comes first, for those that it names.
    write(tmp_path / "set/blocks.csv", "image,block\nimages/hard_1.png,z\n")
    blocks = read_blocks(tmp_path / "set", images)
    assert blocks is not None and blocks.numbers(images).tolist() == [0, 1, 2, 3]
    assert blocks.count(images).kind == "block or infant"


def test_labels_of_a_grade_are_found_in_the_table_of_all_grades(graded: Path) -> None:
    blocks = read_blocks(graded / "easy/labels", ["easy_1.png", "easy_2.png"])
    assert blocks is not None and blocks.of_image == {"easy_1.png": Block("i1", "infant")}
    assert read_blocks(graded / "hard", ["other.png"]) is None


def test_a_table_that_is_given_has_to_speak_of_the_photos(graded: Path) -> None:
    blocks = read_blocks(graded / "nowhere", ["easy_2.png", "x.png"], graded / "blocks.csv")
    assert blocks is not None and list(blocks.of_image) == ["easy_2.png"]
    with pytest.raises(InputError, match=r"blocks\.csv: contains none of the 1 photos, such as x\.png"):
        read_blocks(graded, ["x.png"], graded / "blocks.csv")


def test_a_table_that_names_nothing_or_is_somebody_elses_is_told(
    graded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(graded / "blocks.csv", "image,infant\nother.png,i1\n")
    write(graded.parent / "frames.csv", "frame,time\n1,0.1\n")
    assert main(["labels", "--layout", "graded", str(graded), str(tmp_path / "set")]) == 0
    said = capsys.readouterr().err
    assert f"{graded / 'blocks.csv'}: contains none of these photos" in said
    assert "frames.csv: expected the columns image and video" in said and "this table is ignored" in said
    manifest = pd.read_parquet(tmp_path / "set/manifest.parquet")
    write(tmp_path / "set/frames.csv", "frame,time\n1,0.1\n")
    assert set(manifest["block"]) == {""} and read_blocks(tmp_path / "set", ["easy_1.png"]) is None
    write(graded / "blocks.csv", "image,name\nother.png,i1\n")
    assert main(["labels", "--layout", "graded", str(graded), str(tmp_path / "again")]) == 2
    assert "expected image and one of block, infant, person, video" in capsys.readouterr().err
