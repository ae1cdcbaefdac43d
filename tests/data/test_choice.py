"""Which frames and boxes count: lists of frames, words beside the boxes, sizes; and what names tell of blocks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from uncover.cli import main
from uncover.data.blocks import Block, BlockNames, read_block_names
from uncover.data.choice import Choice, read_grades
from uncover.data.faces import FrameFaces, Rejected
from uncover.data.frames import read_frames
from uncover.errors import InputError
from uncover.metrics.truth import read_truth

if TYPE_CHECKING:
    from conftest import RawData

GRADES = {"none": ("open",), "easy": ("truncated",), "hard": ("covered",)}
FRAMES = {
    "baby_1": ["open"],
    "baby_2": ["open", "covered"],
    "baby_41": ["covered+truncated"],
    "baby_79": ["truncated"],
    "baby_80": [],
}


@pytest.fixture
def nursery(raw: RawData) -> RawData:
    """Frames with a box of half the photo for each word, smaller the later it stands."""
    for name, words in FRAMES.items():
        raw.photo(f"images/{name}.jpg", 100, 80)
        raw.write(f"labels/{name}.txt", "".join(f"0 0.5 0.5 {0.5 / n} {0.5 / n}\n" for n in range(1, len(words) + 1)))
        raw.write(f"classes/{name}.txt", "\n".join(words))
    raw.write("complete.txt", "baby_1.jpg\nbaby_2.jpg\nbaby_99.jpg\n")
    return raw


def grades_of(items: list[FrameFaces | Rejected]) -> dict[str, str]:
    return {item.image.stem: item.grade for item in items if isinstance(item, FrameFaces)}


def test_a_frame_has_the_hardest_grade_of_its_boxes_and_without_one_the_easiest(nursery: RawData) -> None:
    items = list(read_frames(nursery.root, choice=Choice(grades=GRADES)))
    assert grades_of(items) == dict(zip(FRAMES, ["none", "hard", "hard", "easy", "none"], strict=True))
    hard = list(read_frames(nursery.root, "hard", choice=Choice(grades=GRADES)))
    assert list(grades_of(hard)) == ["baby_2", "baby_41"] and len(hard) == 2
    with pytest.raises(InputError, match="no words define the grade 'medium'; expected one of none, easy, hard"):
        list(read_frames(nursery.root, "medium", choice=Choice(grades=GRADES)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("open\ncovered\nopen", "3 rows in classes/ for 2 boxes"),
        (None, "0 rows in classes/ for 2 boxes"),
        ("open\nodd", "the word 'odd' belongs to no grade; known: open, truncated, covered"),
    ],
)
def test_words_that_do_not_fit_cost_their_frame_and_are_told(nursery: RawData, text: str | None, says: str) -> None:
    (nursery.root / "classes/baby_2.txt").unlink()
    if text is not None:
        nursery.write("classes/baby_2.txt", text)
    items = list(read_frames(nursery.root, choice=Choice(grades=GRADES)))
    (bad,) = (item for item in items if isinstance(item, Rejected))
    assert (bad.photo, bad.reason) == ("images/baby_2.jpg", "malformed_words") and says in bad.detail
    assert len(grades_of(items)) == 4


def test_a_list_chooses_frames_and_tells_what_it_leaves_out(
    nursery: RawData, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["--source", "x", "--layout", "yolo", "--only", "complete.txt"]
    assert main(["label_frames", str(nursery.root), str(tmp_path / "set"), *words]) == 0
    assert pd.read_parquet(tmp_path / "set/manifest.parquet")["photo"].tolist() == ["baby_1", "baby_2"]
    said = capsys.readouterr().err
    assert "left out 3 images that complete.txt does not list" in said
    assert "1 of the listed images do not exist, such as baby_99.jpg" in said and "passed over" not in said
    nursery.write("complete.txt", "other.jpg")
    assert main(["label_frames", str(nursery.root), str(tmp_path / "two"), *words]) == 2
    assert "none of the 1 listed images" in capsys.readouterr().err
    assert main(["label_frames", str(nursery.root), str(tmp_path / "two"), *words[:-1], "no.txt"]) == 2
    assert "no.txt: does not exist; expected a list of images" in capsys.readouterr().err


def test_boxes_of_other_words_and_small_ones_are_ignored_but_kept_on_record(nursery: RawData, tmp_path: Path) -> None:
    words = ["--source", "x", "--word", "covered", "--smallest", "30"]
    assert main(["label_frames", str(nursery.root), str(tmp_path / "set"), *words]) == 0
    manifest = pd.read_parquet(tmp_path / "set/manifest.parquet").set_index("photo")
    # baby_2: the first box is open, the second covered but 25 x 20 pixels.
    assert manifest["faces"].to_dict() == {"baby_1": 0, "baby_2": 0, "baby_41": 1, "baby_79": 0, "baby_80": 0}
    boxes = pd.read_parquet(tmp_path / "set/boxes.parquet")
    assert boxes["status"].value_counts().to_dict() == {"ignored": 4, "kept": 1}
    truth = read_truth(
        tmp_path / "set", pd.DataFrame({"image": ["baby_2.jpg", "baby_41.jpg"], "width": 100, "height": 80})
    )
    assert truth["image"].tolist() == ["baby_41.jpg", "baby_2.jpg", "baby_2.jpg"]
    assert truth["class_id"].tolist() == [2, -1, -1]
    assert truth.loc[1, ["x1", "y1", "x2", "y2"]].tolist() == pytest.approx([25, 20, 75, 60], abs=0.01)


@pytest.mark.parametrize("words", [["a"], ["a="], ["a=x", "a=y"], ["a=x", "b=x"]])
def test_grades_that_mean_nothing_are_refused(words: list[str]) -> None:
    with pytest.raises(InputError, match="--grade-words"):
        read_grades(words)


def test_names_tell_blocks(nursery: RawData, tmp_path: Path) -> None:
    persons = BlockNames("person", r"p\d+")
    assert persons.of("p017_003") == Block("p017", "person") and persons.of("x017") is None
    infants = BlockNames("infant", "baby_", 40)
    assert infants.of("baby_41") == infants.of("baby_79") == Block("baby_40-79", "infant")
    assert infants.of("baby_80") == Block("baby_80-119", "infant") and infants.of("baby_x") is None
    nursery.write("blocks.csv", "image,infant\nbaby_79.jpg,known\n")
    words = ["--source", "x", "--blocks", "x", "infant", "baby_", "40"]
    assert main(["label_frames", str(nursery.root), str(tmp_path / "set"), *words]) == 0
    manifest = pd.read_parquet(tmp_path / "set/manifest.parquet")
    assert manifest["block"].tolist() == ["baby_0-39", "baby_0-39", "baby_40-79", "known", "baby_80-119"]
    assert set(manifest["block_kind"]) == {"infant"}


@pytest.mark.parametrize("words", [["x", "dog", "a", "0"], ["x", "infant", "(", "0"], ["x", "infant", "a", "-1"]])
def test_names_of_blocks_that_mean_nothing_are_refused(words: list[str]) -> None:
    with pytest.raises(InputError, match="--blocks x"):
        read_block_names([words])
