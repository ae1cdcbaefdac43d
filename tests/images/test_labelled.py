"""Labels as the network counts classes, and what is wrong with some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.images.conftest import SIDED, write_data_set
from uncover.data.parts import CLASS_NAMES
from uncover.errors import InputError
from uncover.images.labelled import LabelledImages, label_path, read_labelled_images, sides

GOOD = "0 0.5 0.5 0.2 0.2\n"


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A data set that may be spoilt."""
    return write_data_set(tmp_path / "set")


def test_all_classes_keep_their_order(labelled: LabelledImages) -> None:
    assert labelled.class_names == SIDED and labelled.class_ids == (0, 1, 2)
    assert [path.name for path in labelled.paths] == [f"{number:03}.png" for number in range(8)]
    assert labelled.sizes.dtype == np.int64 and labelled.sizes.shape == (8, 2)
    assert [own[:, 0].tolist() for own in labelled.labels] == [[number % 3] for number in range(8)]
    assert all(own.dtype == np.float32 and own.shape == (1, 5) for own in labelled.labels)


def test_chosen_classes_are_renumbered_and_others_left_out(data_set: Path) -> None:
    chosen = read_labelled_images(data_set, ("right face", "eyes"))
    assert chosen.class_names == ("right face", "eyes") and chosen.class_ids == (2, 0)
    assert [own[:, 0].tolist() for own in chosen.labels] == [[1], [], [0], [1], [], [0], [1], []]


def test_rows_stay_in_order_and_repeated_ones_count_once(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["2 0.5 0.5 0.1 0.1", "0 0.25 0.5 1 1e-3", "", "2.0 0.50 0.5 0.1 0.1", "1 0 1 1.00000001 0.1"]
    (fresh / "labels/003.txt").write_text("\n".join(rows))
    (fresh / "labels/004.txt").unlink()
    (fresh / "labels/005.txt").write_text("\n")
    labels = read_labelled_images(fresh).labels
    expected = [[2, 0.5, 0.5, 0.1, 0.1], [0, 0.25, 0.5, 1, 1e-3], [1, 0, 1, 1, 0.1]]
    assert np.array_equal(labels[3], np.array(expected, np.float32))
    assert labels[4].shape == labels[5].shape == (0, 5)
    assert "1 label files repeat a row, such as 003.txt" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("0 nan 0.5 0.1 0.1", "not a finite number"),
        ("0 0.5 0.5 inf 0.1", "not a finite number"),
        ("7 0.5 0.5 0.1 0.1", "class 7 is unknown"),
        ("0.5 0.5 0.5 0.1 0.1", "class 0.5 is unknown"),
        ("-1 0.5 0.5 0.1 0.1", "class -1 is unknown"),
        ("nan 0.5 0.5 0.1 0.1", "not a finite number"),
        ("0 0.5 1.01 0.1 0.1", "shares of the image from 0 to 1"),
        ("0 -0.01 0.5 0.1 0.1", "shares of the image from 0 to 1"),
        ("0 0.5 0.5 0 0.1", "sides above 0"),
        ("0 0.5 0.5 0.1", "4 values; expected five"),
        ("0 0.5 0.5 0.1 0.1 0.9", "6 values; expected five"),
        ("0 0,5 0.5 0.1 0.1", "not five numbers"),
        ("face 0.5 0.5 0.1 0.1", "not five numbers"),
    ],
)
def test_a_row_that_is_no_box_is_named(fresh: Path, row: str, expected: str) -> None:
    (fresh / "labels/004.txt").write_text(f"{GOOD}\n{row}\n{GOOD}")
    with pytest.raises(InputError, match=expected) as error:
        read_labelled_images(fresh)
    assert str(error.value).startswith(f"{fresh}/labels/004.txt, row 3: ") and "\n" not in str(error.value)


def test_all_that_is_wrong_is_told_at_once(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (fresh / "labels/002.txt").write_text(f"{GOOD}0 nan 0.5 0.1 0.1\n7 0.5 0.5 0.1 0.1")
    (fresh / "labels/004.txt").write_text("0 0.5 0.5 0.1")
    (fresh / "images/005.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"set: 4 problems; fix them .* the first: .*002\.txt, row 2: ") as error:
        read_labelled_images(fresh)
    assert "\n" not in str(error.value)
    told = capsys.readouterr().err
    for words in ("002.txt, row 2: '0 nan", "002.txt, row 3: class 7", "004.txt, row 1: 4 values", "005.png is empty"):
        assert words in told
    for number in range(8):
        (fresh / f"labels/{number:03}.txt").write_text("0 0.5\n" * 10)
    with pytest.raises(InputError, match="81 problems, of which 20 are listed"):
        read_labelled_images(fresh)
    assert capsys.readouterr().err.count("problem: ") == 20


def test_polygons_count_as_the_boxes_around_them(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (fresh / "labels/004.txt").write_text(
        "\ufeff1 0.2 0.4 0.6 0.4 0.4 0.8\r\n0.0 0.5 0.5 0.2 0.2 \r\n", encoding="utf-8"
    )
    boxes = read_labelled_images(fresh).labels[4]
    assert np.allclose(boxes, [[1, 0.4, 0.6, 0.4, 0.4], [0, 0.5, 0.5, 0.2, 0.2]])
    assert "1 rows of labels are polygons; using their bounding boxes" in capsys.readouterr().err


def test_images_without_label_file_are_counted(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (fresh / "labels/004.txt").unlink()
    (fresh / "labels/005.txt").write_text("")
    read_labelled_images(fresh)
    assert "1 of 8 images have no label file, such as 004.txt: background" in capsys.readouterr().err


def test_a_class_that_is_not_named_is_refused_even_where_it_is_not_wanted(fresh: Path) -> None:
    (fresh / "labels/004.txt").write_text(GOOD.replace("0", "9", 1))
    with pytest.raises(InputError, match=r"004\.txt, row 1: class 9 is unknown"):
        read_labelled_images(fresh, ("eyes",))
    with pytest.raises(InputError, match="no class 'ears'; its classes are eyes, left face, right face"):
        read_labelled_images(fresh, ("ears",))


def test_a_corrupt_image_in_the_middle_is_named(fresh: Path) -> None:
    image = fresh / "images/004.png"
    image.write_bytes(image.read_bytes()[:60])
    with pytest.raises(InputError, match=r"images/004\.png .*fix or remove"):
        read_labelled_images(fresh)


def test_an_empty_data_set_is_refused(fresh: Path) -> None:
    for label in (fresh / "labels").iterdir():
        label.write_text(GOOD)
    with pytest.raises(InputError, match="no box of left face in the labels of 8 images"):
        read_labelled_images(fresh, ("left face",))
    for label in (fresh / "labels").iterdir():
        label.unlink()
    with pytest.raises(InputError, match="no box in the labels of 8 images"):
        read_labelled_images(fresh)
    for image in (fresh / "images").iterdir():
        image.unlink()
    with pytest.raises(InputError, match="images: no image in it"):
        read_labelled_images(fresh)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "no such file"),
        ("path: .\n", "has no class names"),
        ("names: {0: a, 1: a}\n", "one name for two classes"),
        ("names: [a\n", "is not YAML"),
        ("names: {a: 0}\n", "has no class names"),
        ("just words", "has no class names"),
    ],
)
def test_classes_must_be_named(fresh: Path, content: str | None, expected: str) -> None:
    (fresh / "data.yaml").unlink()
    if content is not None:
        (fresh / "data.yaml").write_text(content)
    with pytest.raises(InputError, match=expected) as error:
        read_labelled_images(fresh)
    assert str(fresh / "data.yaml") in str(error.value) and "\n" not in str(error.value)


def test_a_subset_is_a_folder_or_a_list(fresh: Path) -> None:
    (fresh / "few.txt").write_text("./images/005.png\nimages/002.png\n\n")
    (fresh / "none.txt").touch()
    with (fresh / "data.yaml").open("a") as file:
        file.write("few: few.txt\nnone: none.txt\n")
    assert len(read_labelled_images(fresh, subset="train")) == 8
    few = read_labelled_images(fresh, subset="few")
    assert [path.name for path in few.paths] == ["002.png", "005.png"]
    assert [own[0, 0] for own in few.labels] == [2, 2]
    with pytest.raises(InputError, match="has no entry 'test'"):
        read_labelled_images(fresh, subset="test")
    with pytest.raises(InputError, match="lists no image"):
        read_labelled_images(fresh, subset="none")


def test_two_images_may_not_share_their_labels(fresh: Path) -> None:
    (fresh / "images/000.jpg").write_bytes((fresh / "images/001.png").read_bytes())
    with pytest.raises(InputError, match=r"000\.png: has the same label file .* as 000\.jpg"):
        read_labelled_images(fresh)


def test_labels_stand_beside_the_last_folder_of_images() -> None:
    assert label_path(Path("images/set/images/a/b.jpg")) == Path("images/set/labels/a/b.txt")
    assert label_path(Path("set/images/a.b.png")) == Path("set/labels/a.b.txt")


def test_left_and_right_change_places_and_nothing_else_does() -> None:
    mirrored = [CLASS_NAMES[other] for other in sides(CLASS_NAMES)]
    changed = {name: other for name, other in zip(CLASS_NAMES, mirrored, strict=True) if name != other}
    assert changed == {
        "left face": "right face",
        "right face": "left face",
        "left eye face": "right eye face",
        "right eye face": "left eye face",
    }
    assert sides(("whole face",)).tolist() == [0]
    with pytest.raises(InputError, match="'left face' becomes 'right face' when mirrored, which is not a class"):
        sides(("left face", "whole face"))
