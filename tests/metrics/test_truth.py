"""Label files become pixels; what is no label is named by file and row."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from uncover.errors import InputError
from uncover.metrics.predictions import CORNERS
from uncover.metrics.truth import find_labels, read_truth


def labels(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    folder.mkdir(exist_ok=True)
    return folder


def images(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"image": names, "width": 200, "height": 100})


def test_boxes_in_pixels_in_the_order_of_the_images(tmp_path: Path) -> None:
    folder = labels(
        tmp_path / "labels",
        {"a.txt": "2 0.5 0.5 0.5 0.2\n\n0 0.25 0.5 0.1 0.1\n", "deep/b.txt": "9 0.5 0.5 1 1", "c.txt": ""},
    )
    truth = read_truth(folder, images("deep/b.jpeg", "a.png", "c.jpg", "d.jpg"))
    assert truth["image"].tolist() == ["deep/b.jpeg", "a.png", "a.png"]
    assert truth["class_id"].tolist() == [9, 2, 0]
    expected = [[0, 0, 200, 100], [50, 40, 150, 60], [40, 45, 60, 55]]
    assert truth[list(CORNERS)].to_numpy().ravel() == pytest.approx(
        [value for row in expected for value in row], abs=1e-4
    )


def test_a_box_that_leaves_the_image_ends_at_its_edge_and_one_that_stands_twice_counts_once(tmp_path: Path) -> None:
    folder = labels(tmp_path, {"a.txt": "0 0.1 0.5 0.4 0.2\n0 0.10 0.5 0.4 0.2\n0 0.1 0.5 0.4 0.3\n"})
    truth = read_truth(folder, images("a.png"))
    assert truth["x1"].tolist() == [0, 0] and truth["x2"].tolist() == pytest.approx([60, 60])


def test_a_data_set_is_as_good_as_its_labels(tmp_path: Path) -> None:
    labels(tmp_path / "labels", {"a.txt": "0 0.5 0.5 0.5 0.5"})
    assert len(read_truth(tmp_path, images("a.png"))) == len(read_truth(tmp_path / "labels", images("a.png"))) == 1


def test_label_files_that_belong_to_nobody_are_told(tmp_path: Path) -> None:
    folder = labels(tmp_path, {"a.txt": "", "b.txt": "", "deep/a.txt": ""})
    files = find_labels(folder, ["a.png", "c.png"])
    assert list(files.of_image) == ["a.png"] and files.unlabelled == ["c.png"]
    assert [path.relative_to(folder).as_posix() for path in files.unpredicted] == ["b.txt", "deep/a.txt"]


def test_images_without_any_label_file(tmp_path: Path) -> None:
    truth = read_truth(labels(tmp_path / "labels", {}), images("a.png", "b.png"))
    assert len(truth) == 0 and list(truth) == ["image", "class_id", *CORNERS]
    assert str(truth["class_id"].dtype) == "int64"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0 0.5 0.5 0.5", "row 1: 4 values; expected five"),
        ("\n0 .5 .5 .5 .5\n0 .5 .5 .5 .5 .5 .5", "row 3: 7 values"),
        ("0 0.5 half 0.5 0.5", "row 1: '0 0.5 half 0.5 0.5' are not five numbers"),
        ("0 0.5 nan 0.5 0.5", "row 1: .* not a finite number"),
        ("0 0.5 0.5 inf 0.5", "row 1: .* not a finite number"),
        ("0 1.01 0.5 0.5 0.5", "row 1: .* expected shares of the image from 0 to 1"),
        ("0 0.5 -0.1 0.5 0.5", "row 1: .* expected shares"),
        ("0 0.5 0.5 0 0.5", "row 1: .* sides above 0"),
        ("-1 0.5 0.5 0.5 0.5", "row 1: class -1 is unknown; expected a whole number of 0 or more"),
        ("0.5 0.5 0.5 0.5 0.5", "row 1: class 0.5 is unknown"),
        ("1e30 0.5 0.5 0.5 0.5", "row 1: class 1e30 is unknown"),
        ("nan 0.5 0.5 0.5 0.5", "row 1: .* not a finite number"),
        ("nose 0.5 0.5 0.5 0.5", "row 1: .* are not five numbers"),
    ],
)
def test_lines_that_are_no_labels(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=f"a.txt, {says}"):
        read_truth(labels(tmp_path, {"a.txt": text}), images("a.png"))


def test_files_that_are_no_label_files(tmp_path: Path) -> None:
    (labels(tmp_path, {}) / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"a.txt: is not text"):
        read_truth(tmp_path, images("a.png"))


def test_a_wrong_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: is not a folder"):
        read_truth(tmp_path / "nowhere", images("a.png"))
    folder = labels(tmp_path, {"b.txt": "", "c.txt": ""})
    with pytest.raises(
        InputError, match=r"none of its 2 label files \(such as b.txt\) belongs to .* \(such as a.png\)"
    ):
        read_truth(folder, images("a.png"))


def test_two_images_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a.txt: is the label file of both a.png and a.jpg"):
        read_truth(tmp_path, images("a.png", "a.jpg"))


PARTS = {0: "eyes", 1: "nose", 2: "whole face"}
ONE = "0.5 0.5 0.5 0.5"


def ids_of(folder: Path, known: dict[int, str]) -> list[int]:
    return read_truth(folder, images("a.png"), known)["class_id"].tolist()


@pytest.mark.parametrize(
    ("names", "rows", "known", "expected"),
    [
        (["face"], [0], PARTS, [2]),
        (["mask", "face"], [1, 0], PARTS, [2, 3]),
        (["nose", "Whole Face", "ear"], [0, 1, 2], PARTS, [1, 2, 3]),
        (["eyes", "nose", "whole face"], [0, 2], PARTS, [0, 2]),
        (["eyes", "nose", "whole face"], [0, 2], {2: "whole face"}, [0, 2]),
        (["hand", "infant face"], [1, 0], {0: "face"}, [0, 2]),
    ],
)
@pytest.mark.parametrize("file", ["data.yaml", "classes.txt", "labels/classes.txt"])
def test_classes_are_those_of_the_same_name(
    tmp_path: Path, names: list[str], rows: list[int], known: dict[int, str], expected: list[int], file: str
) -> None:
    text = f"names: {names}\ntrain: images\n" if file == "data.yaml" else "\n".join(names)
    labels(tmp_path, {"labels/a.txt": "".join(f"{row} {ONE}\n" for row in rows), file: text})
    assert ids_of(tmp_path, known) == ids_of(tmp_path / "labels", known) == expected


def test_labels_of_classes_that_the_model_does_not_know_are_refused(tmp_path: Path) -> None:
    labels(tmp_path, {"labels/a.txt": f"0 {ONE}", "classes.txt": "cup\nhand"})
    with pytest.raises(InputError, match="classes cup, hand, none of which the model has; the model has eyes, nose"):
        ids_of(tmp_path, PARTS)


def test_class_0_of_graded_frames_is_the_whole_face(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels(tmp_path / "hard", {"labels/a.txt": f"0 {ONE}", "images/a.png": ""})
    assert ids_of(tmp_path / "hard/labels", PARTS) == [2]
    assert "no file names the classes of these labels; using 0 as 'whole face'" in capsys.readouterr().err
    truth = read_truth(tmp_path, images("hard/images/a.png"), {2: "whole face"})
    assert truth["class_id"].tolist() == [2]


def test_a_bare_0_that_may_be_two_classes_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = labels(tmp_path / "mine", {"a.txt": f"0 {ONE}"})
    with pytest.raises(InputError, match=r"0 may be 'eyes' or 'whole face'; add the data\.yaml"):
        ids_of(folder, PARTS)
    labels(tmp_path / "mine", {"a.txt": f"0 {ONE}\n2 {ONE}"})
    assert ids_of(folder, PARTS) == [0, 2]
    assert "using the ids of the model" in capsys.readouterr().err


def test_all_rows_that_are_no_labels_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = labels(tmp_path, {"a.txt": "0 1\n0 2", "b.TXT": "x 0.5 0.5 0.5 0.5"})
    with pytest.raises(InputError, match=r"3 problems; .* the first: .*a\.txt, row 1: 2 values"):
        read_truth(folder, images("a.png", "b.png"))
    told = capsys.readouterr().err
    assert "a.txt, row 2: 2 values" in told and "b.TXT, row 1: 'x 0.5" in told
